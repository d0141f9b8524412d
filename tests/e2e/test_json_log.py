# SPDX-License-Identifier: Apache-2.0
"""[log] format = "json": every line is an object, whatever is in it; calls have more members."""

import json

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WRAPPER = r"""
import sys
def wrapperInit(config):
    print('says "quotes" \\ and \x1b[31mcolours\x1b[0m \x07')
    sys.stdout.buffer.write(b"not UTF-8: \xff\xc3(\xed\xa0\x80 \xf0\x9f\x98\x80\n")
    sys.stdout.flush()
    return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    respData.append(dict(key="result", data=b"ok", len=2, status=3, type=0))
    return 0
"""
HEAD = {"time", "level", "area", "message"}


def lines_of(loader):
    return [json.loads(line) for line in loader.log().splitlines()]


def test_every_line_is_an_object(start):
    config = {"log": {"format": "json", "access": True}, "otlp": {"propagate": True}}
    loader = start(WRAPPER, config=config)
    loader.web.raw_mode(b"x", headers={"traceparent": TRACEPARENT})
    loader.xsf.once(loader.xsf.payload("x", b"y"))
    loader.wait_log('"protocol":"grpc"')
    lines = lines_of(loader)
    assert all(set(line) >= HEAD for line in lines)
    said = [line["message"] for line in lines if line["area"] == "worker0"]
    assert said[0].startswith('says "quotes" \\ and colours \\x07')
    assert said[1] == "not UTF-8: \ufffd\ufffd(\ufffd\ufffd\ufffd \U0001f600"
    http, grpc = (line for line in lines if line["area"] == "access")
    assert {key: http[key] for key in ("protocol", "method", "path", "status", "trace_id")} == {
        "protocol": "http/1.1",
        "method": "POST",
        "path": "/v1/raw/svcName",
        "status": 200,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    assert http["bytes_in"] == 1 and http["bytes_out"] == 2 and http["duration_ms"] > 0
    assert "trace 4bf92f3577b34da6a3ce929d0e0e4736" in http["message"]
    assert (grpc["path"], grpc["grpc_status"]) == ("/utils.XsfCall/call", "0")
    assert "trace_id" not in grpc


def test_text_names_the_trace_too(start):
    config = {"log": {"access": True}, "otlp": {"propagate": True}}
    loader = start(WRAPPER, config=config)
    loader.web.raw_mode(b"x", headers={"traceparent": TRACEPARENT})
    loader.wait_log("1 > 2 bytes, trace 4bf92f3577b34da6a3ce929d0e0e4736")
