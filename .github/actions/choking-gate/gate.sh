#!/usr/bin/env bash
# Runs a plan and compares it with a registered summary. The action in this folder runs this script; you can also
# run it by hand. Exit codes are those of the check: 0 passed; 1 failed; 2 usage or bad input; 3 units are missing;
# 4 determinism or an invariant is broken; 5 input or output failed.
#
#   GATE_PLAN        plan file, or the name of a built-in plan
#   GATE_BASELINE    summary.csv, or what `lab run PLAN --save-baseline FILE` wrote
#   GATE_BASELINE_FROM  revision from which to read GATE_BASELINE, e.g. HEAD^; if empty, the present file
#   GATE_TOLERANCE   largest difference that does not count, e.g. 5 %; if empty, the value in the plan
#   GATE_SEEDS       number of paired seeds; if empty, the number in the plan
#   GATE_ARGS        more options of `lab run`, separated by spaces, e.g. --strict
#   GATE_OUT         folder for results, report, JUnit and Markdown; if empty, target/choking-gate
#   GATE_SOURCE      checkout of Unchoke to build; if empty, the checkout that contains this file
#   GATE_MANIFEST    Cargo.toml of a crate of your own whose program is `lab` with your policy; if empty, Unchoke's `lab`
#   GATE_BIN         name of that program; required with GATE_MANIFEST
#   GATE_LAB         path of a `lab` that is already built; then nothing is built
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${GATE_PLAN:-}" ] || [ -z "${GATE_BASELINE:-}" ]; then
    echo "set GATE_PLAN and GATE_BASELINE: see $here/gate.sh" >&2
    exit 2
fi
out=${GATE_OUT:-target/choking-gate}
mkdir -p "$out"
rm -f "$out/summary.md" "$out/gate.xml"

# The page of the job shows the outcome in every case.
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
if [ -z "$lab" ] && [ -n "${GATE_MANIFEST:-}" ]; then
    if [ -z "${GATE_BIN:-}" ]; then
        echo "GATE_MANIFEST is set: name its program with GATE_BIN" >&2
        exit 2
    fi
    target=${CARGO_TARGET_DIR:-target/choking-gate-build}
    cargo build --release --manifest-path "$GATE_MANIFEST" --target-dir "$target" --bin "$GATE_BIN"
    lab=$target/release/$GATE_BIN
elif [ -z "$lab" ]; then
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
