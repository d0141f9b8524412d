# SPDX-License-Identifier: Apache-2.0
"""`make release` for one Python: what is in it, made once only, and its archive started."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from types import SimpleNamespace

import debian_root
import floor
import pytest
from environment import ROOT, Background, run
from loader_process import Loader

PYTHON = "3.11"  # Debian 12's.
WRAPPER = """
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    text = reqData[0]["data"].decode().upper()
    respData.append(dict(key="result", data=text, len=len(text), status=3, type=0))
    return 0
"""
# Of the folder /home/aiges in images of the earlier loader.
OLD_LAYOUT = "AIService aiges.toml include library log start_test.sh xsf_status xtest xtest.toml"


def make_release(folder):
    release = Background(["env", f"RELEASE_PYTHONS={PYTHON}", ROOT / "scripts/release.sh", folder])
    try:
        return release.said()
    finally:
        release.stop()


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "out"
    said = make_release(folder)
    return folder, said


@pytest.fixture(scope="module")
def wheel(release):
    (found,) = release[0].glob("*.whl")
    return found


@pytest.fixture(scope="module")
def archive(release):
    (found,) = release[0].glob("*.tar.gz")
    return found


def test_it_has_all_its_files_with_their_checksums(release):
    folder, said = release
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    names = {file.name for file in folder.iterdir()}
    papers = {"THIRD_PARTY.md", "CHANGELOG.md", "LICENSE", "EXTRAS.txt", "FLOOR.txt"}
    assert papers | {f"aiges-{version}.cdx.json", "SHA256SUMS"} < names
    assert {name.rpartition(".")[2] for name in names - papers} == {
        "whl",
        "gz",
        "json",
        "SHA256SUMS",
    }
    sums = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert sums.keys() == names - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert f"## Unreleased ({version})" in (folder / "CHANGELOG.md").read_text() or (
        f"## {version} - " in (folder / "CHANGELOG.md").read_text()
    )
    assert "aiges-host[openbayes]: flask" in (folder / "EXTRAS.txt").read_text()
    assert "release: no wheel for CPython" not in said


def test_what_is_there_is_not_made_again(release, wheel, archive):
    before = [file.stat().st_mtime_ns for file in (wheel, archive)]
    (release[0] / "of_an_earlier_one.whl").write_bytes(b"")
    said = make_release(release[0])
    assert f"{wheel.name} is there" in said and f"{archive.name} is there" in said
    assert [file.stat().st_mtime_ns for file in (wheel, archive)] == before
    assert not (release[0] / "of_an_earlier_one.whl").exists()


def test_the_wheel_names_every_library_that_it_bundles(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (page,) = [n for n in names if n.endswith(".dist-info/licenses/THIRD_PARTY.md")]
        (bill,) = [n for n in names if n.endswith(".dist-info/sboms/aiges-host.cdx.json")]
        assert any(n.endswith(".dist-info/licenses/LICENSE") for n in names)
        page, bill = opened.read(page).decode(), json.loads(opened.read(bill))
    known = {
        each["value"]: component["name"]
        for component in bill["components"]
        for each in component.get("properties", [])
        if each["name"] == "aiges:file"
    }
    bundled = [n.split("/")[1] for n in names if re.match("aiges_host.libs/.", n)]
    assert len(bundled) > 20
    for name in bundled:
        # auditwheel puts a hash into the name, and takes that of the file for that of the link.
        library = re.sub(r"-[0-9a-f]{8}(?=\.)", "", name).split(".so")[0]
        owners = {part for file, part in known.items() if file.split(".so")[0] == library}
        assert owners, f"{name}: no component has {library}"
        assert all(f"| {owner} |" in page for owner in owners)
    versions = {component["name"]: component.get("version") for component in bill["components"]}
    assert versions["pybind11"] and versions["Headers of CPython"].startswith(PYTHON)


def test_the_floor_is_told_with_what_sets_it(release, wheel):
    told = (release[0] / "FLOOR.txt").read_text()
    major, minor = floor.floor_of(wheel)
    assert told.startswith(f"{wheel.name}: glibc {major}.{minor} or later")
    assert re.search(r"^  set by (GLIBC|GLIBCXX|CXXABI|GCC)_[\d.]+ in \S+", told, re.M)


def unpack(archive, folder):
    with tarfile.open(archive) as opened:
        opened.extractall(folder, **({"filter": "tar"} if sys.version_info >= (3, 12) else {}))
    home = folder / "aiges"
    (home / "wrapper.py").write_text(WRAPPER)
    text = (home / "aiges.toml").read_text()
    text = text.replace("0.0.0.0:1888", "127.0.0.1:0").replace(
        'host = "0.0.0.0"', 'host = "127.0.0.1"'
    )
    (home / "aiges.toml").write_text(text.replace("port = 5090", "port = 0"))
    return home


class Archive(Loader):
    """start_test.sh of an archive, called from another folder."""

    def __init__(self, home, seen_as, within=()):
        # The shell passes over what a Loader says to AIService: start_test.sh says it itself.
        command = ("-c", f"exec '{seen_as}/start_test.sh'")
        shell = SimpleNamespace(loader="/bin/sh")
        super().__init__(shell, home / "log", arguments=command, within=within)
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def answers(archive, home):
    with archive:
        answer = archive.web.raw_mode(b"hello", "?key=data&type=text")
        assert (answer.status, answer.body) == (200, b"HELLO")
        xtest = [home / "xtest", "-f", "xtest.toml", "-target", f"svcName@{archive.grpc}"]
        said = run([*xtest, "-count", "20", "-quiet"], cwd=home, env={"PATH": os.environ["PATH"]})
        assert re.search(r"^closed +20 +20 +0 ", said, re.M), said
        archive.stop()


def test_the_archive_is_laid_out_as_the_earlier_image(archive, tmp_path):
    home = unpack(archive, tmp_path)
    for name in [*OLD_LAYOUT.split(), "THIRD_PARTY.md", "LICENSE", "sbom.cdx.json"]:
        assert (home / name).exists(), name
    assert (home / "include/aiges/wrapper.h").is_file()
    assert not list(home.rglob("__pycache__"))
    with tarfile.open(archive) as opened:
        assert {member.uid for member in opened.getmembers()} == {0}


def test_the_archive_is_started_from_any_folder(archive, tmp_path):
    home = unpack(archive, tmp_path / "a folder of mine")
    answers(Archive(home, home), home)
    env = {"PATH": os.environ["PATH"]}
    assert run([home / "xtest", "-h"], env=env).startswith("xtest:")
    said = run(["ldd", home / "AIService"], env=env)
    outside = {
        line.split()[0] for line in said.splitlines() if "=> /" in line and str(home) not in line
    }
    assert {name.split(".so")[0] for name in outside} <= {
        *("libc", "libm", "libstdc++", "libgcc_s", "libz", "libresolv"),
    }


def test_the_archive_needs_nothing_but_python(archive):
    """On a Debian that has none of our libraries."""
    if why := debian_root.why_not():
        pytest.skip(why)
    root = debian_root.RootBuild().root()
    place = root / "srv/archive"
    shutil.rmtree(place, ignore_errors=True)
    home = unpack(archive, place)
    inside = debian_root.within(root, "/")
    try:
        answers(Archive(home, "/srv/archive/aiges", within=inside), home)
        said = subprocess.run(
            [*inside, "/srv/archive/aiges/xtest", "-h"], capture_output=True, text=True
        )
        assert said.stdout.startswith("xtest:"), said.stderr
    finally:
        shutil.rmtree(place, ignore_errors=True)
