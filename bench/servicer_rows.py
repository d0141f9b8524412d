# SPDX-License-Identifier: Apache-2.0
"""What a servicer of grpcio carries behind a door, beside grpcio's own server."""

import sys
from pathlib import Path

from processes import Loader, Server
from report import Row
from rows import alternate

SERVICER = Path(__file__).resolve().parent / "servicer"
TARGET = 4.0


class GrpcioServer(Server):
    def __init__(self):
        super().__init__(sys.executable, SERVICER / "echo_service.py")

    def wait_ready(self):
        self.grpc = f"127.0.0.1:{self.wait_line(r'[0-9]+$')[0]}"


def servicer_rows(settings):
    """calls/s of a blocking servicer of grpcio behind a door, over grpcio's own server"""
    door = {"aiges": {"contract": "grpc", "app": "echo_service:register"}}
    with GrpcioServer() as own, Loader(settings.binaries, SERVICER, sections=door) as loader:
        sides = (("grpc", own.grpc), ("grpc", loader.grpc))
        for in_flight in (1, 8, 32):
            theirs, ours = alternate(settings, sides, in_flight, 256, check_first=True)
            ratio = ours["calls_per_s"] / theirs["calls_per_s"]
            fields = {"in_flight": in_flight, "bytes": 256, **ours, "ratio": round(ratio, 2)}
            fields |= {f"limit_{name}": value for name, value in theirs.items()}
            shown, name = f"{ratio:.1f} x grpcio", f"servicer_{in_flight}"
            if in_flight == 1:
                yield Row(name, shown, None, None, fields)
                continue
            fields["target_ratio"] = TARGET
            yield Row(name, shown, f">= {TARGET:.0f} x", ratio >= TARGET, fields)
