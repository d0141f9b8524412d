#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the base images of matrix.txt:  build.sh [--print] all | ROW...
# --print shows the commands instead of running them. VERSION sets the first part of the tag, BUILDER
# the command and its options ("docker build"; "buildah build --format docker").
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${VERSION:-0.1.0}
read -ra builder <<<"${BUILDER:-docker build}"
run=()
if [[ ${1:-} == --print ]]; then
  run=(echo)
  shift
fi
rows=$(cut -d' ' -f1 "$here/matrix.txt")
if [[ $# -eq 0 ]]; then
  echo "usage: build.sh [--print] all | ROW...; rows:" $rows >&2
  exit 2
fi
[[ $1 == all ]] && set -- $rows

for row in "$@"; do
  base=$(awk -v row="$row" '$1 == row { print $2 }' "$here/matrix.txt")
  if [[ -z $base ]]; then
    echo "build.sh: expected a row of matrix.txt, got $row; rows:" $rows >&2
    exit 2
  fi
  "${run[@]}" "${builder[@]}" --build-arg "BASE_IMAGE=$base" --tag "aiges-gpu:$version-$row" \
    --file "$here/Dockerfile" "$here/../.."
done
