#!/bin/sh
# Makes .venv and installs exactly what requirements/dev.lock names, hashes checked.
set -eu

say() { printf '%s\n' "$*" >&2; }

# The newest line that every pinned package has wheels for comes first only when python3 itself is too old.
find_python() {
  for candidate in ${VIGIL_PYTHON:-} python3 python3.12 python3.13 python3.11 python3.14; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

python=$(find_python) || {
  say "Vigil needs Python 3.11 to 3.14; found: $(python3 --version 2>&1 || echo none)."
  say "Install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv; macOS: brew install python@3.12),"
  say "or name it: make setup VIGIL_PYTHON=/path/to/python3.12"
  exit 1
}

# Debian and Ubuntu ship Python without what makes an environment.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing $package ..."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package"; } >&2
  else
    say "Python's venv is missing. Run: sudo apt-get install $package"
    exit 1
  fi
fi

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  say "Making .venv with $("$python" --version) ..."
  rm -rf .venv
  "$python" -m venv .venv
fi
venv=$PWD/.venv

say "Installing the pinned packages ..."
"$venv/bin/python" -m pip install -qq --require-hashes -r requirements/uv.lock

# uv reads other variables than pip; a machine set up for pip alone must work too.
setting() { "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true; }
index=${PIP_INDEX_URL:-$(setting index-url)}
extra=${PIP_EXTRA_INDEX_URL:-$(setting extra-index-url)}
links=${PIP_FIND_LINKS:-$(setting find-links)}
cert=${PIP_CERT:-$(setting cert)}
[ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
[ -z "$extra" ] || export UV_INDEX="${UV_INDEX:-$extra}" UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
[ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$(printf %s "$links" | tr ' ' ',')}"
[ -z "$cert" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"
export VIRTUAL_ENV="$venv"

if ! "$venv/bin/uv" pip sync --quiet --require-hashes requirements/dev.lock; then
  say "uv could not install them; trying pip, which is slower ..."
  "$venv/bin/python" -m pip install -qq --require-hashes -r requirements/dev.lock
fi
"$venv/bin/uv" pip install --quiet --offline --no-deps --no-build-isolation -e .
