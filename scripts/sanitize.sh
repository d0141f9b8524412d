#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything with a sanitizer, runs the C++ tests, and then the end-to-end tests in which
# threads and processes meet, with the loader and the workers so built:
#   scripts/sanitize.sh address|thread [pytest arguments: other end-to-end tests]
#   scripts/sanitize.sh --short address|thread    the C++ tests of the rooms without gRPC only, where
#                                                 threads and processes meet; for make test
# Exits 1 at a failed test or a report; the reports are then in build/<kind>/reports.
set -euo pipefail
cd "$(dirname "$0")/.."
short=
[ "${1:-}" != --short ] || { short=yes; shift; }
kind=${1:?address or thread}
shift
dir=build/$kind
reports=$PWD/$dir/reports
mkdir -p build
if [ $short ]; then
  # Not optimised: compiling takes longer than the tests, and half as long so.
  dir=build/short-$kind
  tests=(scheduler_test channel_test instances_test worker_test engine_test telemetry_test metering_test)
  cmake -S . -B "$dir" -G Ninja -DAIGES_SANITIZE="$kind" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g1" \
    > build/cmake-short-"$kind".log
  python3 scripts/compile.py --build "$dir" "${tests[@]}"
  for test in "${tests[@]}"; do
    echo "check: $test under the $kind sanitizer"
    "$dir/tests/$test" --gtest_brief=1
  done
  exit
fi
echo "check: C++ tests under the $kind sanitizer"
cmake -S . -B "$dir" -G Ninja -DAIGES_SANITIZE="$kind" > build/cmake-"$kind".log
ninja -C "$dir" --quiet
ctest --test-dir "$dir" --output-on-failure -j2

# All fronts, sessions, and what kills, reloads and stops; about five minutes.
tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
  for name in admission dropped_results grpc_once grpc_session grpc_stream http_events http_protocol \
              http_raw http_websocket reload resources_engines session_destroy shutdown \
              worker_death; do
    tests+=("tests/e2e/test_$name.py")
  done
  # A JVM runs under this one, as long as it gets the signals that it makes its checks of.
  [ "$kind" != address ] || tests+=(tests/java/test_java_{calls,errors,sessions}.py)
fi
echo "check: end-to-end tests under the $kind sanitizer"
rm -rf "$reports"
mkdir -p "$reports"
# A process that is killed writes its reports before that; a crash that a test wants is no report.
# CPython keeps memory to its end: leaks are looked for in the C++ tests only.
export TSAN_OPTIONS="log_path=$reports/thread suppressions=$PWD/scripts/tsan.supp handle_segv=0"
export ASAN_OPTIONS="log_path=$reports/address handle_segv=0 handle_sigbus=0 handle_sigfpe=0 detect_leaks=0"
export UBSAN_OPTIONS="log_path=$reports/undefined print_stacktrace=1"
failed=0
# Deselected: it measures the worker's memory, of which a sanitizer needs a lot.
AIGES_BIN=$dir/bin .venv/bin/python -m pytest -p no:cacheprovider "${tests[@]}" \
  --deselect tests/e2e/test_reload.py::test_max_rss_mb_recycles_a_worker_that_has_grown || failed=1
for report in "$reports"/*; do
  [ -s "$report" ] || continue
  echo "check: $report"
  head -40 "$report"
  failed=1
done
exit $failed
