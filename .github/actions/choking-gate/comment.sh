#!/usr/bin/env bash
# Posts the summary of the gate as a comment on a pull request. It replaces the comment of an earlier run of the same
# gate. Only the gate decides the verdict, so an error here is a warning, not a failure.
#
#   GATE_OUT      folder in which gate.sh wrote summary.md
#   GATE_NAME     name of the gate; each name has its own comment
#   GATE_PR       number of the pull request; if empty, the script does nothing
#   GH_TOKEN      token that may write to pull requests; if empty, there is a warning instead of a comment
#   GITHUB_REPOSITORY  owner and name of the repository
set -uo pipefail
page=$GATE_OUT/summary.md
marker="<!-- choking gate: $GATE_NAME -->"

warn() {
    echo "::warning title=choking gate::no comment on the pull request: $1"
    exit 0
}

[ -n "${GATE_PR:-}" ] || exit 0
[ -n "${GH_TOKEN:-}" ] || warn "no token; give the job \`permissions: pull-requests: write\`"
[ -f "$page" ] || warn "the gate came to no verdict; the log says why"
command -v gh >/dev/null || warn "the program gh is not installed on this runner"

# A comment has at most 65536 characters. The artifact has the whole text.
body=$GATE_OUT/comment.md
{
    echo "$marker"
    head -c 60000 "$page"
    if [ "$(wc -c <"$page")" -gt 60000 ]; then
        printf '\n\n</details>\n\nCut off here; summary.md of the artifact %s has all of it.\n' "$GATE_NAME"
    fi
} >"$body"

comments=repos/$GITHUB_REPOSITORY/issues/$GATE_PR/comments
ours=".[] | select(.body | startswith(\"$marker\")) | .id"
found=$(gh api --paginate "$comments" --jq "$ours") || warn "its comments cannot be read (does the token have pull-requests: write?)"
first=${found%%$'\n'*}
if [ -n "$first" ]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$first" --field "body=@$body" >/dev/null || warn "the comment $first cannot be changed"
else
    gh api --method POST "$comments" --field "body=@$body" >/dev/null || warn "it cannot be written; pull requests of forks have a token that only reads"
fi
