# SPDX-License-Identifier: Apache-2.0
"""What xtest leaves on disk: all files of a run, and a disk that is full."""

import json
import os
import re
import struct

import pytest
from xtest_tool import Xtest

HELLO = {"one.txt": b"hello"}
TABLE = re.compile(r"^rate +sent +done +failed", re.MULTILINE)
CODE_WRITE = 2  # As `xtest -h` says: could not write.
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
GO_TIME = TIME + r"\d* [+-]\d{4} \w+"  # As the old tool, in Go, wrote it.


@pytest.fixture
def xtest(binaries, tmp_path):
    def make(files=HELLO, **config):
        return Xtest(binaries, tmp_path / "xtest", files, config)

    return make


def perf_of(folder):
    """perf.txt: two JSON objects, each below its heading."""
    text = (folder / "perf.txt").read_text(encoding="utf-8")
    found = re.fullmatch(r"perf result:\n (\{.*\})\nperf err record: \n(\{.*\})\n", text)
    assert found, text
    return json.loads(found[1]), json.loads(found[2])


def test_a_run_leaves_all_its_files(shared, xtest):
    tool = xtest(
        svcMode={"perfOn": True, "plot": True, "loopCnt": None},
        parameter={"do": "sleep", "ms": 5},
        downstream={"output": 0, "outputDst": "./log/result"},
    )
    (step,) = tool.run(f"-target={shared.grpc}", "-rate=50", "-count=0", "-duration=1500ms")
    assert step["sent"] == 75  # Not a whole second: -duration was rounded up without a word.
    folder = tool.latest()
    assert sorted(os.listdir(tool.folder / "log")) == ["latest", folder.name]
    assert sorted(os.listdir(folder)) == [
        "errDist",
        "line.png",
        "perf.txt",
        "perfReqRecord.csv",
        "report.html",
        "resource.csv",
        "result",
        "result.json",
    ]
    assert (folder / "result").read_bytes().count(b"hello") == 75
    assert (folder / "errDist").read_text() == '0(""): 75\n'
    assert (folder / "result.json").read_bytes() == (tool.folder / "result.json").read_bytes()
    perf, errors = perf_of(folder)
    assert (perf["successRate"], perf["failRate"], errors) == (1, 0, {})
    assert 5 <= perf["min"] <= perf["delay95"] <= perf["delay99"] <= perf["max"]
    lines = (folder / "perfReqRecord.csv").read_text().splitlines()
    assert len(lines) == 75
    row = re.fullmatch(rf"id:(\S+),cost:([\d.]+),begin:({GO_TIME}),end:({GO_TIME})", lines[0])
    assert row, lines[0]
    assert len(row[1]) == 32 and float(row[2]) >= 5
    rows = (folder / "resource.csv").read_text().splitlines()
    assert rows[0] == "CPU(%),MEMORY(%),GPU(MB),TIME"
    assert len(rows) > 2
    assert re.fullmatch(rf"[\d.]+,[\d.]+,\d+,{TIME}", rows[1]), rows[1]
    image = (folder / "line.png").read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", image[16:24])
    assert width > 300 and height > 100 and image.endswith(b"IEND\xaeB`\x82")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and page.count("<figure data-chart=") >= 3
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", page)  # Nothing of the network.


def test_failures_are_in_perf_and_err_dist(shared, xtest):
    tool = xtest(svcMode={"perfOn": True}, parameter={"do": "code", "code": 77})
    (step,) = tool.run(f"-target={shared.grpc}", "-count=5", code=3)
    (code,) = step["codes"]
    _, errors = perf_of(tool.latest())
    assert [e["errInfo"] for e in errors[code]] == [step["codes"][code]["text"]] * 5
    assert all(e["handle"] for e in errors[code])
    line = (tool.latest() / "errDist").read_text()
    assert line.startswith(f'{code}("') and line.endswith('"): 5\n')


def test_records_of_sessions_have_first_and_last(start, binaries, xtest):
    engine = start(config={"instances": {"library": str(binaries.engine)}})
    tool = xtest(
        {"a": b"abcdefghi"},
        svcMode={"sessMode": 1, "loopCnt": 4, "perfOn": True},
        input={"sliceSize": 3, "interval": 20},
        output={"name": "out"},
    )
    tool.run(f"-target={engine.grpc}")
    line = (tool.latest() / "perfReqRecord.csv").read_text().splitlines()[0]
    for key in ("firstCost", "lastCost", "firstReq", "firstRlt", "lastReq", "lastRlt"):
        assert f"{key}:" in line, line
    perf, _ = perf_of(tool.latest())
    assert 0 < perf["delayFirstMin"] < perf["min"]
    assert perf["min"] >= 40  # Two pauses.


def test_results_on_the_terminal(shared, xtest):
    tool = xtest(svcMode={"loopCnt": 3}, downstream={"output": 2})
    tool.run(f"-target={shared.grpc}")
    assert len(re.findall(r"^\S+-text-\S+\.txt : hello$", tool.out, re.MULTILINE)) == 3, tool.out
    assert "result" not in os.listdir(tool.latest())


def test_input_of_standard_input(shared, xtest, tmp_path):
    (tmp_path / "typed").write_bytes(b"typed text\nwith a second line")
    tool = xtest(svcMode={"loopCnt": 2, "inputCmd": True}, downstream={"output": 0})
    with open(tmp_path / "typed", "rb") as typed:
        tool.run(f"-target={shared.grpc}", typed=typed)
    written = (tool.latest() / "result").read_bytes()
    assert written.count(b"typed text\nwith a second line") == 2
    assert b"hello" not in written


def test_a_file_that_may_not_grow_is_said_and_the_table_kept(shared, xtest):
    """ulimit -f: SIGXFSZ took the tool down with all that it had measured."""
    tool = xtest({"a": b"x" * 1000}, svcMode={"loopCnt": 20}, downstream={"output": 0})
    tool.start(f"-target={shared.grpc}", within=("prlimit", "--fsize=2048"))
    tool.wait(CODE_WRITE)
    assert TABLE.search(tool.out), tool.out
    for name in ("result", "report.html", "result.json"):
        assert re.search(rf"xtest: .*{name}: File too large", tool.err), (name, tool.err)
    assert (tool.latest() / "errDist").read_text() == '0(""): 20\n'
    assert (tool.latest() / "result").stat().st_size == 2048  # What there was place for.


TINY_DISK = 'mkdir tiny && mount -t tmpfs -o size=48k tmpfs tiny && "$@"; code=$?; '
TINY_DISK += "cp tiny/result kept; exit $code"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_full_disk_is_said_and_the_table_kept(shared, xtest):
    tool = xtest({"a": b"x" * 1000}, svcMode={"loopCnt": 100}, downstream={"output": 0})
    arguments = f"-target={shared.grpc}", "-out=tiny", "-html=page.html"
    tool.start(*arguments, within=("unshare", "-m", "sh", "-c", TINY_DISK, "sh"))
    tool.wait(CODE_WRITE)
    assert TABLE.search(tool.out), tool.out
    assert re.search(r"100 +100 +0 ", tool.out), tool.out
    assert re.search(r"xtest: .*tiny/result: No space left on device", tool.err), tool.err
    # What there was place for, and what lies elsewhere.
    assert (tool.folder / "kept").stat().st_size > 30_000
    assert (tool.folder / "page.html").read_text().startswith("<!doctype html>")
    assert json.loads((tool.folder / "result.json").read_text())["steps"][0]["done"] == 100
