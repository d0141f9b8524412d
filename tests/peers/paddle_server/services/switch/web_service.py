# SPDX-License-Identifier: Apache-2.0
"""One op without a model, that does what the key "do" says: the ways that user code ends."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService

RESULTS = {
    "text": {"a": "1", "b": ""},
    "unicode": {"res": "土地整治与土壤修复研究中心 é \U0001f600"},
    "quotes": {"res": "a 'b' \"c\" \\ \n \t <&>"},
    "nothing": {},
    "int": {"a": 1},
    "float": {"a": 1.5},
    "none": {"a": None},
    "bytes": {"a": b"x"},
    "list": {"a": ["x"]},
    "dict": {"a": {"b": 1}},
    "second": {"a": "fine", "b": 2, "c": "fine"},
    "number-key": {1: "one"},
    "array": {"price": np.array([[18.901152]], np.float32)},
    "arrays": {"a": np.arange(3), "b": np.array([[True], [False]])},
    "array-and-text": {"a": np.arange(3), "b": "text"},
    "text-and-array": {"b": "text", "a": np.arange(3)},
    "scalar": {"a": np.float32(1.5)},
    "zero-dimensions": {"a": np.array(7)},
    "empty-array": {"a": np.zeros((0, 4), np.float32)},
    "large-array": {"a": np.arange(1200).reshape(3, 400)},
    "float64": {"a": np.array([1e-9, 0.1, 1e20, np.nan, np.inf])},
    "float16": {"a": np.array([0.1, 2], np.float16)},
    "uint8": {"a": np.array([[0, 255]], np.uint8)},
    "complex": {"a": np.array([1 + 2j])},
    "strings": {"a": np.array(["x", "yy"])},
    "objects": {"a": np.array(["x", None], object)},
    "is-list": [{"a": "1"}],
    "is-none": None,
    "is-text": "text",
}
PRODUCT = {
    "code": (51, "my words"),
    "code-zero": (0, "words of zero"),
    "code-large": (99999, "large"),
    "code-negative": (-3, "negative"),
    "code-text": ("51", "a text as code"),
    "info-none": (52, None),
    "info-empty": (53, ""),
    "info-number": (54, 7),
    "code-none": (None, "not an error"),
}
RAISED = {
    "value": lambda: ValueError("bad value"),
    "key": lambda: KeyError("missing"),
    "quoted": lambda: RuntimeError('it\'s "so"\nand so'),
    "empty": lambda: RuntimeError(),
    "unicode": lambda: RuntimeError("错误"),
    "index": lambda: IndexError(3),
    "assert": lambda: AssertionError("asserted"),
    "os": lambda: OSError(2, "No such file", "x.jpg"),
    "two": lambda: Exception("one", 2),
}


class SwitchOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, asked),) = input_dicts.items()
        do, _, which = asked["do"].partition(":")
        if do == "pre-raise":
            raise RAISED[which]()
        if do == "pre-code":
            return {}, False, PRODUCT[which][0], PRODUCT[which][1]
        if do == "pre-three":
            return asked, False, None
        if do == "pre-none":
            return None
        if do == "pre-data":
            return {"none": None, "text": "text", "list": [asked, asked]}[which], False, None, ""
        return asked, which == "skip", None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        ((_, asked),) = input_dicts.items()
        do, _, which = asked["do"].partition(":")
        if do == "post-raise":
            raise RAISED[which]()
        if do == "post-code":
            return {"a": "1"}, PRODUCT[which][0], PRODUCT[which][1]
        if do == "post-two":
            return {"a": "1"}, None
        if do == "post-none":
            return None
        if do == "result":
            return RESULTS[which], None, ""
        shown = repr(sorted(fetch_dict)) if isinstance(fetch_dict, dict) else repr(fetch_dict)
        return {"fetch": shown}, None, ""


class SwitchService(WebService):
    def get_pipeline_response(self, read_op):
        return SwitchOp(name="switch", input_ops=[read_op])


service = SwitchService(name="switch")
service.prepare_pipeline_config("config.yml")
service.run_service()
