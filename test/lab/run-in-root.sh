#!/bin/sh
# Run a program of an unpacked Debian tree by the tree's own loader and libraries: no chroot, no privileges.
# usage: run-in-root.sh ROOT PROGRAM [ARGUMENT...]      PROGRAM is relative to ROOT
#   LAB_PRELOAD    a library to load before the program's own
set -eu
root=$1 program=$2
shift 2
for lib in "$root"/usr/lib/*-linux-gnu*; do [ -d "$lib" ] && break; done
for ld in "$lib"/ld-linux*.so.*; do break; done
OPENSSL_MODULES=$lib/ossl-modules
export OPENSSL_MODULES
# shellcheck disable=SC2086 # LAB_PRELOAD is one path or nothing
exec "$ld" --library-path "$lib" ${LAB_PRELOAD:+--preload $LAB_PRELOAD} "$root/$program" "$@"
