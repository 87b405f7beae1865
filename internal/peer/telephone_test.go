package peer

import "testing"

func event(code byte, end bool, duration uint16) []byte {
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	return []byte{code, flags, byte(duration >> 8), byte(duration)}
}

func TestEachEventIsOneDigit(t *testing.T) {
	type packet struct {
		ts      uint32
		payload []byte
	}
	whole := func(ts uint32, code byte) []packet {
		return []packet{{ts, event(code, false, 160)}, {ts, event(code, false, 320)}, {ts, event(code, false, 480)},
			{ts, event(code, true, 4800)}, {ts, event(code, true, 4800)}, {ts, event(code, true, 4800)}}
	}
	join := func(p ...[]packet) (all []packet) {
		for _, q := range p {
			all = append(all, q...)
		}
		return all
	}
	for name, c := range map[string]struct {
		packets []packet
		want    string
	}{
		"one":                      {whole(1000, 5), "5"},
		"first lost":               {whole(1000, 5)[1:], "5"},
		"all but an end lost":      {whole(1000, 5)[5:], "5"},
		"the same twice":           {join(whole(1000, 5), whole(9000, 5)), "55"},
		"all keys":                 {join(whole(1, 0), whole(2, 1), whole(3, 9), whole(4, 10), whole(5, 11), whole(6, 12), whole(7, 15)), "019*#AD"},
		"late repeat of an end":    {join(whole(1000, 5), whole(9000, 6), whole(1000, 5)[5:]), "56"},
		"mixed up":                 {[]packet{whole(9000, 6)[0], whole(1000, 5)[0], whole(9000, 6)[1], whole(1000, 5)[1]}, "65"},
		"flash":                    {whole(1000, 16), ""},
		"too short":                {[]packet{{1, []byte{5, 0, 1}}, {2, nil}}, ""},
		"held beyond the duration": {[]packet{{1000, event(5, false, 160)}, {1000, event(5, false, 65535)}, {1000 + 65535, event(5, false, 160)}, {1000 + 65535, event(5, true, 800)}}, "5"},
		"pressed again, ended":     {[]packet{{1000, event(5, true, 160)}, {1000 + 65535, event(5, false, 160)}}, "55"},
	} {
		t.Run(name, func(t *testing.T) {
			var f eventFilter
			got := ""
			for _, p := range c.packets {
				if r, ok := f.take(7, p.ts, p.payload); ok {
					got += string(r)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzTelephoneEvent(f *testing.F) {
	f.Add(uint32(1), event(5, false, 160), uint32(2), event(5, true, 480))
	f.Add(uint32(1), []byte{}, uint32(1), []byte{255, 255, 255})
	f.Fuzz(func(t *testing.T, ts1 uint32, a []byte, ts2 uint32, b []byte) {
		var e eventFilter
		for range 2 {
			if r, ok := e.take(1, ts1, a); ok && !validKey(r) {
				t.Errorf("%q is no key", r)
			}
			e.take(1, ts2, b)
		}
		if _, ok := e.take(1, ts1, a); ok {
			t.Error("a third time")
		}
	})
}

func validKey(r rune) bool {
	for _, k := range "0123456789*#ABCD" {
		if k == r {
			return true
		}
	}
	return false
}
