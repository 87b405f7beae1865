package checkup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/health"
)

// ofMachineOnly are the links of the computer.
const ofMachineOnly = "file,machine"

// ofMachine are those of its files, disk and clock. Each disk is a file system of its own, in the mount namespace of the tests.
func ofMachine() []fault {
	return []fault{
		{code: health.CodeFileUnreadable, link: "files", name: "the codes are another's", breaks: func(h *household) func() {
			codes := h.put("codes", "")
			chmod(h, codes, 0)
			// Root without its privilege over files is what any user is to the files of others.
			h.through = []string{"setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search", "--"}
			h.lines = strings.Replace(string(read(h, h.write())), "codes: [", "codes_file: \""+codes+"\", codes: [", 1)
			return func() { chmod(h, codes, 0o600) }
		}},
		{code: health.CodeDiskFull, link: "machine.disk", name: "no room", only: ofMachineOnly, breaks: func(h *household) func() {
			disk(h, "size=4m")
			big := filepath.Join(h.state, "journal")
			fill(h, big)
			return func() { remove(h, big) }
		}},
		{code: health.CodeDiskFull, link: "machine.disk", name: "no file more", only: ofMachineOnly, breaks: func(h *household) func() {
			disk(h, "size=4m,nr_inodes=64")
			small := litter(h)
			return func() { remove(h, small...) }
		}},
		{code: health.CodeDiskReadOnly, link: "machine.disk", name: "made so", only: ofMachineOnly, breaks: func(h *household) func() {
			disk(h, "size=4m")
			remount(h, unix.MS_RDONLY)
			return func() { remount(h, 0) }
		}},
		{code: health.CodeClockWrong, link: "machine.clock", name: "minutes behind Home Assistant's", only: ofMachineOnly, breaks: func(h *household) func() {
			h.ahead.Store(int64(5 * time.Minute))
			return func() { h.ahead.Store(0) }
		}},
		{code: health.CodeClockWrong, link: "machine.clock", name: "a minute ahead of Home Assistant's", only: ofMachineOnly, breaks: func(h *household) func() {
			h.ahead.Store(int64(-time.Minute))
			return func() { h.ahead.Store(0) }
		}},
	}
}

// disk gives the agent's state a file system of its own until the test ends.
func disk(h *household, options string) {
	h.t.Helper()
	must(h, os.MkdirAll(h.state, 0o700))
	must(h, unix.Mount("tmpfs", h.state, "tmpfs", 0, options))
	h.t.Cleanup(func() { must(h, unix.Unmount(h.state, unix.MNT_DETACH)) })
}

// remount changes how the state's file system may be used.
func remount(h *household, flags uintptr) {
	h.t.Helper()
	must(h, unix.Mount("", h.state, "", unix.MS_REMOUNT|flags, ""))
}

// fill writes a file until there is no room left.
func fill(h *household, path string) {
	h.t.Helper()
	f, err := os.Create(path)
	must(h, err)
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, unix.ENOSPC) {
		h.t.Fatal(err)
	}
	must(h, f.Close())
}

// litter makes small files until there can be no more.
func litter(h *household) (paths []string) {
	h.t.Helper()
	for {
		path := filepath.Join(h.state, fmt.Sprintf("small-%d", len(paths)))
		err := os.WriteFile(path, nil, 0o600)
		if errors.Is(err, unix.ENOSPC) {
			return paths
		}
		must(h, err)
		paths = append(paths, path)
	}
}

func remove(h *household, paths ...string) {
	h.t.Helper()
	for _, path := range paths {
		must(h, os.Remove(path))
	}
}

func must(h *household, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}
