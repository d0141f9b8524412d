# SPDX-License-Identifier: Apache-2.0
"""A unary call, a stream and a health check, in whatever Python and grpcio this is run with.

On stdin JSON {"address", "calls": [{"path", "kind", "messages"}]}, messages in base64; on stdout
{"version", "answers": [[message..]..]}.
"""

import base64
import json
import sys

import grpc

asked = json.load(sys.stdin)
answers = []
with grpc.insecure_channel(asked["address"]) as channel:
    for call in asked["calls"]:
        messages = [base64.b64decode(message) for message in call["messages"]]
        method = getattr(channel, call["kind"])(call["path"])  # Bytes in, bytes out.
        if call["kind"] == "unary_unary":
            got = [method(messages[0], timeout=60)]
        else:
            got = list(method(iter(messages), timeout=60))
        answers.append([base64.b64encode(message).decode() for message in got])
json.dump({"version": grpc.__version__, "answers": answers}, sys.stdout)
