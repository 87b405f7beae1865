package camera

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hang is when a test gives up: long enough for a machine under load.
const hang = time.Minute

// taking runs a source and keeps what it delivers.
type taking struct {
	mu    sync.Mutex
	units []AccessUnit
	came  chan struct{} // of length one
	done  chan error
	stop  context.CancelCauseFunc
}

func take(t *testing.T, src Source, p Params) *taking {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	k := &taking{came: make(chan struct{}, 1), done: make(chan error, 1), stop: stop}
	t.Cleanup(func() { stop(nil) })
	go func() {
		k.done <- src.Run(ctx, p, func(au AccessUnit) {
			k.mu.Lock()
			k.units = append(k.units, au)
			k.mu.Unlock()
			signal(k.came)
		})
	}()
	return k
}

// pictures waits for that many.
func (k *taking) pictures(t *testing.T, n int) []AccessUnit {
	t.Helper()
	timeout := time.After(hang)
	for {
		k.mu.Lock()
		units := k.units
		k.mu.Unlock()
		if len(units) >= n {
			return units
		}
		select {
		case <-k.came:
		case err := <-k.done:
			t.Fatalf("ended after %d pictures: %v", len(units), err)
		case <-timeout:
			t.Fatalf("%d pictures", len(units))
		}
	}
}

// end waits for the end of the run.
func (k *taking) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-k.done:
		return err
	case <-time.After(hang):
		t.Fatal("does not end")
		return nil
	}
}

func small() Params { return Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 200_000} }

func TestACommandsPicturesAreTaken(t *testing.T) {
	installStandIns(t, modeSteady, "clock")
	k := take(t, NewExecSource([]string{"clock", "an argument"}, func(err error) { t.Errorf("format: %v", err) }), small())
	units := k.pictures(t, 30)
	k.stop(nil)
	if err := k.end(t); err != nil {
		t.Errorf("stopped on purpose: %v", err)
	}
	for i, au := range units[:30] {
		if au.IDR != (i%25 == 0) {
			t.Errorf("picture %d: IDR %v", i, au.IDR)
		}
		if idr, err := randomAccess(au.Data); err != nil || idr != au.IDR {
			t.Errorf("picture %d: IDR with parameter sets %v, %v", i, idr, err)
		}
		if i > 0 && au.PTS <= units[i-1].PTS {
			t.Errorf("picture %d: %v after %v", i, au.PTS, units[i-1].PTS)
		}
	}
	checkParameterSets(t, units[0].Data, small())
}

func TestACommandThatFailsIsToldWithItsLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		mode     string
		pictures int
		want     error
		words    string
	}{
		"ends":             {modeDie, 5, ErrEnded, "no buffers available to queue codec input"},
		"writes no H.264":  {modeGarbage, 0, ErrNotH264, "opened"},
		"leaves a process": {modeHeir, 5, nil, "heir"},
	} {
		t.Run(name, func(t *testing.T) {
			installStandIns(t, c.mode, "clock")
			k := take(t, NewExecSource([]string{"clock"}, nil), small())
			if c.pictures > 0 && c.mode == modeHeir {
				k.pictures(t, c.pictures)
				k.stop(ErrStalled) // its child holds the output: only the hub can tell that it is over
			}
			err := k.end(t)
			if c.want != nil && !errors.Is(err, c.want) || err == nil || !strings.Contains(err.Error(), c.words) {
				t.Fatalf("%v, want %v with %q", err, c.want, c.words)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "visitor") {
				t.Errorf("a password is told: %v", err)
			}
			if got := len(k.units); got < c.pictures {
				t.Errorf("%d pictures of %d", got, c.pictures)
			}
			if c.mode == modeHeir {
				gone(t, err.Error())
			}
		})
	}
}

// gone wants the process whose number stands behind the word heir to be dead.
func gone(t *testing.T, said string) {
	t.Helper()
	_, after, found := strings.Cut(said, "heir ")
	var pid int
	if _, err := fmt.Sscan(after, &pid); !found || err != nil {
		t.Fatalf("no number of a process in %q", said)
	}
	for deadline := time.Now().Add(hang); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			if killErr := syscall.Kill(pid, syscall.SIGKILL); killErr != nil {
				t.Error(killErr)
			}
			t.Fatalf("process %d has outlived its group: %s", pid, stat)
		}
	}
}

func TestACommandThatIsStoppedLeavesNothingBehind(t *testing.T) {
	installStandIns(t, modeSilent, "clock")
	src := NewExecSource([]string{"clock"}, nil)
	for range 3 {
		k := take(t, src, small())
		k.stop(ErrStalled)
		if err := k.end(t); err == nil || !strings.Contains(err.Error(), "clock wrote nothing") {
			t.Errorf("%v", err)
		}
	}
}

func TestACommandThatIsNotThereIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, command := range [][]string{{"ffmpeg", "-i", "x"}, {"/nowhere/ffmpeg"}} {
		if err := take(t, NewExecSource(command, nil), small()).end(t); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("%v", err)
		}
	}
	if err := take(t, NewExecSource(nil, nil), small()).end(t); !errors.Is(err, ErrNoCommand) {
		t.Errorf("%v", err)
	}
}

func TestTheHubStartsACommandAgain(t *testing.T) {
	for _, mode := range []string{modeStall, modeDie} {
		t.Run(mode, func(t *testing.T) {
			installStandIns(t, mode, "clock")
			faults := make(chan error, 100)
			h := NewHub(NewExecSource([]string{"clock"}, nil), small(), HubOptions{OnFault: func(err error) { faults <- err }})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- h.Run(ctx) }()
			reader := h.Subscribe()
			defer reader.Close()
			limited, stop := context.WithTimeout(t.Context(), hang)
			defer stop()
			var last time.Duration = -1
			for n := range 8 { // five of the first run, three of the second
				au, err := reader.Next(limited)
				if err != nil {
					t.Fatal(err)
				}
				if au.IDR != (n == 0 || n == 5) || au.PTS <= last {
					t.Errorf("picture %d: IDR %v, %v after %v", n, au.IDR, au.PTS, last)
				}
				last = au.PTS
			}
			if err := <-faults; !errors.Is(err, map[string]error{modeStall: ErrStalled, modeDie: ErrEnded}[mode]) {
				t.Errorf("fault: %v", err)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheAgentsSecretsAreNotForCommands(t *testing.T) {
	got := childEnv([]string{"PATH=/bin", "DOORSTATION_TOKEN=x", "CREDENTIALS_DIRECTORY=/run/x", "LANG=C"})
	if strings.Join(got, " ") != "PATH=/bin LANG=C" {
		t.Errorf("%q", got)
	}
}

func TestLastWordsAreFewAndHoldNoPassword(t *testing.T) {
	var w lastWords
	text := strings.Repeat("frame=1\r", 50) + "\x1b[31mrtsp://me:p@ss:w/rd@10.0.0.1/x failed\n" + strings.Repeat("y", 5000) + "\n\nlast one"
	for _, c := range []byte(text) {
		if n, err := w.Write([]byte{c}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	said := w.said()
	if strings.Contains(said, "p@ss") || strings.Contains(said, "w/rd") || strings.Contains(said, "\x1b") || len(said) > 600 ||
		!strings.HasSuffix(said, "| last one") {
		t.Errorf("%q", said)
	}
	if none := new(lastWords).said(); none != "" {
		t.Errorf("%q", none)
	}
}

func TestAFormatIsToldOnceUntilItChanges(t *testing.T) {
	var told []error
	c := &child{onFormat: func(err error) { told = append(told, err) }}
	for _, err := range []error{nil, ErrFormat, ErrFormat, nil, nil, ErrFormat} {
		c.formatted(err)
	}
	if len(told) != 3 || told[0] == nil || told[1] != nil || told[2] == nil {
		t.Errorf("%v", told)
	}
}

func TestACommandIsToldTheBitRate(t *testing.T) {
	for _, c := range []struct {
		command, want []string
		one           bool
	}{
		{[]string{"clock", "-b:v", "{bitrate}"}, []string{"clock", "-b:v", "300000"}, false},
		{[]string{"clock", "x264enc bitrate={bitrate} !"}, []string{"clock", "x264enc bitrate=300000 !"}, false},
		{[]string{"clock", "-b:v", "1500k"}, []string{"clock", "-b:v", "1500k"}, true},
	} {
		src, ok := NewExecSource(c.command, nil).(*child)
		if !ok {
			t.Fatal("an exec source is no child")
		}
		got, err := src.argv(Params{Bitrate: 300_000})
		if err != nil || !slices.Equal(got, c.want) || src.Traits().OneBitrate != c.one {
			t.Errorf("%q becomes %q, one rate: %v (%v)", c.command, got, src.Traits().OneBitrate, err)
		}
	}
}
