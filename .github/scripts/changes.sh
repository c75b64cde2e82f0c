#!/usr/bin/env bash
# Which parts a change touches, as lines `part=true|false` for GitHub's outputs.
#
#   changes.sh BASE      the commit to compare with; empty: everything is touched
set -euo pipefail

base=${1:-}
if [ -z "$base" ]; then
  printf '%s=true\n' rust infra images
  exit
fi
changed=$(git diff --name-only "$base...HEAD")

part() { # NAME PATTERN
  if grep -qE "$2" <<<"$changed"; then echo "$1=true"; else echo "$1=false"; fi
}

# what decides how all is tested touches all
always='^(\.github/|\.ci/|Cargo\.(toml|lock)$|rust-toolchain\.toml$|xtask/)'
part rust "$always|^(jobs|sql|docs|infra|ops)/|^[^/]+$"
part infra "$always|^(infra|sql)/"
part images "$always|^(jobs|sql|ops/containers)/|^(\.dockerignore|ops/prices\.yaml)$"
