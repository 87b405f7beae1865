package peer

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
)

const (
	// referenceUnit is the unit of the reference time, which has 24 bits (draft-holmer-rmcat-transport-wide-cc-extensions-01
	// section 3.1).
	referenceUnit = 64 * time.Millisecond
	referenceMask = 1<<24 - 1

	// stepLimit is how far the far side's clock may be out of step with ours, as it was at first. Queues are shorter, and clocks that
	// deserve the name drift less in a day.
	stepLimit = 5 * time.Second
	// What has to be sound until feedback is believed: so many reports, over so long, during which the far side's clock went neither
	// proofRatio times as fast as ours nor as slow. A queue that builds makes it go faster by as much as the link is overloaded.
	proofReports = 5
	proofSpan    = time.Second
	proofRatio   = 4
)

// verdict is what is to be thought of one report.
type verdict uint8

const (
	unsound verdict = iota
	ignored         // nothing new: it came twice, late, or reports on nothing
	sound
)

// soundness judges transport-wide feedback, for not all who promise it know how: Asterisk's names the SSRC of the sound, and its
// reference time runs thousands of times too fast. The zero value is ready; after unsound feedback it begins anew.
type soundness struct {
	seen      int
	count     uint8 // of the newest report
	reference int64 // of the newest report, without the wrapping around
	// Of the first packet reported on: when it left, and when it arrived by the far side's clock.
	departed time.Time
	arrived  time.Duration
	// Of the newest packet.
	lastDeparted time.Time
	lastArrived  time.Duration
}

// judge takes one report on packets of the stream. why says what is wrong with one that is unsound.
func (s *soundness) judge(f *rtcp.TransportLayerCC, stream uint32, sent *departures) (v verdict, why string) {
	if v, why = s.take(f, stream, sent); v == unsound {
		*s = soundness{}
	}
	return v, why
}

func (s *soundness) take(f *rtcp.TransportLayerCC, stream uint32, sent *departures) (verdict, string) {
	if f.MediaSSRC != stream {
		return unsound, fmt.Sprintf("it is about stream %d", f.MediaSSRC)
	}
	if f.PacketStatusCount == 0 || s.seen > 0 && int8(f.FbPktCount-s.count) <= 0 {
		return ignored, ""
	}
	if !sent.cover(f.BaseSequenceNumber, f.PacketStatusCount) {
		return unsound, fmt.Sprintf("it is about %d packets from %d on, of %d that were sent", f.PacketStatusCount, f.BaseSequenceNumber, sent.count)
	}
	reference := int64(f.ReferenceTime & referenceMask)
	if s.seen > 0 { // of what it can be, what is nearest
		reference = s.reference + (reference-s.reference+(referenceMask+1)/2)&referenceMask - (referenceMask+1)/2
	}
	at := time.Duration(reference) * referenceUnit
	news, why := false, ""
	whole := eachStatus(f, func(number uint16, arrived bool, delta time.Duration) bool {
		if !arrived {
			return true
		}
		at += delta
		departed, known := sent.of(number)
		if !known {
			why = fmt.Sprintf("packet %d is long gone", number)
			return false
		}
		if s.departed.IsZero() {
			s.departed, s.arrived = departed, at
		}
		if step := at - s.arrived - departed.Sub(s.departed); step > stepLimit || step < -stepLimit {
			why = fmt.Sprintf("its clock is out of step by %v", step)
			return false
		}
		s.lastDeparted, s.lastArrived, news = departed, at, true
		return true
	})
	switch {
	case why != "":
		return unsound, why
	case !whole:
		return unsound, "it contradicts itself"
	case !news:
		return ignored, ""
	}
	s.seen++
	s.count, s.reference = f.FbPktCount, reference
	return sound, ""
}

// proven tells whether enough was sound.
func (s *soundness) proven() bool {
	here, there := s.lastDeparted.Sub(s.departed), s.lastArrived-s.arrived
	return s.seen >= proofReports && here >= proofSpan && there < here*proofRatio && there > here/proofRatio
}

// eachStatus goes through the packets of a report, with the time from the arrival before to each that arrived, until yield
// returns false. It returns false when the parts of the report do not fit together.
func eachStatus(f *rtcp.TransportLayerCC, yield func(number uint16, arrived bool, delta time.Duration) bool) bool {
	number, left, deltas := f.BaseSequenceNumber, int(f.PacketStatusCount), f.RecvDeltas
	one := func(symbol uint16) bool {
		var delta time.Duration
		arrived := symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta
		switch {
		case arrived && len(deltas) > 0:
			delta, deltas = time.Duration(deltas[0].Delta)*time.Microsecond, deltas[1:]
		case symbol != rtcp.TypeTCCPacketNotReceived:
			return false
		}
		left--
		number++
		return yield(number-1, arrived, delta)
	}
	for _, c := range f.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range min(left, int(c.RunLength)) {
				if !one(c.PacketStatusSymbol) {
					return false
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList[:min(left, len(c.SymbolList))] {
				if !one(symbol) {
					return false
				}
			}
		default:
			return false
		}
	}
	return left == 0 && len(deltas) == 0
}
