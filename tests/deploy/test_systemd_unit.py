# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd: systemd finds nothing wrong with the unit, and little that it exposes."""

import re
import shutil
import subprocess

import pytest
from systemd_unit import FOLDER, UNIT, allowed_calls, analyze, settings

MOST_EXPOSED = 1.8  # Of 10, as systemd-analyze security counts.
DROP_INS = sorted((FOLDER / "aiges.service.d").glob("*.conf"))


@pytest.fixture
def installed(tmp_path, binaries):
    """The unit with the loader of this build in place of the installed one."""
    text = UNIT.read_text(encoding="utf-8").replace("/opt/aiges/AIService", str(binaries.loader))
    (tmp_path / "aiges.service").write_text(text, encoding="utf-8")
    return tmp_path


def with_drop_ins(folder, *names):
    place = folder / "aiges.service.d"
    place.mkdir()
    for name in names:
        shutil.copy(FOLDER / "aiges.service.d" / name, place)
    return folder


def test_systemd_finds_nothing_wrong(installed):
    done = analyze("verify", "./aiges.service", folder=installed)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", [path.name for path in DROP_INS])
def test_systemd_finds_nothing_wrong_with_a_drop_in(installed, name):
    done = analyze("verify", "./aiges.service", folder=with_drop_ins(installed, name))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_mistake_is_found(installed):
    """So the tests above are of the whole file."""
    unit = installed / "aiges.service"
    unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMode=some"))
    done = analyze("verify", "./aiges.service", folder=installed)
    assert "Failed to parse kill mode" in done.stderr


def test_little_is_exposed(installed):
    command = ("security", "--offline=yes", "./aiges.service")
    done = analyze(*command, f"--threshold={int(MOST_EXPOSED * 10)}", folder=installed)
    assert done.returncode == 0, done.stdout
    assert float(re.search(r"exposure level for aiges.service: ([\d.]+)", done.stdout)[1]) <= (
        MOST_EXPOSED
    )


def test_the_unit_waits_for_the_drain(binaries, tmp_path):
    """The defaults of the loader, and 3 s more, as docs/operations.md says."""
    done = subprocess.run(
        [binaries.loader, "-show-config", "-c=/dev/null", "-dc=[svcName]\nport = 0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    drain_s = int(re.search(r"^drain_ms = (\d+)", done.stdout, re.M)[1]) / 1000
    unit = settings(UNIT.read_text(encoding="utf-8"))
    assert float(unit["TimeoutStopSec"][0]) >= drain_s + 3
    assert unit["KillMode"] == ["mixed"], "a worker that got SIGTERM, too, would lose its calls"
    assert unit["RestartPreventExitStatus"] == ["2"]


def test_what_the_sandbox_and_placement_need_is_allowed():
    calls = allowed_calls(UNIT.read_text(encoding="utf-8"))
    assert {"landlock_restrict_self", "seccomp", "sched_setaffinity", "set_mempolicy"} <= calls
    assert {"memfd_create", "execve", "socketpair"} <= calls
    assert not calls & {"mount", "ptrace", "bpf", "kexec_load", "init_module", "reboot"}


def test_drop_ins_are_named_in_the_page():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in DROP_INS:
        assert path.name in page, path
