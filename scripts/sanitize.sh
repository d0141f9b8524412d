#!/usr/bin/env bash
# Builds the C++ tests with a sanitizer and runs them: scripts/sanitize.sh address|thread
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?address or thread}
dir=build/$kind
mkdir -p build
echo "check: C++ tests under the $kind sanitizer"
cmake -S . -B "$dir" -G Ninja -DAIGES_SANITIZE="$kind" > build/cmake-"$kind".log
ninja -C "$dir" --quiet
ctest --test-dir "$dir" --output-on-failure -j2
