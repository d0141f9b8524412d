# SPDX-License-Identifier: Apache-2.0
"""The end of `make test`: its longest parts, what is in them, and the runners' totals."""

import parts_report

CTEST = """<testsuite tests="2">
<testcase name="Scheduler.Drains" classname="Scheduler.Drains" time="4.5" status="run"/>
<testcase name="Scheduler.Waits" classname="Scheduler.Waits" time="1" status="fail">
<failure message=""/></testcase></testsuite>
"""
PYTEST = """<testsuites><testsuite>
<testcase classname="tests.e2e.test_reload" name="test_a" time="2.0"/>
<testcase classname="tests.e2e.test_start.TestX" name="test_b" time="1.25"/>
<testcase classname="tests.web.test_page" name="test_c" time="0"><skipped/></testcase>
</testsuite></testsuites>
"""


def test_longest_first_with_what_the_runners_counted(tmp_path):
    files = {"ctest": tmp_path / "c.xml", "pytest": tmp_path / "p.xml"}
    files["ctest"].write_text(CTEST)
    files["pytest"].write_text(PYTEST)
    assert list(parts_report.report(["3 ctest", "60 build"], files)) == [
        "make test: 1.1 min; the longest parts:",
        "     60.0 s  build",
        "      5.5 s  ctest: Scheduler (added up)",
        "      3.2 s  pytest: tests/e2e (added up)",
        "      3.0 s  ctest",
        "      0.0 s  pytest: tests/web (added up)",
        "ctest: 1 passed, 1 failure",
        "pytest: 2 passed, 1 skipped",
        "ctest: failure: Scheduler.Waits",
    ]


def test_a_run_that_failed_early_is_told_too(tmp_path):
    files = {"ctest": tmp_path / "c.xml", "pytest": tmp_path / "p.xml"}
    said = list(parts_report.report(["7 setup"], files))
    assert said == ["make test: 0.1 min; the longest parts:", "      7.0 s  setup"]


def test_what_passed_only_when_run_again_is_named(tmp_path):
    again = tmp_path / "a.xml"
    again.write_text(PYTEST)
    said = list(parts_report.report(["7 setup"], {}, again))
    assert said[2:] == [
        "pytest: failed, and when run again, alone: passed: tests.e2e.test_reload.test_a",
        "pytest: failed, and when run again, alone: passed: tests.e2e.test_start.TestX.test_b",
        "pytest: failed, and when run again, alone: skipped: tests.web.test_page.test_c",
    ]
