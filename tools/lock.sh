#!/bin/sh
# Writes requirements/*.lock again from the .in files: exact versions with hashes, no address of any registry.
set -eu
for name in base dev uv node; do
  .venv/bin/uv pip compile --universal --generate-hashes --no-header --quiet --no-emit-index-url \
    --no-emit-find-links --python-version 3.11 "requirements/$name.in" --output-file "requirements/$name.lock"
done
