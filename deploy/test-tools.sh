#!/usr/bin/env bash
# Installs what the tests need beside Go and npm: a Chromium for the page, axe-core, which
# knows the rules of WCAG, and openssl, which makes the certificates of the tests.
set -euo pipefail
axe=${XDG_CACHE_HOME:-$HOME/.cache}/roamclear/axe-core-4.14.1
if [ ! -f "$axe/axe.min.js" ]; then # once per machine, as its checksum says
  from=$(mktemp -d)
  trap 'rm -rf "$from"' EXIT
  (cd "$from" && npm pack --silent axe-core@4.14.1 >/dev/null &&
    echo "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745  axe-core-4.14.1.tgz" | sha256sum -c --quiet &&
    tar -xzf axe-core-4.14.1.tgz package/axe.min.js)
  mkdir -p "$axe"
  mv "$from/package/axe.min.js" "$axe/axe.min.js"
fi
missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v openssl >/dev/null || missing+=(openssl)
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
else
  echo "The tests need ${missing[*]}: install it (Debian: sudo apt-get install ${missing[*]}) and run again." >&2
  exit 1
fi
