#!/usr/bin/env bash
# Fetch and unpack the C libraries that a cross build links against, for one Debian architecture, without touching the machine's own
# packages. Prints the directory. usage: packaging/sysroot.sh arm64|armhf|amd64
set -euo pipefail
arch=$1
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
packages=(libopus0 libopus-dev libspeexdsp1 libspeexdsp-dev libc6 libgcc-s1 libstdc++6)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
key=$(sha256sum "$0" | cut -c1-12)
root=$cache/sysroot-$suite-$arch-$key
mkdir -p "$cache"
exec 9>"$cache/sysroot.lock"
flock 9
if [[ ! -e $root/.complete ]]; then
  echo "package: fetching ${packages[*]} for $arch ($suite)" >&2
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$')
  rm -rf "$root"; mkdir -p "$root"/apt/{lists/partial,cache/archives/partial,debs}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$root/apt/sources.list"
  cat >"$root/apt/apt.conf" <<A
Dir::Etc::sourcelist "$root/apt/sources.list"; Dir::Etc::sourceparts "-";
Dir::State::lists "$root/apt/lists"; Dir::Cache "$root/apt/cache"; Dir::State::status "/dev/null";
APT::Architectures { "$arch"; }; APT::Architecture "$arch"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "5";
A
  (export APT_CONFIG=$root/apt/apt.conf
   apt-get -qq update
   cd "$root/apt/debs" && apt-get -qq download "${packages[@]}") >&2
  for deb in "$root"/apt/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
  rm -rf "$root/apt"
  touch "$root/.complete"
fi
echo "$root"
