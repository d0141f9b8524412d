# SPDX-License-Identifier: Apache-2.0
"""The model that the original and we serve alike; ``do`` says what a call tries."""

from aipod.model import AIModelBase
from aipod.rpc.server import serve


class Model(AIModelBase):
    made = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Model.made += 1
        self.number = Model.made
        if "broken" in self.version:
            raise RuntimeError(f"no model {self.version}")

    def train(self, do="", **kwargs):
        return self._do(do, kwargs)

    def predict(self, do="", **kwargs):
        return self._do(do, kwargs)

    def _do(self, do, kwargs):
        data = kwargs.get("binary_data")
        if do == "echo":
            return {**kwargs, "binary_data": data.hex()}
        if do == "types":
            return [sorted(kwargs), type(data).__name__, len(data)]
        if do == "value":
            return kwargs["value"]
        if do == "raise":
            raise ValueError(kwargs.get("text", ""))
        if do == "key":
            raise KeyError("missing")
        if do == "assert":
            assert kwargs.get("ok"), "not ok"
        if do == "info":
            return self.model_info
        if do == "write":
            (self.model_dir() / kwargs["name"]).write_text("x")
            return sorted(path.name for path in self.model_dir().iterdir())
        if do == "files":
            return sorted(path.name for path in self.model_dir().iterdir())
        if do == "say":
            self.trainning_logger.append(**kwargs["said"])
            return None
        if do == "tuple":
            return (1, (2, 3))
        if do == "keys":
            return {1: "one", None: "none", False: "no", 2.5: "x"}
        if do == "nan":
            return [float("nan"), float("inf"), float("-inf")]
        if do == "set":
            return {1}
        if do == "bytes":
            return b"raw"
        if do == "object":
            return object()
        if do == "long":
            return "x" * kwargs["size"]
        if do == "version":
            return [self.version, self.datapath.as_posix()]
        if do == "number":
            return self.number
        return None


if __name__ == "__main__":
    serve(Model)
