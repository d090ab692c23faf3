#!/usr/bin/env bash
# Prints the key of the cached build: a hash of all sources. Actions are fetched without history, so there is no
# revision that could be the key.
#
#   GATE_SOURCE      checkout of Unchoke to build; if empty, the checkout that contains this file
#   GATE_MANIFEST    Cargo.toml of a crate of your own, whose sources are hashed too
#   GITHUB_OUTPUT    file to which the key is appended; if not set, standard output
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
own=
[ -z "${GATE_MANIFEST:-}" ] || own=$(realpath "$(dirname "$GATE_MANIFEST")")
cd "${GATE_SOURCE:-$here/../../..}"
hash=$(find Cargo.toml Cargo.lock core net sim experiments ${own:+"$own"} -type f \( -name '*.rs' -o -name '*.toml' -o -name Cargo.lock \) -not -path '*/target/*' -print0 |
    LC_ALL=C sort -z | xargs -0 cat | git hash-object --stdin)
echo "hash=$hash" >>"${GITHUB_OUTPUT:-/dev/stdout}"
