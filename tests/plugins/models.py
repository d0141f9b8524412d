# SPDX-License-Identifier: Apache-2.0
"""The plugins that have a model of their own, served by AIService in their own Python."""

import contextlib

import openai
import pytest
from conftest import PLUGINS
from loader_process import ROOT, Loader

# The model comes from a cold disk, and the machine may have much else to do.
START_S, CALL_S = 120, 120


def python_of(name):
    """The interpreter that scripts/setup.sh models NAME has made; skips where it has not."""
    place = ROOT / "build" / "models" / name
    if not (place / "installed").is_file():
        pytest.skip(f"needs the packages of plugins/{name}: scripts/setup.sh models {name}")
    return str(place / "bin" / "python")


@contextlib.contextmanager
def served(name, binaries, folder, **options):
    """A ready Loader with that plugin, [wrapper] options as given."""
    config = {"wrapper": options, "instances": {"python": python_of(name)}}
    with contextlib.closing(_Loader(binaries, folder, PLUGINS / name, config, name)) as loader:
        loader.start(ready=False)
        loader.wait_readyz(timeout_s=START_S)
        yield loader


class _Loader(Loader):
    def __init__(self, binaries, folder, plugin, config, service):
        super().__init__(binaries, folder, plugin, config=config, service=service)

    def close(self):
        self.kill()


def client_of(loader):
    return openai.OpenAI(
        base_url=f"http://{loader.http}/v1", api_key="none", max_retries=0, timeout=CALL_S
    )
