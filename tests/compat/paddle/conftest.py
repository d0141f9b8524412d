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
