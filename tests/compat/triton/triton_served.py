# SPDX-License-Identifier: Apache-2.0
"""A model repository with one model, and a loader that serves it; calls are made with arrays."""

import json

import numpy as np
from loader_process import ROOT, Loader
from xsf_client import OTHER

DATATYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
_NAMES = {np.dtype(kind): name for name, kind in DATATYPES.items()}


def encode(array):
    """(datatype, bytes) of an array; objects and texts are BYTES."""
    if array.dtype.kind in "OSU":
        elements = [
            each if isinstance(each, bytes) else str(each).encode() for each in array.ravel()
        ]
        return "BYTES", b"".join(len(each).to_bytes(4, "little") + each for each in elements)
    return _NAMES[array.dtype], np.ascontiguousarray(array).tobytes()


def decode(datatype, shape, data):
    if datatype != "BYTES":
        return np.frombuffer(data, DATATYPES[datatype]).reshape(shape)
    elements, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        elements.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    made = np.empty(len(elements), object)
    made[:] = elements
    return made.reshape(shape)


class Served(Loader):
    """One model. ``model``: the text of model.py, or {file: text} in the version's folder."""

    def __init__(self, binaries, folder, model, config="", *, name="m", toml=None, env=None):
        self.model_folder = folder / "repository" / name
        version = self.model_folder / "1"
        version.mkdir(parents=True)
        for file, text in (model if isinstance(model, dict) else {"model.py": model}).items():
            if text is not None:
                (version / file).parent.mkdir(parents=True, exist_ok=True)
                (version / file).write_text(text, encoding="utf-8")
        if config is not None:
            (self.model_folder / "config.pbtxt").write_text(config, encoding="utf-8")
        settings = {"aiges": {"contract": "triton"}, **(toml or {})}
        super().__init__(binaries, folder, version, config=settings, env=env)

    def payloads(self, inputs):
        for name, array in inputs.items():
            datatype, data = encode(np.asarray(array))
            shape = ",".join(map(str, np.shape(array)))
            yield self.xsf.payload(name, data, OTHER, datatype=datatype, shape=shape)

    def call(
        self,
        inputs=None,
        *,
        parameters=None,
        request_id="",
        outputs=None,
        payloads=None,
        checked=True,
    ):
        """The answer of a once call, as the protocol of tensors makes it."""
        said = {
            **({"checked": True} if checked else {}),
            "id": request_id,
            "parameters": parameters or {},
            "outputs": [{"name": name} for name in outputs or ()],
        }
        payloads = list(self.payloads(inputs)) if payloads is None else payloads
        return self.xsf.once(*payloads, params={":oip": json.dumps(said, separators=(",", ":"))})

    def infer(self, inputs=None, **options):
        """{output: array} of a call that succeeds."""
        return self.arrays(self.call(inputs, **options))

    @staticmethod
    def arrays(answer):
        found = {}
        assert answer.code == 0, answer.error
        for payload in answer.output.pl:
            desc = payload.meta.attribute
            if "datatype" in desc:
                shape = [int(dim) for dim in desc["shape"].split(",") if dim]
                found[payload.meta.name] = decode(desc["datatype"], shape, payload.data)
            else:
                found[payload.meta.name] = payload.data
        return found


EXAMPLES = ROOT / "docs" / "examples" / "triton"
