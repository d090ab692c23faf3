#!/usr/bin/env bash
# Says under which key the build is cached: a hash of all that is built. A checkout without history, as
# actions are fetched, has no revision to name.
#
#   GATE_SOURCE      checkout of Unchoke to build; the one that this file lies in if empty
#   GITHUB_OUTPUT    file that the key is appended to; standard output if not set
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${GATE_SOURCE:-$here/../../..}"
hash=$(find Cargo.toml Cargo.lock core sim experiments -type f \( -name '*.rs' -o -name '*.toml' -o -name Cargo.lock \) -not -path '*/target/*' -print0 |
    LC_ALL=C sort -z | xargs -0 cat | git hash-object --stdin)
echo "hash=$hash" >>"${GITHUB_OUTPUT:-/dev/stdout}"
