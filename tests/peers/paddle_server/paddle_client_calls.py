# SPDX-License-Identifier: Apache-2.0
"""Calls of the original's Client and HttpClient, in their environment: cases on stdin.

[{"client": "Client", "config": file, "port": .., "before": [[method, argument]], "feed": ..,
"fetch": .., "more": {}}] -> what predict gives for each, on stdout. An array is
{"array": .., "dtype": ..} in both directions.
"""

import contextlib
import json
import os
import sys

import numpy as np


def value_of(given):
    if isinstance(given, dict) and "array" in given:
        return np.array(given["array"], given["dtype"])
    if isinstance(given, dict):
        return {key: value_of(each) for key, each in given.items()}
    return [value_of(each) for each in given] if isinstance(given, list) else given


def shown(value):
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(each) for each in value]
    if hasattr(value, "DESCRIPTOR"):  # A message, of HttpClient with proto.
        from google.protobuf.json_format import MessageToDict

        return {"message": MessageToDict(value, preserving_proto_field_name=True)}
    return value


def answer_of(case):
    from paddle_serving_client import Client
    from paddle_serving_client.httpclient import HttpClient

    client = {"Client": Client, "HttpClient": HttpClient}[case["client"]]()
    try:
        client.load_client_config(case["config"])
        for method, *arguments in case.get("before", []):
            getattr(client, method)(*arguments)
        client.connect([f"127.0.0.1:{case['port']}"])
        feed, more = value_of(case["feed"]), case.get("more", {})
        return shown(client.predict(feed, case.get("fetch"), **more))
    except Exception as error:
        return {"raises": f"{type(error).__name__}: {error}"[:200]}


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # It prints, from C++ too.
    cases = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answers = [answer_of(case) for case in cases]
    json.dump(answers, out)
    out.close()


if __name__ == "__main__":
    main()
