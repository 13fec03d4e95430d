#!/bin/sh
# Sees that PDF can be made: installs Pango where that is possible, says in words how where it is not. Never fails a setup:
# without it everything but PDF works, and `vigil doctor` says so.
set -eu

say() { printf '%s\n' "$*" >&2; }

can_print() { .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1; }

can_print && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "Installing Pango for PDF papers (about 15 MB) ..."
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core; } >&2 || true
  can_print && exit 0
fi
say "PDF papers (vigil custody pack) need Pango. Install it when you need them:"
say "Debian, Ubuntu: sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core; macOS: brew install pango"
exit 0
