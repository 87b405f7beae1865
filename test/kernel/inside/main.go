// Package inside is the guest's first process: it sets the guest up, runs the job, tells how it went and switches the guest off.
package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"doorstation/test/kernel"
)

// Main is the guest's life. It doesn't return: the machine is off then.
func Main() {
	if err := live(); err != nil {
		fmt.Fprintf(os.Stderr, "guest: %v\n", err) // the console
	}
	unix.Sync()
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintf(os.Stderr, "guest: power off: %v\n", err) // and the kernel panics, as its first process ends
}

func live() error {
	if err := mount(); err != nil {
		return err
	}
	reports, err := console(kernel.ReportConsole)
	if err != nil {
		return err
	}
	var report kernel.Report
	if report.Status, err = work(); err != nil {
		report.Trouble = err.Error()
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if _, err = reports.Write(append(text, '\n')); err != nil {
		return err
	}
	return drain(reports)
}

// work runs the job.
func work() (status int, err error) {
	if networkErr := loopback(); networkErr != nil {
		return 0, networkErr
	}
	job, err := readJob()
	if err != nil {
		return 0, err
	}
	out, err := console(kernel.OutputConsole)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(job.Args[0], job.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = job.Dir, environment(job.Env), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return 0, err
	}
	if by, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && by.Signaled() {
		return 128 + int(by.Signal()), drain(out)
	}
	return cmd.ProcessState.ExitCode(), drain(out)
}

// readJob reads what the kernel's command line names.
func readJob() (kernel.Job, error) {
	var job kernel.Job
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return job, err
	}
	for _, word := range strings.Fields(string(line)) {
		if name, ok := strings.CutPrefix(word, kernel.JobParameter); ok {
			if line, err = os.ReadFile(name); err != nil {
				return job, err
			}
			err = json.Unmarshal(line, &job)
			if err == nil && len(job.Args) == 0 {
				err = errors.New("the job is empty")
			}
			return job, err
		}
	}
	return job, fmt.Errorf("no %s on the kernel's command line", kernel.JobParameter)
}

// environment is that of the machine without what names its user's session, and with what the guest has.
func environment(of []string) []string {
	own := map[string]string{
		"HOME": home, "TMPDIR": scratch, "DOORSTATION_TEST_GUEST": "1",
		"TMP": "", "TEMP": "", "DISPLAY": "", "ALSA_CONFIG_PATH": "", "XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "",
		"PULSE_SERVER": "", "PULSE_RUNTIME_PATH": "", "PULSE_COOKIE": "", "DBUS_SESSION_BUS_ADDRESS": "",
	}
	var env []string
	for _, e := range of {
		name, _, _ := strings.Cut(e, "=")
		if _, replaced := own[name]; !replaced {
			env = append(env, e)
		}
	}
	for name, value := range own {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, devices()...)
}
