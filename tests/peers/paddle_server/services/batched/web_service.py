# SPDX-License-Identifier: Apache-2.0
"""Requests that are answered together: the rows of four in one process."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class BatchedOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, asked),) = input_dicts.items()
        if asked["do"] == "pre-raise":
            raise ValueError("not this one")
        if asked["do"] == "pre-code":
            return {}, False, 55, "not this one"
        start, rows = int(asked["start"]), int(asked["rows"])
        x = np.arange(start, start + rows * 2, dtype=np.float32).reshape(rows, 2)
        if asked["do"] == "list":
            return [{"x": row[np.newaxis]} for row in x], False, None, ""
        feed = {"x": x}
        if asked["do"] == "lod":
            feed["lod"] = np.ones(1)
        if asked["do"] == "width":
            feed["x"] = np.zeros((rows, 3), np.float32)
        return feed, asked["do"] == "skip", None, ""

    def process(self, feed_batch, typical_logid=0):
        feed = feed_batch[0]
        x = feed["x"]
        if (x < 0).any():
            raise ValueError("negative")
        size = np.full((len(x), 1), len(x))
        result = {"sum": x.sum(1), "size": size}
        if "lod" in feed:
            result["pieces"] = np.repeat(x[:, 0], 2)
            result["pieces.lod"] = np.arange(0, 2 * len(x) + 1, 2)
        return result, 0, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if isinstance(fetch_data, list):
            return {"sums": repr([each["sum"].tolist() for each in fetch_data])}, None, ""
        return {key: repr(value.tolist()) for key, value in fetch_data.items()}, None, ""


class BatchedService(WebService):
    def get_pipeline_response(self, read_op):
        return BatchedOp(name="batched", input_ops=[read_op])


service = BatchedService(name="batched")
service.prepare_pipeline_config("config.yml")
service.run_service()
