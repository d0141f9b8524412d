# SPDX-License-Identifier: Apache-2.0
"""Calls all that SeldonClient has, in an environment with the original or with ours.

    seldon_client_calls.py <REST address> <gRPC address>

Prints a JSON list: name of the call, whether it succeeded, the answer.
"""

import json
import sys

import numpy as np
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2
from seldon_core.seldon_client import SeldonClient
from seldon_core.utils import array_to_grpc_datadef

DATA = np.array([[1.0, 2.0]])


def calls(transport, address):
    message = prediction_pb2.SeldonMessage(data=array_to_grpc_datadef("tensor", DATA))
    answer = prediction_pb2.SeldonMessage()
    for gateway in ("seldon", "ambassador", "istio"):
        for kind in ("tensor", "ndarray"):
            client = SeldonClient(
                gateway=gateway,
                transport=transport,
                deployment_name="name",
                namespace="space",
                gateway_endpoint=address,
                payload_type=kind,
            )
            name = f"{transport} {gateway} {kind}"
            yield f"{name} dict", client.predict(data=DATA, names=["a", "b"])
            yield f"{name} proto", client.predict(data=DATA, client_return_type="proto")
            yield f"{name} random", client.predict(shape=(2, 3))
        yield f"{name} str", client.predict(str_data="text")
        yield f"{name} json", client.predict(json_data={"a": 1})
        yield f"{name} bin", client.predict(bin_data=b"abc")
        yield f"{name} raw", client.predict(raw_data={"data": {"ndarray": [[1, 2]]}})
        feedback = client.feedback(prediction_request=message, prediction_response=answer, reward=1)
        yield f"{name} feedback", feedback
    client = SeldonClient(transport=transport, deployment_name="name", gateway_endpoint=address)
    yield f"{transport} no namespace", client.predict(data=DATA)
    yield f"{transport} prefix", client.predict(data=DATA, gateway_prefix="/seldon/a/b")
    client = SeldonClient(transport=transport, microservice_endpoint=address)
    for method in ("predict", "transform-input", "transform-output", "route"):
        yield f"{transport} {method}", client.microservice(method=method, data=DATA)
    yield f"{transport} aggregate", client.microservice(method="aggregate", datas=[DATA, DATA])
    feedback = client.microservice_feedback(
        prediction_request=message, prediction_response=answer, reward=1
    )
    yield f"{transport} unit feedback", feedback


def shown(value):
    return value if isinstance(value, (dict, list)) or value is None else json_of(value)


def json_of(message):
    return json_format.MessageToDict(message)


print(
    json.dumps(
        [
            [name, result.success, shown(result.response)]
            for transport, address in (("rest", sys.argv[1]), ("grpc", sys.argv[2]))
            for name, result in calls(transport, address)
        ]
    )
)
