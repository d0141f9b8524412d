#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers and runs each for SECONDS: tests/fuzz/run.sh SECONDS [target...]
# Exits 1 at a finding; the input that shows it is then in build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?how many seconds for each target}
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  targets=(frame grpc grpc_web h1 h2 hub_frame http json kv multipart schema target toml xsf)
fi

clang=$(command -v clang++ || command -v clang++-14) || {
  echo "fuzz: expected clang++ on PATH, found none; scripts/setup.sh check installs it" >&2
  exit 1
}
dir=build/fuzz
mkdir -p "$dir/findings"
echo "fuzz: building"
cmake -S . -B "$dir" -G Ninja -DCMAKE_CXX_COMPILER="$clang" -DAIGES_FUZZ=ON -DAIGES_TESTS=OFF \
  -DAIGES_SANITIZE=address -DAIGES_WERROR=OFF > "$dir/cmake.log" ||
  { cat "$dir/cmake.log"; exit 1; }
ninja -C "$dir" --quiet fuzzers

failed=0
for target in "${targets[@]}"; do
  echo "fuzz: $target for $seconds s"
  corpus=$dir/corpus/$target
  mkdir -p "$corpus"
  # New inputs go to the first folder; the seeds in the repository stay as they are.
  if ! "$dir/fuzz/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="$dir/findings/$target-" "$corpus" "tests/fuzz/corpus/$target" \
      > "$dir/$target.log" 2>&1; then
    echo "fuzz: $target found something:" >&2
    tail -40 "$dir/$target.log" >&2
    failed=1
  else
    grep '^Done' "$dir/$target.log"
  fi
done
exit $failed
