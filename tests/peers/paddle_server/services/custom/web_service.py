# SPDX-License-Identifier: Apache-2.0
"""Requests and responses unpacked and packed by the user, with PipelineServer itself."""

from paddle_serving_server.pipeline import Op, PipelineServer, RequestOp, ResponseOp
from paddle_serving_server.pipeline.proto import pipeline_service_pb2


class ReadOp(RequestOp):
    def unpack_request_package(self, request):
        data = dict(zip(request.key, request.value))
        if "refuse" in data:
            return None, request.logid, 81, "refused: " + data["refuse"]
        if "raise" in data:
            raise ValueError(data["raise"])
        data["about"] = f"{request.name} {request.method} {request.clientip} {len(request.tensors)}"
        return data, request.logid + 1, None, ""


class CountOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        return {**input_dict, "log_id": str(log_id)}, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        if fetch_dict.get("fail"):
            return {}, 82, fetch_dict["fail"]
        return fetch_dict, None, ""


class WriteOp(ResponseOp):
    def pack_response_package(self, channeldata):
        if channeldata.error_code == 0 and "own" in channeldata.parse():
            response = pipeline_service_pb2.Response()
            response.err_msg = "packed by the user"
            for key, value in channeldata.parse().items():
                response.key.append(key.upper())
                response.value.append(value)
            return response
        response = super().pack_response_package(channeldata)
        response.key.append("error_code")
        response.value.append(f"{channeldata.error_code} {channeldata.prod_error_code}")
        return response


if __name__ == "__main__":
    server = PipelineServer("custom")
    count_op = CountOp(name="count", input_ops=[ReadOp()])
    server.set_response_op(WriteOp(input_ops=[count_op]))
    server.prepare_server("config.yml")
    server.run_server()
