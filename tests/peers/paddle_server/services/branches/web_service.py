# SPDX-License-Identifier: Apache-2.0
"""Two models asked about one input, as of the example that adds up scores."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class ReadOp(Op):
    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        words = [len(word) for word in fetch_dict["words"].split()]
        return (
            {"lengths": np.array(words), "list": words, "fail": fetch_dict.get("fail", "")},
            None,
            "",
        )


class BowOp(Op):
    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        fetch_dict["list"].append(self.name)
        fetch_dict["lengths"] += 100
        if self.name in fetch_dict["fail"].split():
            raise ValueError("no model " + self.name)
        if self.name + "-code" in fetch_dict["fail"].split():
            return {}, 71, "product " + self.name
        return {"score": fetch_dict["lengths"], "seen": fetch_dict["list"]}, None, ""


class CombineOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        names = " ".join(sorted(input_dicts))
        total = sum(each["score"] for each in input_dicts.values())
        seen = {name: input_dicts[name]["seen"] for name in sorted(input_dicts)}
        return {"names": names, "total": total, "seen": repr(seen)}, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        fetch_dict["total"] = repr(fetch_dict["total"])
        return fetch_dict, None, ""


class ImdbService(WebService):
    def get_pipeline_response(self, read_op):
        first = ReadOp(name="read", input_ops=[read_op])
        bow_op = BowOp(name="bow", input_ops=[first])
        cnn_op = BowOp(name="cnn", input_ops=[first])
        return CombineOp(name="combine", input_ops=[bow_op, cnn_op])


if __name__ == "__main__":
    service = ImdbService(name="imdb")
    service.prepare_pipeline_config("config.yml")
    service.run_service()
