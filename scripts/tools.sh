#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds programs that the tests need and no package of Debian has, into build/tools, all by Go.
#   scripts/tools.sh         the Consul agent; skipped when it is there, or a `consul` on PATH
#   scripts/tools.sh test    also a Prometheus that discovers by Consul, promtool, clients of HTTP/2 and
#                            gRPC, Helm and kubeconform
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/tools
sources=$PWD/tests/tools
log=$PWD/build/tools.log
modules=$PWD/build/go

# Everything that Go writes stays in build/. -mod=readonly: exactly what go.sum names.
go_tool() {
  GOPATH="$modules" GOCACHE="$modules/cache" \
    GOFLAGS="-mod=readonly -modcacherw -buildvcs=false" go "$@"
}

# build NAME: runs build_NAME. Sources of modules, more than a gigabyte, are needed only once.
build() {
  command -v go >/dev/null || {
    echo "tools: no Go compiler: expected golang-go, which scripts/setup.sh installs" >&2
    exit 1
  }
  mkdir -p "$out"
  echo "tools: building ${1//_/ } by Go (a few minutes, once)"
  if ! ("build_$1") >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "tools: go build failed, the whole output is in $log" >&2
    exit 1
  fi
  rm -rf "$modules"
}

build_consul() {
  cd "$sources" &&
    go_tool build -p 2 -ldflags="-s -w" -o "$out/consul" github.com/hashicorp/consul
}

# With our list of discoveries in place of its own.
build_prometheus() {
  local module=github.com/prometheus/prometheus copy=$modules/prometheus
  cd "$sources/prometheus" && go_tool mod download $module && rm -rf "$copy" &&
    cp -r "$(go_tool list -m -f '{{.Dir}}' $module)" "$copy" && cd "$copy" && chmod -R u+w . &&
    rm plugins/*.go && cp "$sources/prometheus/plugins.go" plugins/ &&
    go_tool build -p 2 -ldflags="-s -w" -o "$out/" ./cmd/prometheus ./cmd/promtool
}

# All in one go: they share most of what they are made of.
build_grpc_clients() {
  cd "$sources/grpc" && go_tool build -p 2 -ldflags="-s -w" -o "$out/" \
    github.com/bojand/ghz/cmd/ghz github.com/fullstorydev/grpcurl/cmd/grpcurl \
    github.com/summerwind/h2spec/cmd/h2spec google.golang.org/grpc/interop/client &&
    mv "$out/client" "$out/grpc_interop_client"
}

build_helm_and_kubeconform() {
  cd "$sources/kube" && go_tool build -p 2 -ldflags="-s -w" -o "$out/" \
    helm.sh/helm/v3/cmd/helm github.com/yannh/kubeconform/cmd/kubeconform
}

# Debian 12 has Go 1.19. From 1.21 on Go fetches the version that go.mod asks for.
go_is_new() {
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' 1.21 "${version#go}" | sort -V | sed -n 1p)" = 1.21 ]
}

if command -v consul >/dev/null; then
  echo "tools: consul is on PATH"
elif [ "$out/consul" -nt "$sources/go.sum" ]; then
  echo "tools: consul is there"
else
  build consul
  "$out/consul" version | sed -n 1p  # Not head: it closes the pipe, and the writer may die of it.
fi
[ "${1:-}" = test ] || exit 0
if [ "$out/promtool" -nt "$sources/prometheus/plugins.go" ]; then
  echo "tools: prometheus and promtool are there"
else
  build prometheus
fi
if [ "$out/grpc_interop_client" -nt "$sources/grpc/go.sum" ]; then
  echo "tools: h2spec, grpcurl, ghz and the interop client of grpc-go are there"
else
  build grpc_clients
fi
if [ "$out/kubeconform" -nt "$sources/kube/go.sum" ]; then
  echo "tools: Helm and kubeconform are there"
elif command -v go >/dev/null && ! go_is_new; then
  echo "tools: $(go env GOVERSION) cannot build Helm, which wants 1.26; tests of charts are skipped" >&2
else
  build helm_and_kubeconform
fi
