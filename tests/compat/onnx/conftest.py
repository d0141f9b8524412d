# SPDX-License-Identifier: Apache-2.0
"""Engines of the contract in the test's own process, and behind the real loader."""

import onnx_models
import pytest
from aiges import tensors
from aiges.contracts.onnx import Wrapper
from aiges.dto import DataListCls, DataListNode
from loader_fixtures import binaries, start, xsf_stubs


class Engine:
    """The contract's hooks, called as the worker calls them."""

    def __init__(self, file, **config):
        self.wrapper = Wrapper()
        config = {"model": str(file), **{key: str(value) for key, value in config.items()}}
        assert self.wrapper.wrapperInit(config) == 0
        assert self.wrapper.wrapperWarmup() == 0

    @property
    def card(self):
        return self.wrapper.wrapperSchema()["model"]

    def raw(self, *calls, params=None):
        """Each call is a list of (key, data, desc). Its outputs as hooks give them, or an error."""
        requests = []
        for call in calls:
            request = DataListCls()
            request.list = [node_of(*each) for each in call]
            requests.append(request)
        params = params or [{}] * len(calls)
        return self.wrapper.wrapperBatchExec(params, requests, ["tag"] * len(calls))

    def batch(self, *calls, params=None):
        """Each call is a dict of arrays. Its outputs as such a dict, or its error."""
        sent = [
            [
                (key, onnx_models.tensor_bytes(array), onnx_models.desc_of(array))
                for key, array in call.items()
            ]
            for call in calls
        ]
        return [shown(answer) for answer in self.raw(*sent, params=params)]

    def once(self, call):
        (answer,) = self.batch(call)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def runs(self):
        """The feeds of all runs from now on."""
        seen, model = [], self.wrapper._engine._model
        run = model.run

        def noted(feed):
            seen.append({name: array.shape for name, array in feed.items()})
            return run(feed)

        model.run = noted
        return seen


def node_of(key, data, desc):
    node = DataListNode()
    node.key, node.data, node.desc = key, data, desc
    return node


def shown(answer):
    """What a client gets of an answer."""
    if isinstance(answer, Exception):
        return answer
    encoded = {name: tensors.encode(array) for name, array in answer.items()}
    return {
        name: onnx_models.array_of(data, {"datatype": datatype, "shape": shape})
        for name, (datatype, shape, data) in encoded.items()
    }


@pytest.fixture
def engine():
    """engine(file, **config): the contract with that file, ready for calls."""
    return Engine
