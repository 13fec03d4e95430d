#!/bin/sh
# Prints the path of a Chromium that runs; installs one when there is none. Never an empty answer with success.
set -eu

say() { printf '%s\n' "$*" >&2; }

find_one() {
  found=$(.venv/bin/python -m vigil.config.browser) && "$found" --version >/dev/null 2>&1 && printf '%s\n' "$found"
}

if [ -n "${VIGIL_CHROMIUM:-}" ]; then
  find_one || { say "VIGIL_CHROMIUM=$VIGIL_CHROMIUM does not run."; exit 1; }
  exit 0
fi
find_one && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "Installing Chromium for the browser tests (about 110 MB) ..."
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >&2 || true
  find_one && exit 0
fi
say "Trying Playwright's own Chromium ..."
.venv/bin/python -m playwright install chromium >&2 || true
find_one && exit 0

say "The browser tests need Chromium and none could be installed. Install one"
say "(Debian, Ubuntu: sudo apt-get install chromium; macOS: brew install --cask chromium),"
say "or name one: make test VIGIL_CHROMIUM=/path/to/chromium"
exit 1
