# SPDX-License-Identifier: Apache-2.0
"""Recent calls of /status.json: one record for each call and session, whatever it came by."""

from session_wrappers import GENERATOR
from waiting import wait_until

JSON = {"Content-Type": "application/json"}


def records(loader, after=0):
    told = loader.web.get(f"/status.json?calls={after}").json["calls"]
    return [dict(zip(told["columns"], row)) for row in told["entries"]]


def test_each_protocol_of_once_calls_is_named(start, toolbox):
    loader = start(toolbox)
    envelope = {
        "payload": {"data": {"text_plain": "hello"}},
        "parameter": {"svcName": {"do": "echo"}},
    }
    loader.web.raw_mode(b"hello", "?p.do=echo", headers={"X-Request-Id": "mine"})
    loader.web.envelope(envelope)
    loader.web.request("POST", "/v1/json/svcName?p.do=echo", b'{"data": "hello"}', JSON)
    loader.xsf.do("echo", b"hello")
    raw, enveloped, plain, xsf = wait_until(
        lambda: found if len(found := records(loader)) == 4 else None, "four records"
    )
    assert [r["protocol"] for r in (raw, enveloped, plain, xsf)] == [
        "raw",
        "envelope",
        "json",
        "xsf",
    ]
    for number, record in enumerate((raw, enveloped, plain, xsf), 1):
        assert (record["number"], record["code"], record["session"]) == (number, 0, False)
        assert (record["bytes_in"], record["bytes_out"]) == (5, 5)
        parts = record["queue_ms"] + record["channel_ms"] + record["engine_ms"]
        assert 0 < parts <= record["total_ms"] + 0.01
        assert (record["failure"], record["instance"]) == (0, None)
    assert raw["id"] == "mine" and len(enveloped["id"]) == 36
    assert raw["model"] == "svcName"
    assert records(loader, after=4) == []


def test_a_failed_call_leads_to_its_error(start, toolbox):
    loader = start(toolbox)
    loader.web.raw_mode(b"x", "?p.do=raise&p.text=bad+input")
    (record,) = records(loader)
    assert (record["code"], record["instance"]) == (10909, 0)
    (failure,) = loader.web.get("/status.json").json["failures"]["entries"]
    assert failure["id"] == record["failure"]
    assert "bad input" in failure["text"] and "Traceback" in failure["detail"]


def test_a_session_is_one_record_when_it_is_over(start):
    loader = start(GENERATOR)
    loader.web.request(
        "POST",
        "/v1/json/svcName?p.n=3",
        b'{"data": "abc"}',
        {**JSON, "Accept": "text/event-stream"},
    )
    (record,) = wait_until(lambda: records(loader), "a record")
    assert (record["session"], record["protocol"]) == (True, "json")
    assert record["outputs"] >= 3 and record["bytes_out"] == 6 and record["total_ms"] > 0
    assert "calls" not in loader.web.get("/status.json").json, "only where they are asked for"
