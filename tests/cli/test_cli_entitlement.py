# SPDX-License-Identifier: Apache-2.0
"""asectl entitlement: keys and signed files. What a loader makes of them is there, too."""

import subprocess
from pathlib import Path

import pytest
from waiting import wait_until

METERED = Path(__file__).resolve().parents[2] / "docs" / "examples" / "metered"


@pytest.fixture
def signed(asectl, tmp_path):
    """signed(words of sign..) -> the file, signed by the key `seller`."""
    made = asectl("entitlement", "make-key", "seller")
    assert made.code == 0, made.all
    assert (tmp_path / "seller").stat().st_mode & 0o777 == 0o600

    def sign(*words, file="file", key="seller"):
        said = asectl("entitlement", "sign", file, "--key", key, "--id", "E1", *words)
        assert said.code == 0, said.all
        return tmp_path / file

    return sign


@pytest.fixture
def entitled(start, tmp_path, signed):
    """entitled(words of sign..) -> a loader that has such a file."""

    def begin(*words):
        files = {"file": str(signed(*words)), "public_key": str(tmp_path / "seller.pub")}
        return start(METERED, config={"entitlement": files})

    return begin


def test_a_file_says_what_was_signed_and_a_change_shows(asectl, signed, tmp_path):
    file = signed("--customer", "Ü", "--expires", "2999-01-01", "--model", "ocr", "--calls", "5")
    shown = asectl("entitlement", "show", file, "--json").json
    assert (shown["id"], shown["customer"], shown["models"]) == ("E1", "Ü", ["ocr"])
    assert asectl("entitlement", "check", file, "--key", "seller.pub").code == 0
    head, line, signature, end = file.read_text().splitlines()
    file.write_text("\n".join([head, line.replace("e", "f", 1), signature, end]))
    asectl("entitlement", "check", file, "--key", "seller.pub", code=1)
    over = signed("--not-before", "2020-01-01", "--expires", "2020-02-01")
    said = asectl("entitlement", "check", over, "--key", "seller.pub", code=1)
    assert "ended at 2020-02-01" in said.all


def test_a_loader_refuses_what_it_does_not_allow(entitled, signed):
    loader = entitled("--expires", "2999-01-01", "--calls", "2", "--concurrency", "7")
    assert loader.metric("aiges_licences") == 7
    assert [loader.web.raw_mode(b"x").status for _ in range(2)] == [200, 200]
    refused = loader.web.raw_mode(b"x")
    assert (refused.status, refused.code) == (403, 10430)
    assert "2 calls a day" in refused.message
    by_grpc = loader.xsf.do("x")
    assert by_grpc.code == 10430
    signed("--expires", "2999-01-01")  # Hot.
    wait_until(lambda: loader.web.raw_mode(b"x").status == 200, "the new terms")
    signed("--expires", "2999-01-01", "--model", "other")
    answer = wait_until(lambda: refusal(loader), "the terms after that")
    assert "not for the model svcName" in answer.message
    told = loader.web.get("/status.json").json["entitlement"]
    assert (told["id"], told["models"]) == ("E1", ["other"])
    assert loader.metric("aiges_entitlement_seconds_left") > 0


def refusal(loader):
    answer = loader.web.raw_mode(b"x")
    return answer if answer.status != 200 else None


def test_a_bad_file_ends_the_start_and_the_check(entitled, signed, asectl, tmp_path):
    loader = entitled("--expires", "2999-01-01")
    loader.stop()
    command = [loader.binaries.loader, "-m=0", "-c", "aiges.toml", "-s", "svcName"]

    def started(*words):
        return subprocess.run(
            [*command, *words], cwd=loader.folder, env=loader.env, capture_output=True, text=True
        )

    assert started("-check").returncode == 0
    asectl("entitlement", "make-key", "thief")
    signed("--expires", "2999-01-01", key="thief")
    for words in ((), ("-check",)):
        said = started(*words)
        assert said.returncode == 1 and "signature is not by" in said.stderr
    signed("--not-before", "2020-01-01", "--expires", "2020-02-01")
    said = started("-check")
    assert said.returncode == 1 and "ended at 2020-02-01" in said.stderr
