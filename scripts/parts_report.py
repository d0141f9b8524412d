# SPDX-License-Identifier: Apache-2.0
"""Says what took long in `make test`:  parts_report.py PARTS CTEST_XML PYTEST_XML AGAIN_XML

PARTS has a line `seconds name` for each part. Of the runners' parts the programs and folders are
told too; there the times of tests that ran beside each other are added up. Tests that failed are
named. AGAIN_XML has those that were run once more, alone (scripts/pytest.sh).
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

SHOWN = 10


def cases(path):
    """(class, name, seconds, how it ended) of every test in a JUnit file; none: it is missing."""
    if not path.is_file():
        return
    for case in ElementTree.parse(path).iter("testcase"):
        ends = {child.tag for child in case} & {"failure", "error", "skipped"}
        end = min(ends, default="passed")
        yield case.get("classname", ""), case.get("name", ""), float(case.get("time", 0)), end


def place(runner, of_class, name):
    """Where a test belongs: tests/e2e of tests.e2e.test_reload, Scheduler of Scheduler.Drains."""
    if runner == "pytest":
        return "/".join(of_class.split(".")[:2])
    return name.split(".")[0].split("/")[0]


def report(parts, files, again=Path()):
    rows, totals = [], []
    for line in parts:
        seconds, name = line.split(maxsplit=1)
        rows.append((float(seconds), name))
    for runner, path in files.items():
        times, ends = Counter(), Counter()
        for of_class, name, seconds, end in cases(path):
            times[place(runner, of_class, name)] += seconds
            ends[end] += 1
        rows += [(seconds, f"{runner}: {what} (added up)") for what, seconds in times.items()]
        if ends:
            totals.append(f"{runner}: " + ", ".join(f"{n} {end}" for end, n in ends.most_common()))
    whole = sum(float(line.split()[0]) for line in parts)
    yield f"make test: {whole / 60:.1f} min; the longest parts:"
    for seconds, name in sorted(rows, reverse=True)[:SHOWN]:
        yield f"  {seconds:7.1f} s  {name}"
    yield from totals
    for runner, path in files.items():
        for of_class, name, _, end in cases(path):
            if end in ("failure", "error"):
                yield f"{runner}: {end}: {name if of_class == name else f'{of_class}.{name}'}"
    for of_class, name, _, end in cases(again):
        yield f"pytest: failed, and when run again, alone: {end}: {of_class}.{name}"


def main():
    parts, ctest, pytest, again = map(Path, sys.argv[1:5])
    for line in report(parts.read_text().splitlines(), {"ctest": ctest, "pytest": pytest}, again):
        print(line)


if __name__ == "__main__":
    main()
