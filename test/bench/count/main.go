// Command count does a piece of the agent's work so many times and ends: `count WORK TIMES`. It is run on an emulated processor that
// counts instructions; the difference between two runs is the work's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: count vga|hd|draw-vga|draw-hd|opus|PCMU|echo|srtp TIMES")

func run(args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	times, err := strconv.Atoi(args[1])
	if err != nil {
		return errUsage
	}
	switch work := args[0]; work {
	case "vga":
		return encode(640, 480, 15, 600_000, times)
	case "hd":
		return encode(1280, 720, 30, 1_500_000, times)
	case "draw-vga":
		return drawCards(640, 480, times)
	case "draw-hd":
		return drawCards(1280, 720, times)
	case "opus":
		return talk(audio.Codec{Name: "opus", ClockRate: 48000, Channels: 2}, nil, times)
	case "PCMU":
		return talk(audio.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, nil, times)
	case "echo":
		return talk(audio.Codec{Name: "opus", ClockRate: 48000, Channels: 2}, audio.NewMicrophone(audio.MicrophoneOptions{Echo: true, Noise: true, AutoGain: true}), times)
	case "srtp":
		return protect(times)
	default:
		return errUsage
	}
}

// encode draws and encodes pictures, at their pace.
func encode(width, height, rate, bitrate, pictures int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	p := camera.Params{Width: width, Height: height, Framerate: rate, Bitrate: bitrate}
	return camera.NewTestSource(nil).Run(ctx, p, func(camera.AccessUnit) {
		if n++; n == pictures {
			cancel()
		}
	})
}

func drawCards(width, height, pictures int) error {
	card := camera.NewTestCard(width, height)
	for n := range pictures {
		card.Draw(time.Unix(0, int64(n)*int64(time.Second)/30), n)
	}
	return nil
}

// frames is a sound device without a clock: a tone of so many frames, as fast as it goes.
type frames struct {
	n    int
	done chan struct{}
	now  time.Time
}

func (*frames) Name() string { return "count" }

func (f *frames) Run(ctx context.Context, process func(capture, playback []int16)) error {
	capture, playback := make([]int16, audio.FrameSamples), make([]int16, audio.FrameSamples)
	for i := range capture {
		capture[i] = int16(6000 * (i/40%2*2 - 1)) // 600 Hz
	}
	for range f.n {
		f.now = f.now.Add(audio.FrameDuration)
		process(capture, playback)
	}
	close(f.done)
	<-ctx.Done()
	return nil
}

// talk is the sound of a call: encoding the microphone, decoding the far voice, the jitter buffer, meters, and what is done
// to the microphone, if anything.
func talk(c audio.Codec, microphone *audio.Microphone, n int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	device := &frames{n: n, done: make(chan struct{}), now: time.Unix(0, 0)}
	engine := audio.NewEngine(device, audio.EngineOptions{Microphone: microphone, Now: func() time.Time { return device.now }})
	var s *audio.Stream
	var sequence uint16
	var timestamp uint32
	s, err := engine.Open(c, func(payload []byte, d time.Duration) {
		s.Receive(c, sequence, timestamp, payload, device.now)
		sequence++
		timestamp += uint32(int(d.Milliseconds()) * c.ClockRate / 1000)
	}, audio.StreamOptions{})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	<-device.done
	cancel()
	return <-ended
}

// protect encrypts packets of a picture, 1,000 bytes each.
func protect(packets int) error {
	keys, err := srtp.CreateContext(make([]byte, 16), make([]byte, 14), srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		return err
	}
	header, payload, out := rtp.Header{Version: 2, PayloadType: 96, SSRC: 1}, make([]byte, 1000), make([]byte, 0, 1100)
	for range packets {
		header.SequenceNumber++
		header.Timestamp += 100
		plain, marshalErr := (&rtp.Packet{Header: header, Payload: payload}).Marshal()
		if marshalErr != nil {
			return marshalErr
		}
		if _, err = keys.EncryptRTP(out[:0], plain, &header); err != nil {
			return err
		}
	}
	return nil
}
