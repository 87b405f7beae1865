package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// webFiles are the sources of the page.
//
//go:embed web/package.json web/package-lock.json web/index.html web/src
var webFiles embed.FS

// sayFunc prints a line of progress.
type sayFunc func(format string, args ...any)

var errNoNode = errors.New("the page's SIP library comes from npm: install Node.js 18 or later with npm (`make demo` does it on Debian)")

// buildPage makes the page, once for each state of its sources, and returns the directory to serve. The npm modules and the
// finished page are kept in the cache directory.
func buildPage(ctx context.Context, say sayFunc) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	lock, err := digestOf("web/package.json", "web/package-lock.json")
	if err != nil {
		return "", err
	}
	all, err := digestOf("web")
	if err != nil {
		return "", err
	}
	modules, page := filepath.Join(cache, "demo-modules-"+lock), filepath.Join(cache, "demo-page-"+all)
	if exists(page) {
		return page, nil
	}
	if !exists(modules) {
		say("fetching the page's SIP library (JsSIP) and its bundler from npm, once …")
		if err = fetchModules(ctx, modules); err != nil {
			return "", err
		}
	}
	say("building the page …")
	if err = bundle(ctx, modules, page); err != nil {
		return "", err
	}
	return page, nil
}

// fetchModules runs npm ci in a directory beside the final one, which appears only when whole.
func fetchModules(ctx context.Context, modules string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errNoNode
	}
	return whole(modules, func(dir string) error {
		for _, name := range []string{"package.json", "package-lock.json"} {
			data, rerr := webFiles.ReadFile("web/" + name)
			if rerr != nil {
				return rerr
			}
			if rerr = os.WriteFile(filepath.Join(dir, name), data, 0o644); rerr != nil {
				return rerr
			}
		}
		// No script of a package is run; none is needed.
		cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		cmd.Dir = dir
		return runQuietly(cmd)
	})
}

// bundle makes one script and one style sheet of the sources.
func bundle(ctx context.Context, modules, page string) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return errNoNode
	}
	sources, err := os.MkdirTemp("", "doorstation-demo-page-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(sources)
	web, err := fs.Sub(webFiles, "web")
	if err != nil {
		return err
	}
	if err = os.CopyFS(sources, web); err != nil {
		return err
	}
	return whole(page, func(dir string) error {
		cmd := exec.CommandContext(ctx, node, filepath.Join(modules, "node_modules/esbuild/bin/esbuild"),
			"src/main.js", "src/style.css", "--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning",
			"--outdir="+dir)
		cmd.Dir = sources
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(modules, "node_modules"))
		if berr := runQuietly(cmd); berr != nil {
			return berr
		}
		index, berr := webFiles.ReadFile("web/index.html")
		if berr != nil {
			return berr
		}
		return os.WriteFile(filepath.Join(dir, "index.html"), index, 0o644)
	})
}

// buildAgent compiles this very doorstation.
func buildAgent(ctx context.Context, dir string, say sayFunc) (string, error) {
	top, err := moduleDir()
	if err != nil {
		return "", err
	}
	say("building doorstation (the first time takes some minutes: codecs are compiled, too) …")
	bin := filepath.Join(dir, "doorstation")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=nolibopusfile", "-buildvcs=false", "-o", bin, "./cmd/doorstation")
	cmd.Dir = top
	return bin, runQuietly(cmd)
}

// runQuietly runs a command and shows what it printed only if it fails.
func runQuietly(cmd *exec.Cmd) error {
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(printed.Bytes()))
	}
	return nil
}

// whole lets fill make a directory that appears under its name only when it is finished. If another run has finished the
// same one meanwhile, that one is as good.
func whole(dir string, fill func(dir string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err = fill(scratch); err != nil {
		return err
	}
	if err = os.Rename(scratch, dir); err != nil && !exists(dir) {
		return err
	}
	return nil
}

// digestOf names the content of embedded files and directories.
func digestOf(paths ...string) (string, error) {
	sum := sha256.New()
	for _, path := range paths {
		err := fs.WalkDir(webFiles, path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := webFiles.ReadFile(name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(sum, "%s %d\n%s", name, len(data), data)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// cacheDir is the one place outside the clone where fetched and built things are kept; the Makefile names it, too.
func cacheDir() (string, error) {
	if dir := os.Getenv("DOORSTATION_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "doorstation-lab"), err
}

// moduleDir is the clone's top: the demo runs where it was compiled.
func moduleDir() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	top := filepath.Join(filepath.Dir(here), "..", "..")
	if !ok || !exists(filepath.Join(top, "go.mod")) {
		return "", errors.New("the clone that this demo was built from is gone; name an agent with --doorstation")
	}
	return top, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
