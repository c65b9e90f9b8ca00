#!/usr/bin/env bash
# Installs what the tests need beside Go and npm: a Chromium for the page.
set -euo pipefail
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
else
  echo "The page's tests need Chromium: install it (Debian: sudo apt-get install chromium) and run again." >&2
  exit 1
fi
