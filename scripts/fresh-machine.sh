#!/usr/bin/env bash
# Run a command in a clone of this repository on a machine that has nothing: a minimal Debian in a chroot.
# This is the proof that `make test` installs all it needs.
#
# usage: scripts/fresh-machine.sh bookworm|trixie [COMMAND...]      (as root; default: .ci/run)
#   KEEP=dir   keep the machine in dir and use it again, to see what the second run takes
set -euo pipefail
suite=${1:?usage: scripts/fresh-machine.sh SUITE [COMMAND...]}; shift
[[ $# -gt 0 ]] || set -- .ci/run
top=$(cd "$(dirname "$0")/.." && pwd)

# A mount namespace and a process namespace of its own: nothing stays mounted or running afterwards.
if [[ -z ${FRESH_INSIDE:-} ]]; then
  root=${KEEP:-$(mktemp -d)}
  [[ -n ${KEEP:-} ]] || trap 'rm -rf --one-file-system "$root"' EXIT
  FRESH_INSIDE=1 FRESH_ROOT=$root unshare --mount --pid --fork --kill-child "$0" "$suite" "$@"
  exit
fi

root=$FRESH_ROOT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$')
if [[ ! -e $root/etc/debian_version ]]; then
  # make, git and certificates are what the README's first line asks for.
  mmdebstrap --quiet --variant=minbase --include=make,git,ca-certificates \
    --aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$root" "$mirror"
fi
mount --bind "$root" "$root"   # what unshares inside wants / to be a mount
for d in dev sys; do mount --rbind "/$d" "$root/$d"; done
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp" -o mode=1777
mount -t tmpfs -o size=2g tmpfs "$root/dev/shm" -o mode=1777
# How this machine reaches the network is its own business: names, and authorities it trusts.
for f in /etc/resolv.conf /etc/hosts; do touch "$root$f"; mount --bind "$f" "$root$f"; done
cat /etc/ssl/certs/ca-certificates.crt >"$root/tmp/host-certificates.crt"

rm -rf "$root/root/doorstation"
git clone -q "$top" "$root/root/doorstation"
exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  CI=true LC_ALL=C.UTF-8 SSL_CERT_FILE=/tmp/host-certificates.crt NODE_EXTRA_CA_CERTS=/tmp/host-certificates.crt \
  /bin/sh -c 'cd /root/doorstation && exec "$@"' sh "$@" </dev/null
