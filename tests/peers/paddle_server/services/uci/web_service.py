# SPDX-License-Identifier: Apache-2.0
"""The quick start's model in an op, and what it can be fed with."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class UciOp(Op):
    def init_op(self):
        self.separator = ","

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        do = input_dict.pop("do", "")
        x = input_dict["x"]
        if isinstance(x, str):
            rows = [[float(one) for one in row.split(self.separator)] for row in x.split(";")]
            x = np.array(rows, "float32")
        feed = {
            "float64": lambda: {"x": x.astype("float64")},
            "int": lambda: {"x": np.round(x * 100).astype("int64")},
            "as-list": lambda: {"x": x.tolist()},
            "missing": dict,
            "other": lambda: {"y": x},
            "more": lambda: {"x": x, "y": x},
            "lod-more": lambda: {"x": x, "x.lod": [0, len(x)]},
            "text": lambda: {"x": "text"},
            "one-dimension": lambda: {"x": x[0]},
            "narrow": lambda: {"x": x[:, :12]},
            "no-rows": lambda: {"x": x[:0]},
            "rows-as-list": lambda: [{"x": x[at : at + 1]} for at in range(len(x))],
            "list-one-wrong": lambda: [{"x": x}, {"y": x}],
        }.get(do, lambda: {"x": x})()
        return feed, do == "skip", None, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if isinstance(fetch_data, list):
            return {"prices": str([each["price"].shape for each in fetch_data])}, None, ""
        return {key: f"{self.told(value)}" for key, value in fetch_data.items()}, None, ""

    @staticmethod
    def told(value):
        return f"{value.dtype}{list(value.shape)} {np.round(value.ravel(), 3).tolist()}"


class UciService(WebService):
    def get_pipeline_response(self, read_op):
        return UciOp(name="uci", input_ops=[read_op])


uci_service = UciService(name="uci")
uci_service.prepare_pipeline_config("config.yml")
uci_service.run_service()
