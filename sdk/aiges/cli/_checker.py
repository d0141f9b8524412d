# SPDX-License-Identifier: Apache-2.0
"""The throwaway process of ``asectl check``: python -m aiges.cli._checker ORDER.json.

The order says what to check; what was found goes to the file that it names. What the process does
at any moment is in its stage file, so that the parent can tell where it died.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiges.cli._findings import Findings
from aiges.cli._hooks import Given


def _main(order: dict[str, Any]) -> None:
    findings = Findings(order["folder"])
    faulthandler.enable(open(order["dump"], "w"))
    faulthandler.dump_traceback_later(order["timeout_s"], file=open(order["hang"], "w"))
    stage_file = Path(order["stage"])
    result: dict[str, Any] = {"hooks": []}
    inputs = {
        key: (int(kind), base64.b64decode(data)) for key, (kind, data) in order["inputs"].items()
    }
    resource = order["resource"]
    given = Given(
        inputs,
        order["params"],
        order["config"],
        (resource[0], base64.b64decode(resource[1])) if resource else None,
    )
    file = Path(order["file"])
    if file.suffix == ".py":
        _python(file, given, findings, stage_file.write_text, result)
    else:
        from aiges.cli._cabi import check

        result["hooks"] = check(
            file,
            Path(order["headers"]),
            findings,
            given,
            stage_file.write_text,
            order["async_mode"],
        )
    result["findings"] = [finding.as_json() for finding in findings.all]
    Path(order["result"]).write_text(json.dumps(result), encoding="utf-8")
    sys.stdout.flush()


def _python(
    file: Path,
    given: Given,
    findings: Findings,
    stage: Any,
    result: dict[str, Any],
) -> None:
    from aiges.cli._drive import Driver
    from aiges.cli._load import Failed, load, make

    driver = None
    try:
        stage("import")
        module = load(file, findings)
        stage("Wrapper()")
        holder, is_class = make(module, file, findings)
        driver = Driver(holder, is_class, findings, given, stage)
        driver.run()
    except Failed:
        pass
    if driver is not None:
        result["hooks"] = driver.times


if __name__ == "__main__":
    _main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    sys.stderr.flush()
    # Threads of the user's code that do not end must not keep the process.
    os._exit(0)
