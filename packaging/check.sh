#!/usr/bin/env bash
# Check the packages in dist/: lintian without a warning, and the unit's sandbox no wider than it has to be.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
packages=(dist/doorstation_*.deb)
[[ ${#packages[@]} -gt 0 ]] || { echo "package: there is nothing in dist/; run make package first" >&2; exit 1; }
for deb in "${packages[@]}"; do
  lintian --allow-root --fail-on error,warning "$deb"
done
# 1.5 of 10; --threshold counts in tenths.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp systemd/doorstation.service "$scratch/"
systemd-analyze security --offline=true --threshold=15 "$scratch/doorstation.service" >"$scratch/report" 2>&1 ||
  { grep -v '✓' "$scratch/report"; echo "package: systemd/doorstation.service is more exposed than 1.5" >&2; exit 1; }
tail -1 "$scratch/report"
# Not a word about keys that this systemd does not know; what it says of the program and the man page that are not installed here is no matter.
if systemd-analyze verify "$scratch/doorstation.service" 2>&1 | grep -i 'unknown\|ignoring'; then
  echo "package: systemd would grumble about systemd/doorstation.service" >&2
  exit 1
fi
