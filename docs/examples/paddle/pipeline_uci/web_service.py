# SPDX-License-Identifier: Apache-2.0
"""House prices: python web_service.py"""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class UciOp(Op):
    def init_op(self):
        self.separator = ","

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        numbers = [float(text) for text in input_dict["x"].split(self.separator)]
        return {"x": np.array(numbers, "float32").reshape(1, 13)}, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, log_id):
        return {"price": str(fetch_dict["price"][0][0])}, None, ""


class UciService(WebService):
    def get_pipeline_response(self, read_op):
        return UciOp(name="uci", input_ops=[read_op])


uci_service = UciService(name="uci")
uci_service.prepare_pipeline_config("config.yml")
uci_service.run_service()
