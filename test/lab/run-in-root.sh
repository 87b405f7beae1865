#!/bin/sh
# Run a program of an unpacked Debian tree by the tree's own loader and libraries: no chroot, no privileges.
# usage: run-in-root.sh ROOT PROGRAM [ARGUMENT...]      PROGRAM is relative to ROOT
set -eu
root=$1 program=$2
shift 2
for lib in "$root"/usr/lib/*-linux-gnu*; do [ -d "$lib" ] && break; done
for ld in "$lib"/ld-linux*.so.*; do break; done
OPENSSL_MODULES=$lib/ossl-modules
export OPENSSL_MODULES
exec "$ld" --library-path "$lib" "$root/$program" "$@"
