#!/usr/bin/env bash
# Builds the Consul agent that the tests of the registry talk to, into build/tools; skipped when it
# is there, or when a `consul` is on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v consul >/dev/null; then echo "tools: consul is on PATH"; exit 0; fi
out=$PWD/build/tools/consul
if [ -x "$out" ] && [ "$out" -nt tests/tools/go.sum ]; then echo "tools: consul is there"; exit 0; fi

command -v go >/dev/null || {
  echo "tools: no Go compiler: expected golang-go, which scripts/setup.sh installs" >&2
  exit 1
}
log=build/tools.log
mkdir -p build/tools
echo "tools: building consul as a Go tool (a few minutes, once)"
# Everything that Go writes stays in build/. -mod=readonly: exactly what go.sum names.
if ! (cd tests/tools && GOPATH="$OLDPWD/build/go" GOCACHE="$OLDPWD/build/go/cache" \
      GOFLAGS="-mod=readonly -modcacherw -buildvcs=false" \
      go build -p 2 -ldflags="-s -w" -o "$out" github.com/hashicorp/consul) >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "tools: go build failed, the whole output is in $log" >&2
  exit 1
fi
rm -rf build/go  # Sources of modules, more than a gigabyte, needed once.
"$out" version | sed -n 1p  # Not head: it closes the pipe, and the writer then may die of it.
