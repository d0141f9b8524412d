# SPDX-License-Identifier: Apache-2.0
"""A server with the service Tryout, and clients of it."""

import os
from pathlib import Path

import grpc
from loader_process import Loader

HERE = Path(__file__).resolve().parent
REGISTER = {"sync": "register", "aio": "register_aio"}


class Tried:
    """A server that serves the service Tryout: its address, its flavour, and a stub."""

    def __init__(self, address, flavour):
        self.address, self.flavour = address, flavour
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        )
        services = __import__("tryout_pb2_grpc")
        self.stub = services.TryoutStub(self.channel)

    def ask(self, task, data=b"", count=0, **options):
        return self.stub.Once(message(task, data, count), timeout=30, **options)

    def seen(self, what):
        return self.ask("seen", what.encode()).count


def message(task, data=b"", count=0):
    return __import__("tryout_pb2").Ask(task=task, data=data, count=count)


def python_path(folder):
    return os.pathsep.join([str(folder), str(HERE), str(HERE.parents[1] / "sdk")])


def served(binaries, folder, stubs, flavour, **config):
    """A loader, not yet started, with the servicer of that flavour."""
    contract = {"contract": "grpc", "app": f"tryout_service:{REGISTER[flavour]}"}
    config = {"aiges": {**contract, **config.pop("aiges", {})}, **config}
    return Loader(binaries, folder, config=config, env={"PYTHONPATH": python_path(stubs)})
