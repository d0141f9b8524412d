# SPDX-License-Identifier: Apache-2.0
"""Units that the original and we serve alike, so that their answers can be compared."""

import numpy as np
from flask import Blueprint, jsonify
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse


class TeapotError(Exception):
    """Handled by the blueprint below."""


class Results:
    """predict returns what the request asks for by name."""

    model_error_handler = Blueprint("errors", __name__)

    def _made(self, wanted):
        return {
            "str": "text \u00e9",
            "bytes": b"\x00\x01raw",
            "bytearray": bytearray(b"raw"),
            "dict": {"b": [1, 2.5, None], "a": {"\u00e9": True}},
            "list": [1, 2, 3],
            "nested": [[1, 2], [3, 4]],
            "mixed": ["a", 1],
            "words": [["a", "b"]],
            "empty": [],
            "array": np.array([[0.5, 1.5, 2.5]]),
            "ints": np.array([[1, 2]]),
            "flat": np.array([1.0, 2.0]),
            "scalar-array": np.array(3.0),
            "cube": np.zeros((1, 2, 2)),
            "bools": np.array([[True, False]]),
            "nan": np.array([[float("nan"), float("inf")]]),
            "tuple": (1, 2),
            "float": 1.5,
            "number": 7,
            "set": {1},
            "response": SeldonResponse([[1.0]], tags={"mine": 1}),
            "response-metrics": SeldonResponse("x", metrics=[create_counter("runs", 1)]),
            "response-bad-metrics": SeldonResponse("x", metrics=[{"type": "NOPE"}]),
        }[wanted]

    def predict(self, X, names, meta=None):
        if not isinstance(X, str):
            return X
        if X == "raise":
            raise RuntimeError("broken \u00e9")
        if X == "raise-seldon":
            raise SeldonMicroserviceException("my words", status_code=418, reason="MINE")
        if X == "raise-default":
            raise SeldonMicroserviceException("my words")
        if X == "raise-teapot":
            raise TeapotError("short and stout")
        if X == "not-implemented":
            raise SeldonNotImplementedError("later")
        return self._made(X)


@Results.model_error_handler.app_errorhandler(TeapotError)
def _teapot(error):
    answer = jsonify({"teapot": str(error)})
    answer.status_code = 409
    return answer


class Seen:
    """predict returns what it was given."""

    def predict(self, X, features_names, meta=None):
        shown = X.tolist() if isinstance(X, np.ndarray) else repr(X)
        kind = str(X.dtype) if isinstance(X, np.ndarray) else type(X).__name__
        return {"X": shown, "kind": kind, "names": list(features_names), "meta": meta}

    transform_input = transform_output = predict


class Unit(SeldonComponent):
    """All that a component of a graph may have."""

    def __init__(self, number=0, share=0.5, word="w", flag=False):
        self.given = [number, share, word, flag]

    def predict(self, X, names, meta=None):
        return X

    def transform_input(self, X, names, meta=None):
        return X + 1

    def transform_output(self, X, names, meta=None):
        return SeldonResponse(X * 2, tags={"out": True})

    def route(self, X, names):
        return int(X.ravel()[0])

    def aggregate(self, features_list, names_list):
        return sum(features_list)

    def send_feedback(self, features, names, reward, truth, routing=None):
        return [
            [
                float(np.sum(features)),
                reward,
                float(np.sum(truth)),
                -1 if routing is None else routing,
            ]
        ]

    def tags(self):
        return {"unit": {"given": self.given}, "list": [1, "a", None]}

    def metrics(self):
        return [create_counter("calls", 2), create_gauge("level", 7.5), create_timer("took", 20.2)]

    def class_names(self):
        return ["left", "right"]

    def health_status(self):
        return [[1.0, 2.0]]

    def init_metadata(self):
        return {
            "name": "unit",
            "versions": ["v1"],
            "platform": "test",
            "inputs": [{"messagetype": "tensor", "schema": {"names": ["a"], "shape": [1]}}],
            "outputs": [{"name": "out", "datatype": "FP32", "shape": [1]}],
            "custom": {"author": "us"},
        }


class Raw:
    """Answers whole messages."""

    def predict_raw(self, msg):
        if isinstance(msg, dict):
            wanted = msg.get("strData")
            if wanted == "status":
                return {"status": {"code": 409, "info": "taken", "status": 1}}
            if wanted == "later":
                raise SeldonNotImplementedError("later")
            if wanted == "metrics":
                metric = {"key": "raw", "type": "COUNTER", "value": 1}
                return {"strData": "counted", "meta": {"metrics": [metric]}}
            return {"jsonData": {"echo": msg}}
        return msg

    def predict(self, X, names, meta=None):
        return f"by predict: {X}"

    def route_raw(self, msg):
        return {"data": {"ndarray": [[5]]}}

    def send_feedback_raw(self, feedback):
        return {"strData": f"reward {feedback.reward}"}


class Bare:
    """Nothing but a constructor."""


class Component(SeldonComponent):
    """Nothing filled in."""


class Odd:
    """What should not be, but is."""

    class_names = ["as", "attribute"]

    def predict(self, X, feature_names=None):
        return [[1.0, 2.0]]

    def route(self, X, names):
        return "one"

    def metrics(self):
        return ({"type": "COUNTER", "key": "k", "value": 1},)

    def init_metadata(self):
        return {"versions": "no list"}

    def health_status(self):
        raise RuntimeError("not well")


class Hooks:
    """The older hooks, which win."""

    def predict_rest(self, request):
        return {"by": "rest", "got": request}

    def predict(self, X, names):
        return "never"
