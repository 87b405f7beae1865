package camera

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkReaders shows what one picture costs, from drawing to the readers' hands, with one viewer and with ten more:
// the encoder works once.
func BenchmarkReaders(b *testing.B) {
	for _, readers := range []int{1, 11} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			p := Params{Width: 640, Height: 480, Framerate: 30, Bitrate: 500_000}
			h := NewHub(NewTestSource(nil), p, HubOptions{})
			h.beginRun()
			watching := make([]*Reader, readers)
			for i := range watching {
				watching[i] = h.Subscribe()
			}
			enc, err := newEncoder(p)
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := enc.close(); err != nil {
					b.Error(err)
				}
			}()
			began, painter := time.Now(), newPainter(p.Width, p.Height)
			for i := 0; b.Loop(); i++ {
				pts := time.Duration(i) * time.Second / 30
				data, err := enc.encode(painter.paint(began.Add(pts), i))
				if err != nil {
					b.Fatal(err)
				}
				idr, err := randomAccess(data)
				if err != nil {
					b.Fatal(err)
				}
				h.deliver(AccessUnit{Data: data, PTS: pts, IDR: idr})
				for _, r := range watching {
					if _, err := r.Next(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
