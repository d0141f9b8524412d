#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All Python tests, as `make test` runs them. Up to three that fail are run once more, alone: what
# passes then was not the product's fault but the busy machine's, and is named at the end, so that
# it is mended. More than three, or one that fails again, is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
again=build/pytest_again.xml
most=3
rm -f "$again"

.venv/bin/python -m pytest -n 2 --dist loadfile --junit-xml build/pytest.xml && exit
failed=$(python3 - <<'PYTHON'
import xml.etree.ElementTree as ElementTree

cases = ElementTree.parse("build/pytest.xml").iter("testcase")
print(sum(any(c.tag in ("failure", "error") for c in case) for case in cases))
PYTHON
)
[ "$failed" -ge 1 ] && [ "$failed" -le $most ] || exit 1
echo "make test: $failed failed; once more, alone:"
.venv/bin/python -m pytest --last-failed --last-failed-no-failures none --junit-xml "$again"
