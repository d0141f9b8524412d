# SPDX-License-Identifier: Apache-2.0
"""User code of 0.4 to 0.6: postprocess without data_id, process that returns a dict."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class UciOp(Op):
    def init_op(self):
        self.separator = ","

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        x_value = input_dict["x"]
        if isinstance(x_value, str):
            row = [float(x.strip()) for x in x_value.split(self.separator)]
            input_dict["x"] = np.array(row).reshape(1, len(row))
        return input_dict, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, log_id):
        fetch_dict["price"] = str(fetch_dict["x"].sum())
        del fetch_dict["x"]
        return fetch_dict, None, ""


class UciService(WebService):
    def get_pipeline_response(self, read_op):
        return UciOp(name="uci", input_ops=[read_op])


uci_service = UciService(name="uci")
uci_service.prepare_pipeline_config("config.yml")
uci_service.run_service()
