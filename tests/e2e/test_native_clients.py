# SPDX-License-Identifier: Apache-2.0
"""docs/clients_other_languages.md: its client in Go, made by its own commands."""

import os
import shutil
import subprocess
import sys

import pytest
from engine_builds import BUILT, ROOT
from native_engines import need

sys.path.append(str(ROOT / "tests" / "docs"))

from doc_page import blocks_of

PAGE = ROOT / "docs" / "clients_other_languages.md"
ENGINE = """
class Wrapper:
    def wrapperStream(self, params, requests, usrTag, psrId, sid):
        for request in requests:
            for piece in request.list:
                yield {"key": "out", "data": piece.data.upper(), "len": 0, "type": 0, "status": 1}
"""


def test_client_in_go_is_made_and_calls(start, tmp_path):
    need("go")
    if shutil.which("protoc") is None:
        pytest.skip("protoc: expected one, found none; apt install protobuf-compiler")
    loader = start(ENGINE)
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    for block in blocks:
        if "file" in block.asked:
            (tmp_path / block.value("file")).write_text(block.text, encoding="utf-8")
    (commands,) = (block.text for block in blocks if "go install" in block.text)
    programs = BUILT / "go_bin"  # Kept: they are the same for every run.
    script = commands.replace("127.0.0.1:5090", loader.grpc).replace("$PWD/bin", str(programs))
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PROTO": str(ROOT / "proto"), "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "out: HELLO\n" in done.stdout
