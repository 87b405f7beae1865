#!/usr/bin/env bash
# Build the Debian packages: dist/doorstation_VERSION_ARCH.deb for each architecture named (default: all three), on any of them.
#   packaging/build.sh [amd64|arm64|armhf]...
# VERSION (a Debian version) overrides what git says, DIST where they go.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -gt 0 ]] || set -- amd64 arm64 armhf
DIST=${DIST:-dist}
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
nfpm_version=v2.45.2 # the newest whose dependencies can all be had

say() { printf 'package: %s\n' "$*"; }

# A tag v1.2.3 is version 1.2.3; anything else is older than every release, and newer than what was built from an older commit.
version() {
  local tag
  if tag=$(git describe --tags --exact-match 2>/dev/null) && [[ $tag =~ ^v[0-9] ]]; then echo "${tag#v}"
  else git log -1 --format='0~git%cd.%h' --date=format:%Y%m%d%H%M%S; fi
}
VERSION=${VERSION:-$(version)}
SOURCE_DATE=$(git log -1 --format=%cI)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
MAINTAINER=$(git log -1 --format='%an <%ae>')
export VERSION SOURCE_DATE SOURCE_DATE_EPOCH MAINTAINER

if [[ ! -x $cache/nfpm-$nfpm_version/nfpm ]]; then
  say "building nfpm $nfpm_version into $cache"
  GOFLAGS= GOBIN=$cache/nfpm-$nfpm_version go install "github.com/goreleaser/nfpm/v2/cmd/nfpm@$nfpm_version"
fi

# licenses of the Go modules that are linked in.
licenses() {
  go list -deps -f '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}' ./cmd/doorstation | sort -u | while read -r path ver dir; do
    [[ -n ${dir:-} ]] || continue
    printf '\n======== %s %s\n\n' "$path" "$ver"
    find "$dir" -maxdepth 1 -iregex '.*/\(licen[sc]e\|copying\|notice\|copyright\)[^/]*' -type f -exec cat {} +
  done
}

# glibc is the oldest C library that has every symbol that a program asks for.
glibc() { "$1objdump" -T "$2" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1 | cut -d_ -f2; }

native=$(dpkg --print-architecture)
for ARCH in "$@"; do
  STAGE=$DIST/stage-$ARCH
  rm -rf "$STAGE"; mkdir -p "$STAGE"
  case $ARCH in
  amd64) goarch=amd64 goarm='' triplet=x86_64-linux-gnu ;;
  arm64) goarch=arm64 goarm='' triplet=aarch64-linux-gnu ;;
  armhf) goarch=arm goarm=7 triplet=arm-linux-gnueabihf ;;
  *) echo "package: unknown architecture $ARCH: amd64, arm64 or armhf" >&2; exit 2 ;;
  esac
  tools=$triplet- sysroot=''
  if [[ $ARCH = "$native" ]]; then tools=''; else sysroot=$(packaging/sysroot.sh "$ARCH"); fi
  say "building $VERSION for $ARCH"
  (
    export GOOS=linux GOARCH=$goarch GOARM=$goarm CGO_ENABLED=1 CC=${tools}gcc CXX=${tools}g++
    if [[ -n $sysroot ]]; then
      export PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triplet/pkgconfig:$sysroot/usr/share/pkgconfig
      export CGO_LDFLAGS="-L$sysroot/usr/lib/$triplet -Wl,-rpath-link,$sysroot/usr/lib/$triplet"
    fi
    export CGO_CFLAGS='-O2 -g0' CGO_CXXFLAGS='-O2 -g0'
    # The C++ of openh264 goes in, so that nothing but what Debian has in every image is asked for.
    go build -trimpath -buildmode=pie \
      -ldflags "-s -w -X main.version=$VERSION -X main.guardProgram=/usr/lib/doorstation/lock-guard -extldflags '-static-libstdc++ -static-libgcc -Wl,-z,relro,-z,now'" \
      -o "$STAGE/doorstation" ./cmd/doorstation
    # No C and nothing to relocate: it starts at once, and its memory stays the file's.
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$STAGE/lock-guard" ./cmd/lock-guard
  )
  GLIBC=$(glibc "$tools" "$STAGE/doorstation")
  if [[ $ARCH = "$native" ]]; then "$STAGE/doorstation" man >"$STAGE/doorstation.1"
  else go run ./cmd/doorstation man >"$STAGE/doorstation.1"; fi
  licenses >"$STAGE/third-party-licenses"
  find docs -type f ! -name demo.png -exec install -Dm644 {} "$STAGE/{}" \;
  printf 'doorstation (%s) unstable; urgency=medium\n\n  * Built from commit %s.\n\n -- %s  %s\n' "$VERSION" "$(git rev-parse --short HEAD)" \
    "$MAINTAINER" "$(git log -1 --format=%cD)" >"$STAGE/changelog"
  gzip -9n "$STAGE"/{doorstation.1,changelog,third-party-licenses}
  export ARCH STAGE GLIBC
  rm -f "$DIST"/doorstation_*_"$ARCH".deb # of other versions
  envsubst '$ARCH $VERSION $SOURCE_DATE $STAGE $GLIBC $MAINTAINER' <packaging/nfpm.yaml >"$STAGE/nfpm.yaml"
  "$cache/nfpm-$nfpm_version/nfpm" package --config "$STAGE/nfpm.yaml" --packager deb --target "$DIST/doorstation_${VERSION}_$ARCH.deb" >/dev/null
  say "$DIST/doorstation_${VERSION}_$ARCH.deb ($(stat -c %s "$DIST/doorstation_${VERSION}_$ARCH.deb") bytes, glibc $GLIBC)"
done
