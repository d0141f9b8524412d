# SPDX-License-Identifier: Apache-2.0
"""An op that jumps back until it is done."""

from paddle_serving_server.web_service import Op, WebService


class AddOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        count = int(input_dict["count"]) + 1
        return {"count": str(count), "limit": input_dict["limit"]}, False, None, ""


class AgainOp(Op):
    def check_jumping(self, input_data):
        data = [each.parse() for each in input_data.values()][0]
        return int(data["count"]) < int(data["limit"])


class LastOp(Op):
    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        return {"count": fetch_dict["count"], "from": " ".join(input_dicts)}, None, ""


class LoopService(WebService):
    def get_pipeline_response(self, read_op):
        start = Op(name="start", input_ops=[read_op])
        add = AddOp(name="add", input_ops=[start])
        again = AgainOp(name="again", input_ops=[add], jump_to_ops=[start])
        return LastOp(name="last", input_ops=[again])


if __name__ == "__main__":
    service = LoopService(name="loop")
    service.prepare_pipeline_config("config.yml")
    service.run_service()
