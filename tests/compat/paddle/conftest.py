# SPDX-License-Identifier: Apache-2.0
"""What the tests of Paddle Serving share."""

import contextlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import paddle_peer
import pytest

HERE = Path(__file__).resolve().parent
COMPAT = HERE.parents[2] / "compat" / "paddle"
sys.path += [str(COMPAT), str(HERE / "models")]
# Paddle beside whatever else is loaded in the process of all tests ends it by a signal:
# test_paddle_alone.py runs these in a process of their own.
ALONE = ["test_paddle_engine.py", "test_paddle_io.py", "test_paddle_wsgi.py"]
collect_ignore = [] if os.environ.get("AIGES_TESTS_ALONE") else ALONE


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with all models of paddle_makers.py. Only for tests that need Paddle."""
    if find_spec("paddle") is None:
        pytest.skip("no PaddlePaddle here")
    folder = tmp_path_factory.mktemp("models")
    command = [sys.executable, HERE / "models" / "paddle_makers.py", folder]
    path = os.pathsep.join([str(COMPAT), str(HERE.parents[2] / "sdk")])
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, timeout=120)
    return folder


@pytest.fixture
def serve():
    """serve(handler): a Peer."""
    with contextlib.ExitStack() as opened:

        def start(handler):
            peer = paddle_peer.Peer(handler)
            opened.callback(peer.close)
            return peer

        yield start


@pytest.fixture
def connected(tmp_path, serve):
    """connected(prototxt, handler): a Client and its Peer."""
    from paddle_serving_client import Client

    with contextlib.ExitStack() as opened:

        def start(text, handler, **options):
            file = tmp_path / "serving_client_conf.prototxt"
            file.write_text(text)
            peer = serve(handler)
            client = opened.enter_context(Client(**options))
            client.load_client_config(str(file))
            client.connect([peer.endpoint])
            return client, peer

        yield start


@pytest.fixture
def served(tmp_path, models):
    """served(*arguments, ..): a Service that is ready, of models by their folders' names."""
    from free_ports import free_ports
    from paddle_command import Service

    with contextlib.ExitStack() as started:
        count = 0

        def start(*arguments, **options):
            nonlocal count
            count += 1
            words = [models / each if (models / str(each)).is_dir() else each for each in arguments]
            port = options.pop("port", None) or free_ports(1)[0]
            service = Service(tmp_path / f"service{count}", port, *words, **options)
            return started.enter_context(service)

        yield start


@pytest.fixture(scope="module")
def houses(tmp_path_factory, models):
    """The quick start's service, for tests that leave it as it is."""
    from free_ports import free_ports
    from paddle_command import Service

    words = ("--model", models / "fit_a_line_model", "--thread", "10", "--name", "uci")
    with Service(tmp_path_factory.mktemp("houses"), free_ports(1)[0], *words) as service:
        yield service


@pytest.fixture
def pipeline(tmp_path):
    """pipeline(text of ops and graph, conf): a Pipeline that takes calls."""
    import paddle_pipelines

    with contextlib.ExitStack() as started:

        def start(text, conf=None, *, ready=True, folder="pipeline", **options):
            made = paddle_pipelines.Pipeline(tmp_path / folder, text, conf, **options)
            started.callback(made.kill)
            made.start(ready)
            return made

        yield start
