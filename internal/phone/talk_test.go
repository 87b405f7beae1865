package phone

import (
	"context"
	"errors"
	"testing"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// talk rings the kitchen and answers there.
func talk(t *testing.T, o doorOptions) (*door, *tablet, *leg) {
	t.Helper()
	d, kitchen := newDoor(t, o), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	l := kitchen.pickUp(in)
	if got := next[station.Ringing](d); got.Target != "101" || got.Visit != 1 {
		t.Errorf("ringing: %+v", got)
	}
	if got := next[station.Answered](d); got.Target != "101" {
		t.Errorf("answered: %+v", got)
	}
	return d, kitchen, l
}

func TestAnAnsweredCallCarriesSoundBothWaysAndThePicture(t *testing.T) {
	d, kitchen, l := talk(t, doorOptions{})
	hears(t, "the kitchen", kitchen.engine, doorHz)
	hears(t, "the door", d.engine, kitchenHz)
	// The first one and those that come unasked.
	eventually(t, "key frames", func() bool { _, keys := kitchen.video(); return keys >= 3 })
	eventually(t, "one reader of the camera, the talk's", func() bool { return d.hub.Status().Readers == 1 })
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)

	line := d.visitLine()
	for key, want := range map[string]any{"outcome": "talked", "answered_by": "101", "button": "Front door", "ended_by": "far", "silent": nil} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if targets := line["targets"].(map[string]any); targets["101"] != "talked" {
		t.Errorf("targets: %v", targets)
	}
	watch := line["after_press"].(map[string]any)
	last := 0.0
	for _, mark := range []string{"invite_ms", "ringing_ms", "answer_ms", "ice_ms", "dtls_ms", "key_frame_ms"} {
		at, ok := watch[mark].(float64)
		if !ok || at < last {
			t.Errorf("%s is %v after %v: %v", mark, watch[mark], last, watch)
		}
		last = at
	}
	if _, ok := watch["far_sound_ms"].(float64); !ok {
		t.Errorf("the stopwatch has no far_sound_ms: %v", watch)
	}
	for _, direction := range []string{"audio_sent", "audio_received", "video_sent"} {
		if n := line[direction].(map[string]any)["packets"].(float64); n == 0 {
			t.Errorf("%s: %v", direction, line[direction])
		}
	}
	levels := line["level_dbfs"].(map[string]any)
	if near, far := levels["near"].(float64), levels["far"].(float64); near < -30 || far < -50 {
		t.Errorf("levels: %v", levels)
	}
}

func TestASilentDirectionIsNamed(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	kitchen.stream.Close() // its microphone is off
	d.ring("101")
	l := kitchen.pickUp(d.rings("101"))
	eventually(t, "sound and picture arrive", func() bool {
		_, keys := kitchen.video()
		return keys > 0 && kitchen.sound() > 0
	})
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if silent := d.visitLine()["silent"]; silent != "audio_received" {
		t.Errorf("silent: %v", silent)
	}
}

func TestAnOfferWithoutVideoLeavesATalk(t *testing.T) {
	d, kitchen, l := talk(t, doorOptions{noVideo: true})
	hears(t, "the kitchen", kitchen.engine, doorHz)
	eventually(t, "nobody looks at the camera", func() bool { return d.hub.Status().Readers == 0 })
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if n, _ := kitchen.video(); n != 0 {
		t.Errorf("%d packets of video", n)
	}
}

func TestTheStationHangsUpWhileTalking(t *testing.T) {
	d, _, l := talk(t, doorOptions{})
	d.phone.Hangup(1, station.OutcomeTalked)
	l.hungUp(t)
	d.ended(station.OutcomeTalked)
	if by := d.visitLine()["ended_by"]; by != "us" {
		t.Errorf("ended by %v", by)
	}
}

func TestTheAgentStopsWhileTalking(t *testing.T) {
	d, _, l := talk(t, doorOptions{})
	d.phone.Close()
	l.hungUp(t)
	d.ended(station.OutcomeStopped)
}

func TestAnAnswerWithoutSoundIsHungUp(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	l := in.answer(withoutAudio(kitchen.answer(in.offer)))
	l.hungUp(t)
	d.ended(station.OutcomeFailed)
}

func TestAMediaPathThatFailsEndsTheCall(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	l := in.answer(ofAStranger(kitchen.answer(in.offer)))
	next[station.Answered](d)
	l.hungUp(t)
	d.ended(station.OutcomeFailed)
	if silent := d.visitLine()["silent"]; silent != "audio_sent,audio_received,video_sent" {
		t.Errorf("silent: %v", silent)
	}
}

func TestAReInviteThatOvertakesTheAnswerWaitsForIt(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	sdp := kitchen.answer(in.offer)
	type reply struct {
		sdp string
		err error
	}
	replied := make(chan reply, 1)
	asked := make(chan struct{})
	go func() {
		close(asked)
		answer, err := in.handler.Reoffer(context.Background(), sdp)
		replied <- reply{answer, err}
	}()
	<-asked
	l := in.answer(sdp)
	select {
	case r := <-replied:
		if r.err != nil || r.sdp == "" {
			t.Errorf("the re-INVITE was answered with %q, %v", r.sdp, r.err)
		}
	case <-time.After(patience):
		t.Fatal("the re-INVITE was not answered")
	}
	next[station.Answered](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	if _, err := in.handler.Reoffer(context.Background(), "v=nonsense"); !errors.Is(err, sip.ErrNotAcceptable) {
		t.Errorf("a re-INVITE that can't be read gives %v", err)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAReInviteBeforeAnyAnswerIsPending(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := in.handler.Reoffer(ctx, ""); !errors.Is(err, sip.ErrPending) {
		t.Errorf("got %v", err)
	}
	in.reject(&sip.RejectedError{Status: 486})
	d.ended(station.OutcomeBusy)
}

func TestEachDigitArrivesOnceWhicheverWay(t *testing.T) {
	d, kitchen, l := talk(t, doorOptions{})
	hears(t, "the door", d.engine, kitchenHz)
	kitchen.press(7)
	if got := next[station.Digit](d); got.Digit != '7' {
		t.Errorf("by RFC 4733 came %q", got.Digit)
	}
	l.handler.Digit(sip.Digit{Value: '7'}) // the same one by INFO
	l.handler.Digit(sip.Digit{Value: '5'})
	if got := next[station.Digit](d); got.Digit != '5' {
		t.Errorf("by INFO came %q", got.Digit)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestWhatAReInviteTakesAwayComesBackWithTheNext(t *testing.T) {
	d, kitchen, l := talk(t, doorOptions{})
	eventually(t, "a picture", func() bool { _, keys := kitchen.video(); return keys > 0 })
	sdp := kitchen.pc.LocalDescription().SDP
	reoffer := func(offer string) {
		t.Helper()
		if answer, err := l.handler.Reoffer(context.Background(), offer); err != nil || answer == "" {
			t.Fatalf("the re-INVITE was answered with %q, %v", answer, err)
		}
	}
	reoffer(withoutVideo(sdp))
	eventually(t, "nobody looks at the camera", func() bool { return d.hub.Status().Readers == 0 })
	_, before := kitchen.video()
	reoffer(sdp)
	eventually(t, "the picture again, with a key frame", func() bool { _, keys := kitchen.video(); return keys > before })
	hears(t, "the kitchen", kitchen.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAVoiceThatChangesItsCodecIsHeardOn(t *testing.T) {
	d, kitchen, l := talk(t, doorOptions{})
	hears(t, "the door", d.engine, kitchenHz)
	const otherHz = 1000
	// The door's offer names PCMU, the answer did not.
	kitchen.speakPCMU(otherHz)
	hears(t, "the door, in G.711,", d.engine, otherHz)
	before := kitchen.sound()
	eventually(t, "the door speaks on", func() bool { return kitchen.sound() > before })
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestACallWithoutASoundDeviceStillShowsThePicture(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	broken := audio.NewEngine(audio.NewTestDevice(0), audio.EngineOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, broken.Run(ctx)) // an engine that has ended gives no streams
	d.phone.opt.Audio = broken
	d.ring("101")
	l := kitchen.pickUp(d.rings("101"))
	eventually(t, "a picture", func() bool { _, keys := kitchen.video(); return keys > 0 })
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if !d.log.has("no sound in this call") {
		t.Error("the log does not say that there is no sound")
	}
}
