# SPDX-License-Identifier: Apache-2.0
"""What the tests of client streams share: clients of both kinds, loaders, and inputs that wait."""

import pytest
from both_clients import KINDS


@pytest.fixture(params=KINDS)
def open_client(request):
    """open_client(*loaders) -> a client of that kind; closed after the test."""
    made = []

    def make(*loaders, **options):
        target = ",".join(each if isinstance(each, str) else each.grpc for each in loaders)
        made.append(KINDS[request.param](target, keepalive_s=0, **options).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__(None, None, None)


@pytest.fixture
def engine(start, binaries):
    """engine(**sections) -> a loader with the test engine."""

    def make(**sections):
        library = {"library": str(binaries.engine)}
        return start(config={"instances": library, "fc": {"max": 4}, **sections})

    return make


@pytest.fixture
def loader(engine):
    return engine()


@pytest.fixture
def client(open_client, loader):
    return open_client(loader)


def texts(stream):
    return [p.data.decode() for p in stream if p.data]


def waits_for(event, *pieces):
    """Pieces, then silence: until the event, at most 3 s, so that no thread outlives the test."""
    yield from pieces
    event.wait(3)
