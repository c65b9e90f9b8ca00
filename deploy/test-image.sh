#!/usr/bin/env bash
# Runs the image as it is meant to be run, and holds it to its word: a CDR that was acknowledged before the container
# was killed is there after it was started again, and verify agrees. Wants root; where no container engine runs, it
# starts Debian's own (docker.io) for itself.
set -euo pipefail
cd "$(dirname "$0")/.."
image=roamclear:$(deploy/version.sh)
name=roamclear-test-$$
work=$(mktemp -d)
port=${PORT:-18089}

daemon=
docker=(docker)
if ! docker info >/dev/null 2>&1; then
  command -v dockerd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io >/dev/null; }
  docker=(docker --host "unix://$work/docker.sock")
  dockerd --host "unix://$work/docker.sock" --pidfile "$work/docker.pid" --exec-root "$work/exec" --data-root "$work/images" \
    --storage-driver=vfs --iptables=false --ip6tables=false --bridge=none >"$work/dockerd.log" 2>&1 &
  daemon=$!
fi
finish() {
  "${docker[@]}" rm --force "$name" >/dev/null 2>&1 || true
  "${docker[@]}" volume rm "$name" >/dev/null 2>&1 || true
  if [ "$daemon" ]; then
    kill "$daemon" && wait "$daemon" || true
    umount "$work"/exec/netns/* 2>/dev/null || true # it leaves the name of the host's network mounted
  fi
  rm -rf "$work"
}
trap finish EXIT
until_ok() { # waits for what another process does
  local tries
  for ((tries = 0; tries < 600; tries++)); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
  echo "waited in vain: $*" >&2
  "${docker[@]}" logs "$name" 2>&1 | tail -20 >&2
  return 1
}
until_ok "${docker[@]}" info

"${docker[@]}" load --input bin/image/roamclear.tar
run() {
  "${docker[@]}" run --detach --name "$name" --network=host --read-only --cap-drop=ALL --security-opt=no-new-privileges \
    --tmpfs /tmp --volume "$name:/var/lib/roamclear" --stop-timeout 45 "$image" serve --listen "127.0.0.1:$port" >/dev/null
  until_ok curl -sf "http://127.0.0.1:$port/readyz"
}
inside() { "${docker[@]}" exec "$name" roamclear "$@"; }

"${docker[@]}" volume create "$name" >/dev/null
run
token=$(inside partner add --role CPO --country BE --party BEC --name "A CPO")
inside partner add --role EMSP --country DE --party TNM --name "An eMSP" >/dev/null
push() { # an id
  sed "s/\"id\": \"12345\"/\"id\": \"$1\"/" ocpi/testdata/spec/2.2.1/cdr_example.json |
    curl -sf -H "Authorization: Token $token" -H 'Content-Type: application/json' --data-binary @- "http://127.0.0.1:$port/ocpi/2.2.1/receiver/cdrs" |
    grep -q '"status_code": *1000'
}
push BEFORE
"${docker[@]}" kill --signal KILL "$name" >/dev/null
"${docker[@]}" start "$name" >/dev/null
until_ok curl -sf "http://127.0.0.1:$port/readyz"
push AFTER
proved() { inside verify --quiet >"$work/verify" && grep -q 'records *2 walked' "$work/verify"; }
until_ok proved
cat "$work/verify"
"${docker[@]}" stop "$name" >/dev/null
[ "$("${docker[@]}" inspect --format '{{.State.ExitCode}} {{.Config.User}}' "$name")" = "0 65532:65532" ]
echo "the image starts, takes CDRs, keeps them through a kill, and stops in order"
