# SPDX-License-Identifier: Apache-2.0
"""Calls of the original's PipelineClient, in its environment: cases on stdin, answers on stdout.

{"port": .., "cases": [{"feed": .., "more": ..}]} -> [{"sent": base64, "answer": ..}]; what it
sends is kept, so that it can be sent again without it. An array is {"array": .., "dtype": ..}.
"""

import base64
import contextlib
import json
import sys

import numpy as np


def value_of(given):
    if isinstance(given, dict) and "array" in given:
        return np.array(given["array"], given["dtype"])
    return given


def answer_of(client, case):
    sent = []
    stub = client._stub.inference

    class Noted:
        def __call__(self, request):
            sent.append(request.SerializeToString())
            return stub(request)

        def future(self, request):
            sent.append(request.SerializeToString())
            return stub.future(request)

    client._stub.inference = Noted()
    feed = case["feed"]
    if isinstance(feed, dict):
        feed = {key: value_of(value) for key, value in feed.items()}
    try:
        got = client.predict(feed, **case.get("more", {}))
        got = got.result() if case.get("more", {}).get("asyn") else got
        found = {name: getattr(got, name) for name in ("err_no", "err_msg")}
        found.update(key=list(got.key), value=list(got.value), tensors=list(got.tensors))
        answer = {"message": found}
    except Exception as error:
        answer = {"raises": f"{type(error).__name__}: {error}"[:200]}
    finally:
        client._stub.inference = stub
    return {"sent": [base64.b64encode(each).decode() for each in sent], "answer": answer}


def main():
    from paddle_serving_server.pipeline import PipelineClient

    asked = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # It prints times.
        client = PipelineClient()
        client.connect([f"127.0.0.1:{asked['port']}"])
        answers = [answer_of(client, case) for case in asked["cases"]]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
