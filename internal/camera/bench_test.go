package camera

import (
	"errors"
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
				if closeErr := enc.close(); closeErr != nil {
					b.Error(closeErr)
				}
			}()
			began, painter := time.Now(), newPainter(p.Width, p.Height)
			for i := 0; b.Loop(); i++ {
				pts := time.Duration(i) * time.Second / 30
				data, encodeErr := enc.encode(painter.paint(began.Add(pts), i))
				idr, parseErr := randomAccess(data)
				if err = errors.Join(encodeErr, parseErr); err != nil {
					b.Fatal(err)
				}
				h.deliver(AccessUnit{Data: data, PTS: pts, IDR: idr})
				for _, r := range watching {
					if _, err = r.Next(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
