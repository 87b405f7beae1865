package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/peer"
	"doorstation/test/lab"
)

const aboutViewers = `What one more viewer costs: the hub with the test card and so many peer connections of the door (ICE, DTLS, RTP, SRTP, a UDP socket), whose far ends
are in another process; this process's processor time, picture only. With no viewer, a reader that throws the pictures away keeps the camera
running: that is drawing and encoding. The door itself has one conversation at a time; this is what its hub would cost with more.`

// measureViewers lets more and more peers watch one hub.
func measureViewers(t lab.T, plan plan, p *part) {
	for _, s := range []size{vga, hd} {
		drawing := drawingCost(s)
		p.value(s.String()+": drawing the card, of one core", "%", 100*drawing.Seconds()*float64(s.rate))
		perViewers := map[int]float64{}
		for _, viewers := range []int{0, 1, 2, 5, 11} {
			share, pictures := watching(t, s, viewers, plan.viewersFor)
			perViewers[viewers] = share
			p.value(fmt.Sprintf("%v: %d viewers, of one core", s, viewers), "%", share)
			p.value(fmt.Sprintf("%v: %d viewers, pictures that reached each", s, viewers), "/s", pictures)
		}
		more := (perViewers[11] - perViewers[1]) / 10
		p.value(s.String()+": each viewer after the first, of one core", "%", more)
		if encoding := perViewers[0] - 100*drawing.Seconds()*float64(s.rate); encoding > 0 {
			p.value(s.String()+": the same, of what encoding takes", "%", 100*more/encoding)
		}
	}
}

// drawingCost is the processor time that drawing a card takes.
func drawingCost(s size) time.Duration {
	const cards = 100
	card, now := camera.NewTestCard(s.width, s.height), time.Now()
	used := ownTime()
	for n := range cards {
		card.Draw(now.Add(time.Duration(n)*time.Second/time.Duration(s.rate)), n)
	}
	return (ownTime() - used) / cards
}

// ownTime is the processor time of this process.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it never fails for oneself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watching lets so many viewers watch for a while: the share of one core that took, and how many pictures a second each was sent.
func watching(t lab.T, s size, viewers int, d time.Duration) (share, pictures float64) {
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	hub := camera.NewHub(camera.NewTestSource(nil),
		camera.Params{Width: s.width, Height: s.height, Framerate: s.rate, Bitrate: s.kilobits * 1000}, camera.HubOptions{})
	work.Go(func() {
		if err := hub.Run(ctx); err != nil {
			t.Errorf("bench: %v", err)
		}
	})
	far := startFarEnds(t)
	defer far.end(t)
	sent := make([]int, max(1, viewers))
	var mu sync.Mutex
	watch := func(i int, take func(camera.AccessUnit)) {
		r := hub.Subscribe()
		work.Go(func() {
			defer r.Close()
			for {
				au, err := r.Next(ctx)
				if err != nil {
					return
				}
				take(au)
				mu.Lock()
				sent[i]++
				mu.Unlock()
			}
		})
	}
	if viewers == 0 {
		watch(0, func(camera.AccessUnit) {})
	}
	for i := range viewers {
		door := far.connect(t, hub.RequestKeyFrame)
		defer func() {
			if door.Stats().VideoSent.Packets == 0 {
				t.Errorf("bench: a viewer was sent nothing")
			}
			if err := door.Close(); err != nil {
				t.Errorf("bench: %v", err)
			}
		}()
		watch(i, func(au camera.AccessUnit) {
			// What can't be sent is lost, as on any network.
			_ = door.WriteVideo(au.Data, au.PTS)
		})
	}
	pause(t, time.Second)
	count := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range sent {
			n += v
		}
		return n
	}
	before, used, began := count(), ownTime(), time.Now()
	pause(t, d)
	took := time.Since(began)
	return 100 * float64(ownTime()-used) / float64(took), float64(count()-before) / float64(len(sent)) / took.Seconds()
}

// farEnds is another process with the far ends of peers.
type farEnds struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	peers *peer.Pool
}

// farRole in the environment makes this program the process of far ends.
const farRole = "DOORSTATION_BENCH_FAR_ENDS"

func startFarEnds(t lab.T) *farEnds {
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	f := &farEnds{cmd: exec.Command(self)}
	f.cmd.Env = append(os.Environ(), farRole+"=1")
	f.cmd.Stderr = os.Stderr
	f.in, err = f.cmd.StdinPipe()
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	f.out = json.NewDecoder(out)
	if f.peers, err = peer.NewPool(peer.Config{Video: true}, 0); err != nil {
		t.Fatalf("bench: %v", err)
	}
	if err = f.cmd.Start(); err != nil {
		t.Fatalf("bench: %v", err)
	}
	return f
}

// connect makes a peer of the door with a far end over there.
func (f *farEnds) connect(t lab.T, keyFrame func()) *peer.Peer {
	door, err := f.peers.Take(t.Context())
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	up := make(chan struct{})
	door.Start(peer.Events{Connected: func(time.Time, time.Time) { close(up) }, KeyFrame: keyFrame})
	var answer string
	if err = json.NewEncoder(f.in).Encode(door.Offer()); err == nil {
		err = f.out.Decode(&answer)
	}
	if err == nil {
		_, err = door.SetAnswer(answer)
	}
	if err != nil {
		t.Fatalf("bench: a viewer: %v", err)
	}
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatalf("bench: a viewer did not connect")
	}
	return door
}

func (f *farEnds) end(t lab.T) {
	err := f.in.Close()
	if waited := f.cmd.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		t.Errorf("bench: the far ends: %v", err)
	}
}
