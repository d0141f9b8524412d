# SPDX-License-Identifier: Apache-2.0
"""What the tests of Paddle Serving share."""

import contextlib
import sys
from pathlib import Path

import paddle_peer
import pytest

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parents[2] / "compat/paddle"), str(HERE / "models")]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with all models of paddle_makers.py. Only for tests that need Paddle."""
    pytest.importorskip("paddle", exc_type=ImportError)
    import paddle_makers

    folder = tmp_path_factory.mktemp("models")
    paddle_makers.make(folder)
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
