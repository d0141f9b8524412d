#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `make test` runs, part by part. A failed build stops it; a part that failed its tests does not,
# as what else fails should be known, too. The end says how long the parts took, what the test runners
# counted, and which parts failed.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=build/parts.txt
mkdir -p build
rm -f "$parts" build/ctest.xml build/pytest.xml build/pytest_again.xml

failed=()

# part NAME COMMAND... says whether the command succeeded, and keeps the name of one that did not.
part() {
  local begin=$SECONDS rc=0
  "${@:2}" || rc=$?
  printf '%d %s\n' $((SECONDS - begin)) "$1" >> "$parts"
  [ $rc = 0 ] || failed+=("$1")
  return $rc
}

report() { python3 scripts/parts_report.py "$parts" build/ctest.xml build/pytest.xml \
  build/pytest_again.xml; }

export AIGES_BIN=build/bin
finish() {
  report
  [ ${#failed[@]} = 0 ] || { echo "make test: failed: ${failed[*]}" >&2; exit 1; }
}

part setup scripts/setup.sh test && part build scripts/build.sh &&
  part tools scripts/tools.sh test || finish
part lint make --no-print-directory lint || true
part ctest ctest --test-dir build --output-on-failure -j2 --output-junit ctest.xml || true
part address scripts/sanitize.sh --short address || true
part thread scripts/sanitize.sh --short thread || true
part pytest scripts/pytest.sh || true
part hostile make --no-print-directory hostile HOSTILE_ARGS=--short || true
finish
