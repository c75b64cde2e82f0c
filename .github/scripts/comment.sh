#!/usr/bin/env bash
# Puts the plans' summaries under a pull request: one comment, replaced by every run. Wants GH_TOKEN,
# REPOSITORY, NUMBER and COMMIT.
#
#   comment.sh FOLDER     of a file <env>.txt for each environment
set -euo pipefail

marker='<!-- market-lake plan -->'
files=("$1"/*.txt)
# GitHub takes 65,536 characters; no character has more than one of them here
limit=$((60000 / ${#files[@]}))

body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
  printf '%s\n' "$marker"
  for file in "${files[@]}"; do
    # a name of our own folders, whatever the artifact says
    environment=$(basename "$file" .txt | tr -cd 'a-z0-9')
    printf '### What %s would change in %s\n\n' "${COMMIT:0:12}" "$environment"
    # a longer fence than any in the text
    printf '``````text\n'
    # only what can be printed; cut at whole lines
    # shellcheck disable=SC2016 # backticks, not a command
    sed 's/\x1b\[[0-9;]*m//g; s/``````/` ` ` ` ` `/g' "$file" | tr -d '\000-\010\013-\037' |
      awk -v limit="$limit" -v environment="$environment" '
        { size += length($0) + 1 }
        size > limit { cut = 1 }
        !cut { print }
        END { if (cut) print "… cut here; the whole text is the artifact `plan-" environment "` of this run" }'
    printf '``````\n\n'
  done
} >"$body"

found=$(gh api --paginate "repos/$REPOSITORY/issues/$NUMBER/comments" \
  --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id" | head -n 1)
if [ -n "$found" ]; then
  gh api --method PATCH "repos/$REPOSITORY/issues/comments/$found" --field "body=@$body" >/dev/null
  echo "comment $found replaced"
else
  gh api --method POST "repos/$REPOSITORY/issues/$NUMBER/comments" --field "body=@$body" >/dev/null
  echo "comment made"
fi
