#!/usr/bin/env bash
# Run the unit tests built for the processors of the Raspberry Pi, and the packages' own programs, under qemu's user mode emulation.
#   packaging/emulate.sh [arm64|armhf]...        (default: both; they run side by side)
# DIST says where the packages are (default: dist; none there: only the tests run); PACKAGES="./internal/gpio ..." takes those alone.
# Without the race detector, which is not to be had across architectures.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -gt 0 ]] || set -- arm64 armhf
DIST=${DIST:-dist}
export GOFLAGS=${GOFLAGS:--tags=nolibopusfile}

say() { printf 'emulate: %s\n' "$*"; }

# packages that are tested on an architecture, and why others are not.
packages() {
  go list ./cmd/... ./internal/...
}

# smoke runs the program of a package.
smoke() {
  local arch=$1 deb scratch
  shift
  deb=$(ls -t "$DIST"/doorstation_*_"$arch".deb 2>/dev/null | head -1)
  [[ -n $deb ]] || { say "no package for $arch in $DIST: its program was not tried"; return; }
  scratch=$(mktemp -d)
  dpkg-deb -x "$deb" "$scratch"
  "$@" "$scratch/usr/bin/doorstation" version
  rm -rf "$scratch"
}

one() {
  local arch=$1 goarch goarm triplet emulator sysroot
  case $arch in
  arm64) goarch=arm64 goarm='' triplet=aarch64-linux-gnu emulator=qemu-aarch64-static ;;
  armhf) goarch=arm goarm=7 triplet=arm-linux-gnueabihf emulator=qemu-arm-static ;;
  *) echo "emulate: unknown architecture $arch: arm64 or armhf" >&2; exit 2 ;;
  esac
  sysroot=$(packaging/sysroot.sh "$arch")
  export GOOS=linux GOARCH=$goarch GOARM=$goarm CGO_ENABLED=1 CC=$triplet-gcc CXX=$triplet-g++
  export PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triplet/pkgconfig:$sysroot/usr/share/pkgconfig
  export CGO_LDFLAGS="-L$sysroot/usr/lib/$triplet -Wl,-rpath-link,$sysroot/usr/lib/$triplet"
  export CGO_CFLAGS='-O2 -g0' CGO_CXXFLAGS='-O2 -g0'
  # Tests that start their own binary again put this before it.
  export DOORSTATION_TEST_EMULATOR="$(command -v "$emulator") -L $sysroot"
  # shellcheck disable=SC2086
  go test -count=1 -timeout 10m -exec "$DOORSTATION_TEST_EMULATOR" ${PACKAGES:-$(packages)}
}
for arch in "$@"; do one "$arch"; done
