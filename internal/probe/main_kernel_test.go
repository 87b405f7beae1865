//go:build kernel

package probe

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/camera"
	"doorstation/internal/camera/v4l2"
	"doorstation/internal/check"
	"doorstation/internal/gpio"
	"doorstation/internal/gpio/guard"
)

// roleVariable makes the test program another one.
const roleVariable = "DOORSTATION_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "camera": // holds a camera until its input ends
		os.Exit(hold(func() error {
			_, err := v4l2.OpenCapture(os.Args[1], v4l2.CaptureConfig{Format: yuyv, Width: 640, Height: 360, Framerate: 15})
			return err
		}))
	case "line": // holds a line
		os.Exit(hold(func() error {
			line, err := strconv.Atoi(os.Args[2])
			if err == nil {
				_, err = gpio.WatchLines(context.Background(), []gpio.Watched{{Device: os.Args[1], Offset: line, Pull: gpio.PullUp}})
			}
			return err
		}))
	case "h264": // is a camera's command
		os.Exit(h264(os.Args[1] == "main"))
	case "check": // looks as a user who may nothing
		for _, f := range walk(context.Background(), options(os.Args[1], HardwareOptions{Silent: true}), os.Args[2:]...).Findings {
			fmt.Printf("%s %s %s\n", f.Link, f.Code, strings.ReplaceAll(f.Found, "\n", "; "))
		}
	case "guard":
		os.Exit(guardMain())
	}
}

const yuyv v4l2.FourCC = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24

// h264 writes a test picture, as of the main profile if it is to be wrong.
func h264(wrong bool) int {
	err := camera.NewTestSource(time.Now).Run(context.Background(), camera.Params{Width: 640, Height: 360, Framerate: 15, Bitrate: 500_000}, func(au camera.AccessUnit) {
		data := slices.Clone(au.Data)
		for i := range data {
			if wrong && bytes.HasPrefix(data[i:], []byte{0, 0, 0, 1, 0x67}) { // profile and constraints of the sequence parameter set
				data[i+5], data[i+6] = 77, 0
			}
		}
		if _, err := os.Stdout.Write(data); err != nil {
			os.Exit(0) // nobody reads on
		}
	})
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// hold does something and stays until its input ends.
func hold(take func() error) int {
	if err := take(); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// guardMain is doorstation lock-guard.
func guardMain() int {
	c, err := guard.Parse(os.Args[1:])
	if err == nil {
		err = guard.Run(c, os.Stdin, os.Stdout)
	}
	if err != nil {
		return 1
	}
	return 0
}

// holder starts this program in a role that holds something; release ends it.
func holder(t *testing.T, role string, args ...string) (release func(), pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 256)
	n, err := out.Read(said)
	if err != nil || strings.TrimSpace(string(said[:n])) != "held" {
		t.Fatalf("%s: %q, %v", role, said[:n], err)
	}
	return func() {
		t.Helper()
		if endErr := in.Close(); endErr != nil {
			t.Error(endErr)
		}
		if endErr := cmd.Wait(); endErr != nil {
			t.Error(endErr)
		}
	}, cmd.Process.Pid
}

// asNobody looks at links as a user who may open no device.
func asNobody(t *testing.T, config string, links ...string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", append([]string{config}, links...)...)
	cmd.Env = append(os.Environ(), roleVariable+"=check")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}

func options(config string, h HardwareOptions) Options {
	return Options{Config: config, StateDir: os.TempDir(), Socket: "/nowhere/doorstation.sock", Getenv: func(string) string { return "" }, Now: time.Now, Hardware: h}
}

// walk looks at some links only.
func walk(ctx context.Context, o Options, links ...string) check.Report {
	s := New(o)
	defer s.Close()
	some, err := check.Select(s.Links(), links, nil)
	if err != nil {
		panic(err)
	}
	return check.Walk(ctx, some, time.Now, nil)
}
