#!/usr/bin/env bash
# Make the pictures in docs/images anew: doorstation's status page in a browser, its commands in a terminal, Home Assistant's pages.
#   scripts/screenshots.sh [page|terminal|home]...       by default page and terminal, and home if it can
#   SIP_CORE       for home: a clone of SIP Core's repository
# What they show is real: the agent, Asterisk and Chromium on this machine. Only the directories of the trial and Home Assistant's address are
# shown as they are called on a Raspberry Pi.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOFLAGS=${GOFLAGS:--tags=nolibopusfile}
[[ $# -gt 0 ]] || set -- page terminal ${SIP_CORE:+home}
images=$PWD/docs/images
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# small rewrites a picture with 256 colours, which is less than half of it.
small() { pngquant --force --skip-if-larger --quality 60-95 --output "$2" "$1" || cp "$1" "$2"; }

# page: who looks at it at a desk while somebody talks, and on a phone while it rings.
page() {
  go run ./test/page/shots "$scratch/page"
  small "$scratch/page/page-talking-desk-light.png" "$images/page-desk.png"
  small "$scratch/page/page-ringing-phone-dark.png" "$images/page-phone.png"
}

# terminal: a screen of text becomes a page, and that a picture as high as its lines.
terminal() {
  go run ./test/shots "$scratch/terminal"
  for name in setup check status; do
    local lines
    lines=$(wc -l <"$scratch/terminal/$name.ansi")
    {
      printf '<meta charset="utf-8"><style>body{margin:0;background:#1b1f24}pre{margin:0;padding:14px 18px;color:#d7dde3;font:14px/19px "DejaVu Sans Mono",monospace}</style><pre>'
      aha --no-header --black <"$scratch/terminal/$name.ansi"
      printf '</pre>'
    } >"$scratch/$name.html"
    chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$scratch/chromium" \
      --window-size=1146,$((lines * 19 + 28)) --screenshot="$scratch/$name.png" "file://$scratch/$name.html" 2>/dev/null
    small "$scratch/$name.png" "$images/terminal-$name.png"
  done
}

# home: what the owner of the home does there before the door comes.
home() {
  test/lab/prepare.sh homeassistant popup
  go run ./test/shots/homeassistant "$scratch/home"
  for name in user add configure token; do small "$scratch/home/home-$name.png" "$images/home-$name.png"; done
}

for what in "$@"; do
  case $what in
    page) page ;;
    terminal) terminal ;;
    home) home ;;
    *) echo "usage: scripts/screenshots.sh [page|terminal|home]..." >&2; exit 2 ;;
  esac
done
ls -l "$images"/*.png
