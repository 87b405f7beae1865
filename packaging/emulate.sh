#!/usr/bin/env bash
# Run the unit tests, built for the processors of the Raspberry Pi, and the packages' own programs under qemu's user mode emulation.
#   packaging/emulate.sh [arm64|armhf]...        (default: both, one after the other; the tests of several packages run side by side)
# DIST says where the packages are (default: dist); PACKAGES="./internal/gpio ..." tests those alone, and runs no program.
# Without the race detector, which can't be had across architectures.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -gt 0 ]] || set -- arm64 armhf
DIST=${DIST:-dist}
export GOFLAGS=${GOFLAGS:--tags=nolibopusfile}

say() { printf 'emulate: %s\n' "$*"; }

# left_out are packages that are not tested on an architecture: a pattern.
left_out() {
  # Makes documentation on the machine that builds, never on a Pi.
  local always='/internal/tools/'
  case $1 in
  # phone's tests last as long as what they are about, calls that ring and step on by the second, and an emulated processor of 32 bits on a
  # busy machine makes no offer in that time. They run for arm64; what a word is wide for is in sip and peer, beneath.
  armhf) echo "$always|/internal/phone$" ;;
  *) echo "$always" ;;
  esac
}

# skipped are tests that are left out: a pattern of go test.
skipped() {
  case $1 in
  # Minutes of arithmetic in floating point, which Go does on armhf as on amd64; on arm64 it joins multiplication and addition, so there they run.
  armhf) echo '^(TestTheEcho|TestTheDelayIsFoundAgain|TestAnEchoThatCantBeTamed)' ;;
  *) echo '^$' ;;
  esac
}

# smoke runs the programs of a package: its version, the example file judged, and the guard, which tells a person what it is.
smoke() {
  local arch=$1 deb scratch status=0
  deb=$(find "$DIST" -maxdepth 1 -name "doorstation_*_$arch.deb" -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -1 | cut -d' ' -f2-)
  [[ -n $deb ]] || { say "there is no package for $arch in $DIST; run make package first" >&2; return 1; }
  scratch=$(mktemp -d)
  dpkg-deb -x "$deb" "$scratch"
  say "$(basename "$deb"): $($DOORSTATION_TEST_EMULATOR "$scratch/usr/bin/doorstation" version)"
  # Neither Home Assistant nor camera are here, which is an error (4); the program has to find that out by itself.
  $DOORSTATION_TEST_EMULATOR "$scratch/usr/bin/doorstation" check --config config/doorstation.example.yaml >"$scratch/said" 2>&1 || status=$?
  if [[ ! $status =~ ^[034]$ ]] || ! grep -q 'doorstation.example.yaml' "$scratch/said"; then
    cat "$scratch/said"
    say "$arch: doorstation check ended with $status" >&2
    return 1
  fi
  if $DOORSTATION_TEST_EMULATOR "$scratch/usr/lib/doorstation/lock-guard" >"$scratch/said" 2>&1 || ! grep -q 'its protocol is' "$scratch/said"; then
    cat "$scratch/said"
    say "$arch: lock-guard does not begin" >&2
    return 1
  fi
  rm -rf "$scratch"
}

one() (
  arch=$1
  case $arch in
  arm64) goarch=arm64 goarm='' triplet=aarch64-linux-gnu emulator=qemu-aarch64-static ;;
  armhf) goarch=arm goarm=7 triplet=arm-linux-gnueabihf emulator=qemu-arm-static ;;
  *) echo "emulate: unknown architecture $arch: arm64 or armhf" >&2; exit 2 ;;
  esac
  sysroot=$(packaging/sysroot.sh "$arch")
  # Tests that start their own binary again put this before it.
  export DOORSTATION_TEST_EMULATOR="$(command -v "$emulator") -L $sysroot"
  [[ -n ${PACKAGES:-} ]] || smoke "$arch"
  packages=${PACKAGES:-$(go list ./cmd/... ./internal/... | grep -v -E "$(left_out "$arch")")}
  export GOOS=linux GOARCH=$goarch GOARM=$goarm CGO_ENABLED=1 CC=$triplet-gcc CXX=$triplet-g++
  export PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triplet/pkgconfig:$sysroot/usr/share/pkgconfig
  export CGO_LDFLAGS="-L$sysroot/usr/lib/$triplet -Wl,-rpath-link,$sysroot/usr/lib/$triplet"
  export CGO_CFLAGS='-O2 -g0' CGO_CXXFLAGS='-O2 -g0'
  say "unit tests for $arch"
  # shellcheck disable=SC2086
  go test -count=1 -timeout 20m -skip "$(skipped "$arch")" -exec "$DOORSTATION_TEST_EMULATOR" $packages
)

for arch in "$@"; do one "$arch"; done
