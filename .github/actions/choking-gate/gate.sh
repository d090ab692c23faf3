#!/usr/bin/env bash
# Runs a plan and compares it with a registered summary: all that the action beside this file does, and
# the same by hand. Ends with the exit code of the check: 0 done; 1 it failed; 2 usage or bad input;
# 3 units are missing; 4 determinism or an invariant is broken; 5 input or output failed.
#
#   GATE_PLAN        plan file, or the name of a built-in plan
#   GATE_BASELINE    summary.csv, or what `lab run PLAN --save-baseline FILE` wrote
#   GATE_BASELINE_FROM  the revision at which GATE_BASELINE is read, e.g. HEAD^; empty for the file as it is
#   GATE_TOLERANCE   how much worse is still the same, e.g. 5 %; empty for what the plan says
#   GATE_SEEDS       another number of paired seeds; empty for the plan's own
#   GATE_ARGS        more options of `lab run`, separated by blanks, e.g. --strict
#   GATE_OUT         folder of results, report, JUnit and Markdown; target/choking-gate if empty
#   GATE_SOURCE      checkout of Unchoke to build; the one that this file lies in if empty
#   GATE_LAB         a `lab` that is built already; nothing is built then
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${GATE_PLAN:-}" ] || [ -z "${GATE_BASELINE:-}" ]; then
    echo "set GATE_PLAN and GATE_BASELINE: see $here/gate.sh" >&2
    exit 2
fi
out=${GATE_OUT:-target/choking-gate}
mkdir -p "$out"
rm -f "$out/summary.md" "$out/gate.xml"

# Whatever happens, the page of the job says how it ended.
tell() {
    status=$?
    [ -n "${GITHUB_STEP_SUMMARY:-}" ] || return 0
    if [ -f "$out/summary.md" ]; then
        cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
    else
        echo "The gate came to no verdict on $GATE_PLAN (exit code $status): see the log." >>"$GITHUB_STEP_SUMMARY"
    fi
}
trap tell EXIT

lab=${GATE_LAB:-}
if [ -z "$lab" ]; then
    source=${GATE_SOURCE:-$here/../../..}
    cargo build --release --manifest-path "$source/Cargo.toml" --bin lab
    lab=${CARGO_TARGET_DIR:-$source/target}/release/lab
fi

options=(--check --baseline "$GATE_BASELINE" --out "$out" --junit "$out/gate.xml" --summary "$out/summary.md")
[ -z "${GATE_BASELINE_FROM:-}" ] || options+=(--baseline-from "$GATE_BASELINE_FROM")
[ -z "${GATE_TOLERANCE:-}" ] || options+=(--tolerance "$GATE_TOLERANCE")
[ -z "${GATE_SEEDS:-}" ] || options+=(--seeds "$GATE_SEEDS")
read -r -a more <<<"${GATE_ARGS:-}"
"$lab" run "$GATE_PLAN" "${options[@]}" ${more[@]+"${more[@]}"}
