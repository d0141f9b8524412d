#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `make test` runs, part by part; stops at the first that fails. Its end says how long the parts
# took, and what the test runners counted.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=build/parts.txt
mkdir -p build
rm -f "$parts" build/ctest.xml build/pytest.xml build/pytest_again.xml

# part NAME COMMAND...
part() {
  local begin=$SECONDS rc=0
  "${@:2}" || rc=$?
  printf '%d %s\n' $((SECONDS - begin)) "$1" >> "$parts"
  [ $rc = 0 ] || { report; exit $rc; }
}

report() { python3 scripts/parts_report.py "$parts" build/ctest.xml build/pytest.xml \
  build/pytest_again.xml; }

export AIGES_BIN=build/bin
part setup scripts/setup.sh test
part build scripts/build.sh
part tools scripts/tools.sh test
part lint make --no-print-directory lint
part ctest ctest --test-dir build --output-on-failure -j2 --output-junit ctest.xml
part address scripts/sanitize.sh --short address
part thread scripts/sanitize.sh --short thread
part pytest scripts/pytest.sh
part hostile make --no-print-directory hostile HOSTILE_ARGS=--short
report
