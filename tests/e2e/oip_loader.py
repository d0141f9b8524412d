# SPDX-License-Identifier: Apache-2.0
"""A loader whose engine is tests/engine/tensor_engine.cc, for tests of the Open Inference
Protocol."""

import json
import threading

import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from loader_process import Loader

WAIT_S = 30


def oip_loader(binaries, folder, card, **config):
    """A Loader, not started, of the engine with that card."""
    library = binaries.loader.parent / "libtensor_engine.so"
    settings = {"instances": {"library": str(library)}, "wrapper": {"card": card}}
    for section, keys in config.items():
        settings[section] = {**settings.get(section, {}), **keys}
    return Loader(binaries, folder, config=settings)


def infer_json(loader, body, model="m", path="infer", headers=None):
    """POST of a body that is JSON -> HttpAnswer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return loader.web.request("POST", f"/v2/models/{model}/{path}", data, headers or {})


def tensor(client, name, array, datatype):
    """An InferInput of that client (tritonclient.http or tritonclient.grpc) with its data."""
    value = client.InferInput(name, list(array.shape), datatype)
    value.set_data_from_numpy(array)
    return value


class Stream:
    """A stream of tritonclient.grpc, whose answers are waited for one by one."""

    def __init__(self, client, headers=None):
        self.client, self._answers, self._more = client, [], threading.Condition()
        client.start_stream(callback=self._tell, headers=headers)

    def _tell(self, result, error):
        with self._more:
            self._answers.append((result, error))
            self._more.notify_all()

    def next(self):
        """(result, error)"""
        with self._more:
            if not self._more.wait_for(lambda: self._answers, WAIT_S):
                raise AssertionError("expected an answer on the stream, got none")
            return self._answers.pop(0)


def is_final(result):
    """What the parameter triton_final_response says."""
    return result.get_response().parameters["triton_final_response"].bool_param


__all__ = ["Stream", "grpcclient", "httpclient", "infer_json", "is_final", "oip_loader", "tensor"]
