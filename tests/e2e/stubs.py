# SPDX-License-Identifier: Apache-2.0
"""Python messages made from proto/*.proto at the start of the session."""

import sys
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"


def generate_stubs(folder):
    names = ("xsf.proto", "loader.proto", "stream.proto", "toolbox.proto", "orca.proto")
    files = [str(PROTO / name) for name in names]
    code = protoc.main(["protoc", f"-I{PROTO}", f"--python_out={folder}", *files])
    if code != 0:
        raise RuntimeError(f"protoc: expected exit code 0 for {files}, got {code}")
    sys.path.insert(0, str(folder))
