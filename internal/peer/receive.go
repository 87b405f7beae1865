package peer

import (
	"sync"

	"github.com/pion/rtp"
)

// incoming counts the far voice, and what of it never came (RFC 3550 appendix A.3).
type incoming struct {
	mu       sync.Mutex
	known    bool
	ssrc     uint32
	first    uint32
	highest  uint32 // extended sequence number
	current  uint32 // packets of this SSRC
	packets  uint64
	bytes    uint64
	lostThen int64 // lost of earlier SSRCs
}

func (in *incoming) count(p *rtp.Packet) {
	in.mu.Lock()
	defer in.mu.Unlock()
	seq := uint32(p.SequenceNumber)
	if !in.known || in.ssrc != p.SSRC {
		// A PBX that bridges anew may begin a new stream.
		in.lostThen = in.lost()
		in.known, in.ssrc, in.first, in.highest, in.current = true, p.SSRC, seq, seq, 0
	} else if step := int16(p.SequenceNumber - uint16(in.highest)); step > 0 {
		in.highest += uint32(step)
	}
	in.packets++
	in.current++
	in.bytes += uint64(len(p.Payload))
}

func (in *incoming) lost() int64 {
	if !in.known {
		return 0
	}
	return in.lostThen + max(int64(in.highest-in.first)+1-int64(in.current), 0)
}

func (in *incoming) flow() Flow {
	in.mu.Lock()
	defer in.mu.Unlock()
	return Flow{Packets: in.packets, Bytes: in.bytes, Lost: in.lost()}
}
