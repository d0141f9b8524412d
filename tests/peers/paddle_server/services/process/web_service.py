# SPDX-License-Identifier: Apache-2.0
"""An op whose process is the user's: a sum instead of a model, and the ways that it ends."""

import time

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class SumOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, asked),) = input_dicts.items()
        do = asked["do"]
        rows = np.array(eval(asked.get("rows", "[[1, 2]]")), np.float32)
        if do == "list":
            return [{"x": rows}, {"x": rows * 10}, {"x": rows * 100}], False, None, ""
        if do == "list-fails":
            return [{"x": rows}, {"x": rows, "do": do}], False, None, ""
        if do == "not-a-dict":
            return "text", False, None, ""
        return {"x": rows, "do": do}, do == "skip", None, ""

    def process(self, feed_batch, typical_logid=0):
        feed, do = feed_batch[0], feed_batch[0].get("do", "sum")
        if do in ("raise", "list-fails"):
            raise RuntimeError("no sum today")
        if do == "fails":
            return None, 9000, "the sum failed"
        if do == "fails-with-result":
            return {"sum": feed["x"]}, 5000, "the sum failed"
        if do == "none":
            return None, 0, ""
        if do == "only-a-dict":
            return {"sum": feed["x"].sum(1, keepdims=True)}
        if do == "sleep":
            time.sleep(1.5)
        if do == "lod":
            lod = np.array([0, 2, 3])
            return {"sum": np.arange(3.0), "sum.lod": lod}, 0, ""
        if do == "not-an-array":
            return {"sum": "abc", "count": [1, 2, 3]}, 0, ""
        if do == "number":
            return {"sum": 7}, 0, ""
        return {"sum": feed["x"].sum(1, keepdims=True), "count": np.arange(5)}, 0, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if isinstance(fetch_data, list):
            return {"list": repr([each["sum"].tolist() for each in fetch_data])}, None, ""
        return {key: repr(value) for key, value in fetch_data.items()}, None, ""


class SumService(WebService):
    def get_pipeline_response(self, read_op):
        return SumOp(name="sum", input_ops=[read_op])


service = SumService(name="process")
service.prepare_pipeline_config("config.yml")
service.run_service()
