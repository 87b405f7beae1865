# doorstation: everything a newcomer types. `make` alone lists it.

# The one place outside the clone where fetched and built tools are kept.
CACHE := $(or $(DOORSTATION_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/doorstation-lab)
VERSION := $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)

# nolibopusfile: hraban/opus without the Ogg file reader we do not use. The version comes from git describe above,
# so Go need not look at the repository itself (it refuses one that another user owns).
export GOFLAGS := -tags=nolibopusfile -buildvcs=false
# go.mod names the Go it needs; an older one fetches it from the module proxy.
export GOTOOLCHAIN := auto
export CGO_ENABLED := 1
# Where deps.sh puts a Go on a machine whose own is too old to do that.
export PATH := $(CACHE)/go/bin:$(PATH)
export DOORSTATION_CACHE := $(CACHE)

# Packages whose tests need the lab; all others need nothing but Go.
LAB_PACKAGES := /test/(lab|e2e|checkup|demo|bench|sipp|chaos|sound|vm|setup|page|homeassistant)$$
ALL_ARCHS := amd64 arm64 armhf
ARCHS := $(ALL_ARCHS)
heading = @printf '\n=== %s ===\n' '$(1)'

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(ALL_ARCHS:%=package-%) help deps build test test-unit test-kernel test-e2e test-chaos test-soak soak package test-package test-arm test-vm lint fmt docs screenshots demo bench bench-vm clean deps-build deps-lab deps-lint deps-kernel deps-demo deps-bench deps-package deps-vm deps-docs

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps-demo ## a home in miniature around the real agent: prints an address to open
	@mkdir -p bin
	go build -o bin/demo ./test/demo
	@exec bin/demo

test: deps lint test-unit test-kernel test-e2e test-chaos test-soak test-package test-arm test-vm ## everything: lint, unit tests, real drivers, household scenarios on real parts, packages, the installed machine

test-unit: deps-build ## what needs no lab, with the race detector
	$(call heading,unit tests)
	go test -race -timeout 15m $$(go list ./... | grep -v -E '$(LAB_PACKAGES)')
	# Most of it is arithmetic, which the race detector makes dear.
	go test -run '^TestTheEcho' ./internal/audio

# Each package has a guest of its own. Tests that need no driver ran before, with the race detector; here it makes the time of a
# guest's clock too dear.
test-kernel: deps-kernel ## camera, sound and GPIO on the kernel's real drivers, in a virtual machine that needs neither KVM nor root
	$(call heading,tests on real drivers)
	test/kernel/build.sh
	CGO_ENABLED=0 go build -o bin/kernel ./test/kernel/run
	go test -tags kernel,nolibopusfile -count=1 ./test/kernel
	go test -tags kernel,nolibopusfile -count=1 -p 2 -timeout 25m -exec "$(CURDIR)/bin/kernel -limit 20m" -run '^TestKernel' \
		$$(git ls-files '*_kernel_test.go' | xargs -n1 dirname | sort -u | grep -v '^internal/gpio$$' | sed 's|^|./|')
	# In virtual time: a busy machine would make the 10,000 presses and glitches of other lengths than the test wants.
	CGO_ENABLED=0 go test -tags kernel,nolibopusfile -count=1 -timeout 25m -exec "$(CURDIR)/bin/kernel -limit 20m -append time-travel=inf-cpu" \
		-v -run '^TestKernel' ./internal/gpio

test-e2e: deps-lab build ## scenarios against Asterisk 22, Chromium with JsSIP, and Home Assistant Core
	$(call heading,the lab and the household scenarios)
	test/lab/prepare.sh asterisk popup homeassistant
	go test -count=1 -p 1 -timeout 40m $$(go list ./test/... | grep -E '$(LAB_PACKAGES)' | grep -v -E '/test/(chaos|vm)$$')

# The troubles mostly wait, each in a household of its own: many at once, whatever the number of processors, but not so many that the
# calls of one starve those of another.
test-chaos: deps-lab build ## what becomes of the door when servers and networks fail
	$(call heading,the chaos suite)
	test/lab/prepare.sh asterisk popup
	go test -count=1 -parallel 8 -timeout 15m ./test/chaos

test-soak: deps-lab build ## the soak, short
	$(call heading,a short soak)
	test/lab/prepare.sh asterisk
	DOORSTATION_LAB_OUT=test/soak/out go run ./test/soak -calls 30 -every 10

soak: deps-lab build ## 1,000 calls with picture and sound: memory, goroutines and files must stay flat (20 minutes)
	$(call heading,soak)
	test/lab/prepare.sh asterisk
	DOORSTATION_LAB_OUT=test/soak/out go run ./test/soak

bench: deps-bench build ## what a person waits for, sees and hears, measured on real parts; BENCH=-quick for less than six minutes
	$(call heading,bench)
	test/lab/prepare.sh asterisk popup
	DOORSTATION_LAB_OUT=test/bench/out go run ./test/bench $(BENCH)

bench-vm: deps-bench deps-vm package-amd64 ## power on to registered, edge to INVITE, ten idle minutes: on the machine of test-vm; BENCH=-quick for a look
	$(call heading,bench of the machine)
	test/lab/prepare.sh asterisk popup
	test/vm/build.sh
	DOORSTATION_VM_PACKAGE=$$(ls $(CURDIR)/dist/doorstation_*_amd64.deb) DOORSTATION_LAB_OUT=test/bench/out \
		go run ./test/bench -only power,edge,idle $(BENCH)

package: $(ARCHS:%=package-%) ## dist/*.deb for amd64, arm64 and armhf (ARCHS="arm64" for one)

# One make builds each of them once, whoever asks for them.
$(ALL_ARCHS:%=package-%): package-%: deps-package
	$(call heading,package for $*)
	packaging/build.sh $*

test-package: package ## the packages are what Debian expects, and the other processors run them
	$(call heading,packages checked)
	packaging/check.sh

test-arm: package-arm64 package-armhf ## the packages' programs and the unit tests, built for the Pi's processors, on emulated ones
	$(call heading,unit tests for arm64 and armhf)
	packaging/emulate.sh

test-vm: deps-vm package-amd64 ## the package on an emulated machine with systemd, from its installation to its removal
	$(call heading,the door as a machine of its own)
	test/lab/prepare.sh asterisk popup
	test/vm/build.sh
	DIST=dist/upgrade VERSION=9999~upgrade packaging/build.sh amd64
	DOORSTATION_VM_PACKAGES=$$(ls $(CURDIR)/dist/doorstation_*_amd64.deb $(CURDIR)/dist/upgrade/doorstation_*_amd64.deb | paste -sd:) \
		go test -count=1 -v -parallel 2 -timeout 40m ./test/vm

lint: deps-lint ## golangci-lint (errorlint, gochecknoinits, shadow, …) and gofmt
	$(call heading,lint)
	$(CACHE)/golangci-lint/golangci-lint run --allow-parallel-runners --timeout 30m ./...

docs: deps-build ## what docs/ takes from the code: faults, keys, metrics
	go run ./internal/tools/docgen

screenshots: deps-docs build ## the pictures in docs/ of the status page and of a terminal; with SIP_CORE=DIR, a clone of its repository, of Home Assistant, too
	test/lab/prepare.sh asterisk popup
	scripts/screenshots.sh

fmt: deps-build ## gofmt over everything
	gofmt -w $$(git ls-files '*.go')

build: deps-build ## bin/doorstation
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/doorstation ./cmd/doorstation

deps: deps-lab deps-lint deps-kernel deps-package deps-vm ## install what is needed (Debian 12 or 13, root or sudo)

deps-build:
	@scripts/deps.sh build
deps-demo:
	@scripts/deps.sh build demo
deps-lab:
	@scripts/deps.sh build lab
deps-kernel:
	@scripts/deps.sh build kernel
deps-bench:
	@scripts/deps.sh build bench
deps-package:
	@scripts/deps.sh build package
deps-vm:
	@scripts/deps.sh build vm
deps-docs:
	@scripts/deps.sh build docs
deps-lint:
	@scripts/deps.sh build lint

clean: ## remove what was built here (what was fetched stays in the cache)
	rm -rf bin dist test/lab/out test/e2e/out test/chaos/out test/demo/out test/bench/out test/soak/out
