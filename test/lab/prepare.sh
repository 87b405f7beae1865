#!/usr/bin/env bash
# Fetch the real parts of the lab into the cache directory, once. Needs the network; the tests then do not.
# usage: prepare.sh [asterisk] [popup] [arm64] [homeassistant]        prints nothing when all is there
#   asterisk   Debian's Asterisk 22 and coturn with everything they link to: unpacked, not installed
#   popup      the npm modules of test/lab/popup
#   arm64      Debian's libopus and speexdsp for arm64, unpacked: to build for it with a cross-compiler
#   homeassistant  Home Assistant Core with its pages, on a Python of Debian's that is unpacked beside it
# A part is made beside its place and moved there when whole, under a lock: two runs at once do not
# collide, and one that was interrupted leaves nothing that looks finished.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
mkdir -p "$cache"
exec 9>"$cache/prepare.lock"
flock 9

# Stamps name what a part was made from: another list of packages or lock file makes another part.
asterisk_stamp=asterisk-1
popup_stamp=popup-$(cat "$here/popup/package.json" "$here/popup/package-lock.json" | sha256sum | cut -c1-12)

arm64_stamp=arm64-1
homeassistant_stamp=homeassistant-$(sha256sum <"$here/homeassistant/requirements.txt" | cut -c1-12)
icelock_stamp=icelock-$(sha256sum <"$here/asterisk/icelock.c" | cut -c1-12)

new=
trap '[[ -z $new ]] || rm -rf --one-file-system "$new"' EXIT

# fetch_asterisk unpacks the packages without running a maintainer script or starting anything. Debian's stable
# releases have no Asterisk; sid has, and when sid is mid-transition forky may.
fetch_asterisk() {
  local mirror suite mode=auto
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') ||
    { echo "prepare: apt names no Debian mirror here" >&2; return 1; }
  [[ $(id -u) = 0 ]] || mode=chrootless
  for suite in sid forky; do
    echo "prepare: unpacking Asterisk from Debian $suite (about 10 s, 300 MB)"
    rm -rf --one-file-system "$new"
    # A mirror that lags makes sid's Release look expired; that must not stop a test lab.
    if mmdebstrap --quiet --mode="$mode" --variant=extract --include=asterisk,asterisk-modules,coturn \
      --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' --aptopt='Apt::Install-Recommends "false"' \
      "$suite" "$new" "$mirror" && "$here/run-in-root.sh" "$new" usr/sbin/asterisk -V; then
      return 0
    fi
  done
  echo "prepare: no Asterisk could be had from sid or forky" >&2
  return 1
}

fetch_popup() {
  echo "prepare: npm modules of the popup"
  mkdir "$new"
  cp "$here/popup/package.json" "$here/popup/package-lock.json" "$new"
  # No script of a package runs; none is needed.
  (cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >/dev/null)
}

# fetch_arm64 unpacks the libraries of this Debian, or of the latest stable one.
fetch_arm64() {
  local mirror mode=auto suite
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') ||
    { echo "prepare: apt names no Debian mirror here" >&2; return 1; }
  [[ $(id -u) = 0 ]] || mode=chrootless
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
  echo "prepare: unpacking libraries for arm64 from Debian $suite"
  mmdebstrap --quiet --mode="$mode" --variant=extract --arch=arm64 --include=libopus-dev,libspeexdsp-dev \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' --aptopt='Apt::Install-Recommends "false"' "$suite" "$new" "$mirror"
}

# fetch_homeassistant unpacks a Python that this Home Assistant runs on, which Debian's stable releases may lack, and lets that Python's
# own pip, with the settings that pip has on this machine, put Home Assistant beside it.
fetch_homeassistant() {
  local mirror suite mode=auto
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') ||
    { echo "prepare: apt names no Debian mirror here" >&2; return 1; }
  [[ $(id -u) = 0 ]] || mode=chrootless
  for suite in forky sid; do
    echo "prepare: Home Assistant on Python 3.14 of Debian $suite (a minute or two, 800 MB)"
    rm -rf --one-file-system "$new"
    mkdir "$new"
    mmdebstrap --quiet --mode="$mode" --variant=extract --include=python3.14,python3-pip,python3-pyqrcode \
      --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' --aptopt='Apt::Install-Recommends "false"' \
      "$suite" "$new/root" "$mirror" && python_of "$new" -c 'import sys; sys.exit(sys.version_info < (3, 14, 2))' && break
    [[ $suite != sid ]] || { echo "prepare: no Python 3.14 could be had from forky or sid" >&2; return 1; }
  done
  python_of "$new" -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-input --no-deps --no-compile \
    --only-binary=:all: --target "$new/site" --requirement "$here/homeassistant/requirements.txt"
  # The pages for old browsers are half of them.
  rm -rf --one-file-system "$new/site/hass_frontend/frontend_es5"
  # That it can be loaded is the proof, and compiles the most of it.
  python_of "$new" -c 'import homeassistant.bootstrap, homeassistant.components.frontend, homeassistant.components.onboarding, pyqrcode'
}

# python_of PART ARGUMENT... runs the Python of a Home Assistant.
python_of() {
  local part=$1
  shift
  PYTHONHOME=$part/root/usr PYTHONPATH=$part/site PYTHONNOUSERSITE=1 "$here/run-in-root.sh" "$part/root" usr/bin/python3.14 "$@"
}

# fetch_icelock builds what keeps this Asterisk from a deadlock of its own: the source says which.
fetch_icelock() {
  mkdir "$new"
  gcc -O2 -Wall -shared -fPIC -o "$new/icelock.so" "$here/asterisk/icelock.c" -ldl
}

# part NAME STAMP makes a part unless it is there, and removes older ones.
part() {
  local name=$1 stamp=$2
  if [[ ! -d $cache/$stamp ]]; then
    new=$cache/$stamp.new
    rm -rf --one-file-system "$new"
    "fetch_$name"
    find "$cache" -maxdepth 1 -name "$name-*" ! -path "$new" -exec rm -rf --one-file-system {} +
    mv "$new" "$cache/$stamp"
    new=
  fi
  ln -sfn "$stamp" "$cache/$name"
}

[[ $# -gt 0 ]] || set -- asterisk popup
for name in "$@"; do
  case $name in
    asterisk) part asterisk "$asterisk_stamp"; part icelock "$icelock_stamp" ;;
    popup) part popup "$popup_stamp" ;;
    arm64) part arm64 "$arm64_stamp" ;;
    homeassistant) part homeassistant "$homeassistant_stamp" ;;
    *) echo "prepare: no such part: $name" >&2; exit 2 ;;
  esac
done
