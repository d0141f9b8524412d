# SPDX-License-Identifier: Apache-2.0
"""Sends a case of paddle_pipeline_cases to a pipeline server, and makes its answer comparable.

What depends on time and order is replaced: data ids and batches of them, times of profiles,
addresses of objects and folders of Python. Long texts are their length and sum.
"""

import base64
import hashlib
import http.client
import json
import re
import subprocess
import threading
import time
from pathlib import Path

import grpc
import paddle_wire

METHOD = "/baidu.paddle_serving.pipeline_serving.PipelineService/inference"
LIMIT_S, CALLS_LIMIT_S, LONG = 30, 120, 2000
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
REPLACED = (
    (re.compile(r"\(data_id=\d+ log_id=\d+\)"), "(data_id=N log_id=N)"),
    (re.compile(r"\(log_id=\d+\)"), "(log_id=N)"),
    (re.compile(r"batch: \[[\d, ]+\]"), "batch: [N]"),
    (re.compile(r"\(at /[^)]*\)"), "(at FILE)"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xN"),
)
PROFILED = re.compile(r"(?<=pid:)\d+|(?<=[a-z]_)\d+(?=#)|(?<=:)\d{15,17}\b")


def comparable(value):
    if isinstance(value, dict):
        return {comparable(key): comparable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if not isinstance(value, str):
        return value
    if "PROFILE\tpid:" in value:  # Its lines come in any order.
        return "\n".join(sorted(PROFILED.sub("N", value).split("\n")))
    if len(value) > LONG:
        return f"{len(value)} characters, SHA-1 {hashlib.sha1(value.encode()).hexdigest()}"
    for pattern, put in REPLACED:
        value = pattern.sub(put, value)
    return value


def called(python, port, asked, folder):
    """What the original's PipelineClient sends for these cases, and is given."""
    done = subprocess.run(
        [python, Path(__file__).with_name("paddle_pipeline_client.py")],
        cwd=folder,  # It makes a folder for logs where it runs.
        input=json.dumps({"port": port, "cases": asked}),
        capture_output=True,
        text=True,
        timeout=CALLS_LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    return [comparable(each) for each in json.loads(done.stdout)]


class Server:
    """Where cases are sent to."""

    def __init__(self, service):
        self.service = service
        self._channel = None

    def __enter__(self):
        if self.service.rpc_port:
            self._channel = grpc.insecure_channel(f"127.0.0.1:{self.service.rpc_port}", OPTIONS)
            self._call = self._channel.unary_unary(METHOD)
        return self

    def __exit__(self, *_):
        if self._channel:
            self._channel.close()

    def ask(self, case):
        if case["by"] == "together":
            return self._together(case)
        given = self.http(case) if case["by"] == "http" else self.grpc(case)
        return comparable(given)

    def _together(self, case):
        """The answers to requests that are sent at the same time, a little after one another."""
        answers = [None] * len(case["cases"])

        def one(index, each):
            answers[index] = self.ask(each)

        threads = []
        for index, each in enumerate(case["cases"]):
            threads.append(threading.Thread(target=one, args=(index, each)))
            threads[-1].start()
            time.sleep(0.05)  # In this order into the batch.
        for thread in threads:
            thread.join()
        return answers

    def http(self, case):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.http_port)
        connection.timeout = case.get("limit_s", LIMIT_S)
        try:
            body = base64.b64decode(case["body"]) if case.get("base64") else case["body"]
            if not isinstance(body, (str, bytes, type(None))):
                body = json.dumps(body)
            headers = {"Content-Type": "application/json", **case.get("headers", {})}
            data = body.encode() if isinstance(body, str) else body
            connection.request(case.get("method", "POST"), case["path"], data, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except TimeoutError:
            return {"hangs": True}
        finally:
            connection.close()
        found = {"status": answer.status, "content-type": answer.headers["Content-Type"]}
        try:
            found["json"] = json.loads(text)
        except ValueError:
            found["text"] = text
        return found

    def grpc(self, case):
        if case["by"] == "bytes":
            data = base64.b64decode(case["bytes"])
        else:
            numbers = paddle_wire.OLD if case["by"] == "grpc-old" else paddle_wire.NEW
            data = paddle_wire.request(numbers, case["request"])
        try:
            return {"message": paddle_wire.response(self._call(data, timeout=LIMIT_S))}
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return {"hangs": True}
            return {"code": error.code().name, "details": error.details()}
