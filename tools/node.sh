#!/bin/sh
# Runs a command with Node 20 or newer: the system's, or one installed into .venv as a wheel.
set -eu

has_node() {
  command -v npm >/dev/null 2>&1 &&
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null
}

if ! has_node; then
  if [ ! -x .venv/bin/npm ]; then
    echo "No Node 20 with npm here; installing one into .venv ..." >&2
    .venv/bin/python -m pip install -qq --require-hashes -r requirements/node.lock
  fi
  PATH="$PWD/.venv/bin:$PATH"
  export PATH
fi
if ! output=$("$@" 2>&1); then
  printf '%s\n' "$output" >&2
  echo "'$*' failed." >&2
  exit 1
fi
