#!/usr/bin/env bash
# Install what a fresh Debian 12 or 13 lacks to build, test or show doorstation.
#
#   scripts/deps.sh LEVEL...
#     build   compiler, libopus, speexdsp and a Go that can fetch the version go.mod asks for
#     demo    Node.js and npm, for the popup's SIP library
#     lab     demo, and what the lab of the end-to-end tests runs: Chromium, mmdebstrap, ffmpeg, nftables, PulseAudio, Avahi
#     kernel  what test/kernel/build.sh builds a kernel with (flex, bison, bc, xz), and ALSA's library for the tests on it
#     bench   lab, whom the bench sets beside the door (baresip), and what counts instructions of arm64 (qemu, cross-compilers)
#     vm      lab, and an emulated machine of its own
#     package the cross compilers, lintian, and an emulator to run what they make
#     docs    lab, and what makes pictures of a terminal
#     lint    golangci-lint, built once into the cache directory
#
# Says what it does, does nothing (and takes no time) when all is there. Uses sudo when not root.
# Everything that is not a Debian package goes into one directory outside the clone:
# ${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-~/.cache}/doorstation-lab}.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
golangci_version=v2.15.0   # an exact version: the lint must not change by itself

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

# as_root runs a command with the rights apt needs.
as_root() {
  if [[ $(id -u) = 0 ]]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "needs root for: $* (run as root, or install sudo)"; fi
}

# missing prints those of the named packages that are not installed.
missing() {
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    awk -v want="$*" '$1 == "installed" { have[$2] = 1 }
      END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }'
}

# packages installs those of the named Debian packages that are missing.
packages() {
  local want
  mapfile -t want < <(missing "$@")
  [[ ${#want[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null ||
    die "this is not Debian (no apt-get). Install these by hand, then try again: ${want[*]}"
  say "installing ${want[*]}"
  # A mirror that is being synchronised has lists and packages that do not fit, for some minutes.
  local pause
  for pause in 20 60 0; do
    # One that lags must not stop the installation of packages that it does have.
    apt_get update || say "apt-get update failed, trying with the lists that are there"
    apt_get -y install --no-install-recommends "${want[@]}" && return 0
    [[ $pause -gt 0 ]] || die "apt-get can't install ${want[*]}"
    say "apt-get install failed, and is tried again in $pause s"
    sleep "$pause"
  done
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=5 "$@" </dev/null >/dev/null
}

# go_is_new tells whether the go in PATH (or the one named) can fetch newer toolchains: 1.21 or later.
go_is_new() {
  local version
  version=$("${1:-go}" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 21 ]]
}

# ensure_go provides a Go. Debian 12's 1.19 is too old to fetch a newer one by itself, but the Go
# toolchains are ordinary modules: 1.19 downloads and verifies one, which goes into the cache.
ensure_go() {
  go_is_new || go_is_new "$cache/go/bin/go" && return 0
  command -v go >/dev/null || packages golang-go
  go_is_new && return 0
  local version arch dir scratch
  version=$(awk '$1 == "go" { print $2 }' "$top/go.mod")
  arch=$(go env GOARCH)
  dir=$cache/go-$version
  say "fetching Go $version with Debian's $(go env GOVERSION) into $dir"
  scratch=$(mktemp -d)
  (cd "$scratch" && go mod init scratch >/dev/null 2>&1 &&
    GOFLAGS=-modcacherw go mod download "golang.org/toolchain@v0.0.1-go$version.linux-$arch")
  rm -rf "$scratch" "$dir"
  mkdir -p "$cache"
  cp -r "$(go env GOMODCACHE)/golang.org/toolchain@v0.0.1-go$version.linux-$arch" "$dir"
  chmod -R u+w "$dir"
  chmod +x "$dir"/bin/* "$dir"/pkg/tool/*/*   # a module archive keeps no modes
  ln -sfn "go-$version" "$cache/go"
  go_is_new "$cache/go/bin/go" || die "the Go in $dir does not run"
}

ensure_node() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  [[ $major -ge 18 ]] || packages nodejs
  command -v npm >/dev/null || packages npm
}

ensure_lint() {
  local bin=$cache/golangci-lint-$golangci_version
  if [[ ! -x $bin/golangci-lint ]]; then
    say "building golangci-lint $golangci_version (two minutes, once)"
    PATH=$cache/go/bin:$PATH GOBIN=$bin.new GOFLAGS='' GOTOOLCHAIN=auto \
      go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci_version" 2> >(grep -v '^go: downloading' >&2)
    rm -rf "$bin"
    mv "$bin.new" "$bin"
  fi
  ln -sfn "golangci-lint-$golangci_version" "$cache/golangci-lint"
}

lab() {
  packages ca-certificates chromium mmdebstrap iproute2 nftables ffmpeg fonts-dejavu-core sip-tester pulseaudio pulseaudio-utils libasound2-data avahi-daemon
  ensure_node
}

[[ $# -gt 0 ]] || die "usage: scripts/deps.sh build|demo|lab|kernel|bench|package|vm|docs|lint ..."
# Two makes at once must not build the same thing into the same place.
mkdir -p "$cache"
exec 9>"$cache/deps.lock"
flock 9
for level in "$@"; do
  case $level in
    build) packages ca-certificates git gcc g++ make pkg-config libc6-dev libopus-dev libspeexdsp-dev; ensure_go ;;
    demo) ensure_node ;;
    lab) lab ;;
    bench) lab; packages baresip-core baresip-ffmpeg qemu-user gcc-aarch64-linux-gnu g++-aarch64-linux-gnu ;;
    kernel) packages ca-certificates gcc make libc6-dev flex bison bc xz-utils alsa-utils libasound2-data ;;
    package) packages ca-certificates binutils gettext-base xz-utils lintian systemd crossbuild-essential-arm64 crossbuild-essential-armhf qemu-user-static ;;
    vm) lab; packages qemu-system-x86 avahi-daemon qemu-utils mmdebstrap e2fsprogs cpio zstd xz-utils kmod openssh-client ;;
    docs) lab; packages tmux aha pngquant fonts-dejavu-core ;;
    lint) ensure_lint ;;
    *) die "no such level: $level" ;;
  esac
done
