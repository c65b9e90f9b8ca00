#!/usr/bin/env bash
# Installs what the tests need beside Go and npm: a Chromium for the page, and openssl,
# which makes the certificates of the tests.
set -euo pipefail
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
