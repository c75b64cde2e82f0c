#!/usr/bin/env bash
# Runs a command with a container engine: the one that answers, else one that is started for this
# command alone and leaves nothing behind. Starting one takes root and Debian's docker.io.
#
#   ops/containers/engine.sh [--own] COMMAND [ARGUMENT…]
#
#   --own      start an engine even where one answers
#
# The command sees DOCKER_HOST, DOCKER_BUILDKIT=1 and a `docker` that can build.
set -euo pipefail

own=no
if [ "${1:-}" = --own ]; then
  own=yes
  shift
fi
if [ $# -eq 0 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi

# a client that can build: with buildx, or so old that BuildKit is inside
client() {
  local candidate major
  while read -r candidate; do
    if "$candidate" buildx version >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
    major=$("$candidate" --version | sed -n 's/^Docker version \([0-9]*\)\..*/\1/p')
    if [ -n "$major" ] && [ "$major" -lt 23 ]; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(type -ap docker)
  return 1
}

if ! docker=$(client); then
  echo "engine: no docker that can build; install docker.io (Debian) or Docker with buildx" >&2
  exit 69
fi

if [ "$own" = no ] && timeout 10 "$docker" version >/dev/null 2>&1; then
  bin=$(mktemp -d)
  trap 'rm -rf "$bin"' EXIT
  ln -s "$docker" "$bin/docker"
  PATH="$bin:$PATH" DOCKER_BUILDKIT=1 "$@"
  exit
fi

daemon=$(PATH="$PATH:/usr/sbin:/sbin" type -P dockerd || true)
if [ -z "$daemon" ] || [ "$(id -u)" -ne 0 ]; then
  echo "engine: no container engine answers, and starting one takes root and dockerd" >&2
  exit 69
fi

run=$(mktemp -d --suffix=-engine)
mkdir "$run/bin"
ln -s "$docker" "$run/bin/docker"
export PATH="$run/bin:$PATH" DOCKER_HOST="unix://$run/docker.sock" DOCKER_BUILDKIT=1
unset DOCKER_CONTEXT
had_bridge=no
[ ! -e /sys/class/net/docker0 ] || had_bridge=yes
child=""

# shellcheck disable=SC2317 # the traps call it
clean() {
  trap - EXIT INT TERM
  if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  local containers
  containers=$(timeout 10 docker ps -aq 2>/dev/null || true)
  # shellcheck disable=SC2086 # a word a container
  [ -z "$containers" ] || timeout 60 docker rm -f $containers >/dev/null 2>&1 || true
  timeout 10 docker network prune -f >/dev/null 2>&1 || true
  local pid
  pid=$(cat "$run/pid" 2>/dev/null || true)
  if [ -n "$pid" ]; then
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  fi
  # the deepest first
  awk -v under="$run/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  # another engine of this machine may have come to use the bridge meanwhile
  if [ "$had_bridge" = no ] && ! pgrep -x dockerd >/dev/null && command -v ip >/dev/null; then
    ip link delete docker0 2>/dev/null || true
  fi
  rm -rf "$run"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$daemon" -H "$DOCKER_HOST" --data-root "$run/data" --exec-root "$run/exec" --pidfile "$run/pid" \
  --storage-driver overlay2 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
  >"$run/log" 2>&1 &
for _ in $(seq 150); do
  ! timeout 10 docker version >/dev/null 2>&1 || break
  sleep 0.2
done
if ! timeout 10 docker version >/dev/null 2>&1; then
  echo "engine: dockerd did not start; its last lines:" >&2
  tail -n 5 "$run/log" >&2
  exit 69
fi

# in the background, or bash would run no trap until it ends; with our standard input all the same
"$@" <&0 &
child=$!
code=0
wait "$child" || code=$?
exit "$code"
