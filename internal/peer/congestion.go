package peer

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	// transportCC is the feedback's name in a=rtcp-fb, transportCCURI the header extension's in a=extmap.
	transportCC    = "transport-cc"
	transportCCURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

	// feedbackPatience is how long what was sent may go without feedback. Browsers send it each 50 to 250 ms.
	feedbackPatience = time.Second
	// feedbackChances is how often a far side's feedback may prove unsound until it is not listened to any more.
	feedbackChances = 3
)

// congestion is the congestion control of the picture where the far side reports on each packet: Google's, by pion
// (draft-ietf-rmcat-gcc-02). Reports are watched for the whole call, and without sound ones there is no estimate. The picture alone
// carries numbers, so the estimate is of its packets.
type congestion struct {
	log    *slog.Logger
	stream uint32 // the picture's SSRC

	mu         sync.Mutex
	closed     bool
	sent       departures
	unanswered time.Time // the first packet that left after the newest report
	sound      soundness
	failures   int
	begin      estimateRange

	id        uint8                 // of the header extension
	estimator *gcc.SendSideBWE      // nil without sound reports
	note      interceptor.RTPWriter // is told what leaves
	first     uint16                // the first number it knows
	fed       bool
}

// estimateRange bounds an estimate, in bit/s; start is what the next one begins with.
type estimateRange struct{ least, start, most int }

// stamp numbers a packet of the picture that leaves now; it returns the header to send. The one given is not changed: it may be kept
// for sending again.
func (c *congestion) stamp(h *rtp.Header, payload []byte, id uint8, now time.Time) (*rtp.Header, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id != c.id {
		c.forget()
		c.id = id
	}
	stamped := h.Clone()
	text, err := rtp.TransportCCExtension{TransportSequence: c.sent.add(now)}.Marshal()
	if err == nil {
		err = stamped.SetExtension(id, text)
	}
	if err != nil {
		return nil, fmt.Errorf("peer: header extension %d: %w", id, err)
	}
	if c.unanswered.IsZero() {
		c.unanswered = now
	}
	if c.estimator != nil {
		if _, err = c.note.Write(&stamped, payload, interceptor.Attributes{}); err != nil {
			c.forget()
		}
	}
	return &stamped, nil
}

// take takes a report.
func (c *congestion) take(f *rtcp.TransportLayerCC) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.sent.count == 0 || c.failures >= feedbackChances {
		return
	}
	switch v, why := c.sound.judge(f, c.stream, &c.sent); v {
	case unsound:
		c.failures++
		c.log.Debug("transport-wide feedback is unsound", "because", why, "for_good", c.failures >= feedbackChances)
		c.forget()
		return
	case ignored:
		return
	case sound:
	}
	c.unanswered = time.Time{}
	if !c.sound.proven() {
		return
	}
	if c.estimator == nil {
		c.start()
		return
	}
	if !c.fed {
		// A first packet that was lost has no time of arrival, and the estimator would take that for one.
		known := int16(f.BaseSequenceNumber-c.first) >= 0
		eachStatus(f, func(_ uint16, arrived bool, _ time.Duration) bool {
			known = known && arrived
			return false
		})
		if !known {
			return
		}
		c.fed = true
	}
	if err := c.estimator.WriteRTCP([]rtcp.Packet{f}, nil); err != nil {
		c.log.Debug("transport-wide feedback", "error", err)
		c.forget()
	}
}

// start begins to estimate. The caller holds mu.
func (c *congestion) start() {
	if c.begin.start == 0 {
		return
	}
	// Its packets leave by the picture's own pace.
	e, err := gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(c.begin.start), gcc.SendSideBWEMinBitrate(c.begin.least),
		gcc.SendSideBWEMaxBitrate(c.begin.most), gcc.SendSideBWEPacer(gcc.NewNoOpPacer()), gcc.WithLoggerFactory(quietLoggers{c.log}))
	if err != nil {
		c.log.Debug("congestion control", "error", err)
		return
	}
	c.estimator, c.first, c.fed = e, uint16(c.sent.count+1), false
	c.note = e.AddStream(&interceptor.StreamInfo{
		SSRC: c.stream, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: transportCCURI, ID: int(c.id)}},
	}, interceptor.RTPWriterFunc(func(*rtp.Header, []byte, interceptor.Attributes) (int, error) { return 0, nil }))
}

// forget ends the estimate; reports have to prove sound anew. The caller holds mu.
func (c *congestion) forget() {
	c.sound = soundness{}
	if c.estimator == nil {
		return
	}
	if err := c.estimator.Close(); err != nil {
		c.log.Debug("congestion control", "error", err)
	}
	c.estimator, c.note = nil, nil
}

// allow sets the bounds of the next estimate, and where it begins.
func (c *congestion) allow(r estimateRange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin = r
}

// estimate is what is possible, in bit/s of packets without what is around RTP; 0 when there is none. agreed says that the far side still
// takes the numbers.
func (c *congestion) estimate(agreed bool, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !agreed || !c.unanswered.IsZero() && now.Sub(c.unanswered) > feedbackPatience {
		c.forget()
	}
	if c.estimator == nil || !c.fed {
		return 0
	}
	return c.estimator.GetTargetBitrate()
}

func (c *congestion) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.forget()
}
