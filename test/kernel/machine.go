package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What may go wrong with a guest. Each comes with the end of the guest's console.
var (
	// ErrPanic means that the guest's kernel gave up: a driver has a fault, or a test found one.
	ErrPanic = errors.New("the guest's kernel panicked")
	// ErrLimit means that the guest was ended because its time was up.
	ErrLimit = errors.New("the guest's time is up")
	// ErrGuest means that the guest ended without a word about the program it was to run.
	ErrGuest = errors.New("the guest ended before its program did")
	// ErrCannotRun means that this machine can't run User-Mode Linux.
	ErrCannotRun = errors.New("User-Mode Linux doesn't run on this machine")
)

// Machine is a virtual machine that isn't started yet. Each run starts it anew.
type Machine struct {
	// Kernel is the User-Mode Linux program, as test/kernel/build.sh makes it.
	Kernel string
	// Init is the program that runs as the guest's first process: test/kernel/run.
	Init string
	// MemoryMB is the guest's memory in MiB; 0 is 1024. What isn't used costs nothing.
	MemoryMB int
	// Append are more words of the kernel's command line: parameters of drivers such as vivid.n_devs=2.
	Append []string
	// Limit is how long a run may take; 0 is ten minutes.
	Limit time.Duration
}

// Job is the program to run in a guest. The guest sees the machine's files where the machine has them, but can't change them.
type Job struct {
	Args []string `json:"args"`
	Dir  string   `json:"dir"`
	Env  []string `json:"env"`
}

// Report is what the guest's first process says when the job is done.
type Report struct {
	// Status is the job's exit status; 128 and the signal's number if a signal ended it.
	Status int `json:"status"`
	// Trouble is why the job could not be run; empty normally.
	Trouble string `json:"trouble,omitempty"`
}

// JobParameter is the word of the kernel's command line that names the file with the job.
const JobParameter = "doorstation.job="

// Consoles of the guest: the job's output, and the report about it.
const (
	OutputConsole = "/dev/ttyS0"
	ReportConsole = "/dev/ttyS1"
)

// Defaults are the drivers' parameters where a [Machine] says nothing else: one camera of vivid (a webcam, without radio and the
// like), one of v4l2loopback that only shows as a camera while it is fed, and a coder.
var Defaults = []string{
	"vivid.n_devs=1", "vivid.node_types=0x1", "vivid.num_inputs=1", "vivid.input_types=0",
	"v4l2loopback.devices=1", "v4l2loopback.exclusive_caps=1", "v4l2loopback.card_label=Loopback",
	"vicodec.multiplanar=1", // as the Pi's encoder
}

// Run starts the machine, runs the job in it and waits until the machine is off. What the job writes goes to out meanwhile.
// The job's exit status is the result; an error means that there is none.
func (m Machine) Run(ctx context.Context, job Job, out io.Writer) (status int, err error) {
	dir, err := os.MkdirTemp("", "kernel")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text, err := json.Marshal(job)
	if err != nil {
		return 0, err
	}
	file := filepath.Join(dir, "job.json")
	if writeErr := os.WriteFile(file, text, 0o600); writeErr != nil {
		return 0, writeErr
	}
	limit := m.Limit
	if limit == 0 {
		limit = 10 * time.Minute
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	console, report := &tail{}, &bytes.Buffer{}
	runErr := m.run(limited, dir, file, out, report, console)
	var said Report
	switch jsonErr := json.Unmarshal(report.Bytes(), &said); {
	case jsonErr == nil && said.Trouble == "":
		return said.Status, nil
	case jsonErr == nil:
		err = fmt.Errorf("%w: %s", ErrGuest, said.Trouble)
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case console.contains("Kernel panic"):
		err = ErrPanic
	case limited.Err() != nil:
		err = fmt.Errorf("%w (%s)", ErrLimit, limit)
	case !console.contains("Linux version"):
		err = errors.Join(ErrCannotRun, runErr)
	default:
		err = errors.Join(ErrGuest, runErr)
	}
	return 0, fmt.Errorf("%w\nthe guest's console:\n%s", err, console)
}

// run runs the kernel until it is off. Its consoles are pipes.
func (m Machine) run(ctx context.Context, dir, job string, out, report, console io.Writer) error {
	cmd := exec.Command(m.Kernel, m.arguments(dir, job)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + m.memoryDir(dir)}
	cmd.Stdout, cmd.Stderr = console, console
	// The kernel has processes of its own for the guest's: they end with it as a group, and when this process ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A signal to this thread's end would come when Go ends the thread, so the thread stays until the kernel is off.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var reading sync.WaitGroup
	var ours, theirs []*os.File
	defer func() {
		for _, f := range ours {
			_ = f.Close()
		}
	}()
	for _, to := range []io.Writer{out, report} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		ours, theirs = append(ours, r), append(theirs, w)
		reading.Go(func() { _, _ = io.Copy(to, r) }) // ends with the pipe
	}
	cmd.ExtraFiles = theirs
	err := cmd.Start()
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		reading.Wait()
		return err
	}
	group := -cmd.Process.Pid
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(group, syscall.SIGKILL) }) // gone already is as good
	err = cmd.Wait()
	stop()
	_ = syscall.Kill(group, syscall.SIGKILL) // what a panic left behind
	reading.Wait()
	return err
}

// arguments are the kernel's command line.
func (m Machine) arguments(dir, job string) []string {
	memory := m.MemoryMB
	if memory == 0 {
		memory = 1024
	}
	args := []string{
		fmt.Sprintf("mem=%dM", memory), "root=/dev/root", "rootfstype=hostfs", "ro", "init=" + m.Init,
		"uml_dir=" + dir + "/", "umid=guest",
		// The console takes the kernel's messages. Serial lines 0 and 1 are the first two extra files.
		"con=null", "con0=null,fd:1", "ssl=null", "ssl0=null,fd:3", "ssl1=null,fd:4",
		// A fault of a driver ends the guest, and the end of the guest ends the program.
		"oops=panic", "panic=-1", "noreboot",
		"loglevel=6", JobParameter + job,
	}
	return append(append(args, Defaults...), m.Append...)
}

// memoryDir is where the guest's memory is: a file in memory if there's room in which programs may run.
func (m Machine) memoryDir(otherwise string) string {
	const shm = "/dev/shm"
	var fs unix.Statfs_t
	if err := unix.Statfs(shm, &fs); err != nil || fs.Flags&unix.ST_NOEXEC != 0 || int64(fs.Bavail)*fs.Bsize < 512<<20 {
		return otherwise
	}
	return shm
}

// tail keeps the beginning and the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailLimit is how much is kept in bytes: the whole start of a kernel, and a panic with everything before it.
const tailLimit = 256 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*tailLimit {
		t.text = append(t.text[:tailLimit], t.text[len(t.text)-tailLimit:]...)
	}
	return len(p), nil
}

func (t *tail) contains(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.text, []byte(what))
}

// String is the last lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(t.text), "\r", "")), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}
