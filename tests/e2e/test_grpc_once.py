# SPDX-License-Identifier: Apache-2.0
"""A once call over gRPC: what reaches the wrapper, what comes back."""

import json
import re
import socket
import struct

import pytest
from xsf_client import AUDIO, IMAGE, OTHER, TEXT


@pytest.fixture(scope="module")
def xsf(shared):
    return shared.xsf


def described(answer):
    return json.loads(answer.text())


def test_payload_comes_back_under_its_key_with_its_type(xsf):
    answer = xsf.once(xsf.payload("img", b"\x00\xff\x89PNG", IMAGE))
    assert (answer.code, answer.error) == (0, "")
    assert answer.data("img") == b"\x00\xff\x89PNG"
    assert answer.payloads["img"].meta.dataType == IMAGE


def test_several_payloads_keep_their_order_and_types(xsf):
    sent = [("b", b"1", TEXT), ("a", b"22", AUDIO), ("c", b"", OTHER), ("a2", b"4444", IMAGE)]
    answer = xsf.once(*(xsf.payload(*item) for item in sent))
    assert [(p.meta.name, p.data, p.meta.dataType) for p in answer.output.pl] == sent


def test_output_status_is_once_and_the_service_id_is_the_clients(xsf):
    answer = xsf.once(xsf.payload("a", b"x"), service="another name")
    assert answer.output.serviceId == "another name"
    assert answer.output.status == 3


def test_wrapper_gets_bytes_with_true_len_status_and_type(xsf):
    answer = xsf.once(xsf.payload("img", b"12345", IMAGE), params={"do": "describe"})
    (item,) = described(answer)["items"]
    assert (item["class"], item["bytes"], item["len"]) == ("bytes", 5, 5)
    assert (item["key"], item["type"], item["status"]) == ("img", IMAGE, 3)


def test_payload_attributes_reach_the_wrapper_as_desc(xsf):
    payload = xsf.payload("t", b"", TEXT, encoding="utf8", seq="4", status="3")
    answer = xsf.once(payload, params={"do": "describe"})
    assert described(answer)["items"][0]["desc"] == {
        "encoding": "utf8",
        "seq": "4",
        "status": "3",
    }


def test_params_are_passed_verbatim_and_always_hold_sid(xsf):
    seen = described(xsf.once(params={"do": "describe", "empty": "", "uni": "gr\u00fc\u00df"}))
    assert seen["params"] == {"do": "describe", "empty": "", "uni": "gr\u00fc\u00df", "sid": ""}


def test_sid_header_becomes_the_sid_param(xsf):
    seen = described(xsf.once(params={"do": "describe"}, headers={"sid": "ase0001@hu"}))
    assert seen["params"]["sid"] == "ase0001@hu"


def test_sid_param_of_the_client_beats_the_header(xsf):
    answer = xsf.once(params={"do": "describe", "sid": "mine"}, headers={"sid": "theirs"})
    assert described(answer)["params"]["sid"] == "mine"


def test_header_pass_copies_the_named_headers_only(start, toolbox):
    loader = start(toolbox, config={"aiges": {"headerPass": "appid;uid"}})
    headers = {"appid": "a1", "other": "no"}
    params = described(loader.xsf.once(params={"do": "describe"}, headers=headers))["params"]
    assert params == {"do": "describe", "sid": "", "appid": "a1", "uid": ""}


def test_engine_desc_is_delivered_overlaid_by_expect_then_seq_and_status(xsf):
    expect = [xsf.expect("result", TEXT, encoding="utf8", lang="fr", status="1")]
    answer = xsf.once(params={"do": "describe"}, expect=expect)
    assert dict(answer.payloads["result"].meta.attribute) == {
        "lang": "fr",
        "encoding": "utf8",
        "seq": "0",
        "status": "3",
    }


def test_engine_desc_is_delivered_without_expect(xsf):
    answer = xsf.once(params={"do": "describe"})
    attributes = dict(answer.payloads["result"].meta.attribute)
    assert attributes == {"lang": "en", "seq": "0", "status": "3"}


def test_output_key_that_is_not_expected_is_10106(xsf):
    answer = xsf.once(params={"do": "describe"}, expect=[xsf.expect("boxes")])
    assert answer.code == 10106
    assert answer.error == (
        'wrapper output data invalid(key or type): the engine returned "result", '
        "which the request does not expect"
    )


def test_output_type_that_is_not_expected_is_10106(xsf):
    answer = xsf.once(params={"do": "describe"}, expect=[xsf.expect("result", IMAGE)])
    assert answer.code == 10106
    assert answer.error == (
        'wrapper output data invalid(key or type): "result" is text, the request expects image'
    )


def test_expecting_more_than_the_engine_returns_is_no_error(xsf):
    expect = [xsf.expect("result"), xsf.expect("other", IMAGE)]
    assert xsf.once(params={"do": "describe"}, expect=expect).code == 0


def test_server_made_handle_tells_address_and_port(shared):
    answer = shared.xsf.once(params={"do": "describe"})
    handle = answer.res.s.h
    assert re.fullmatch(r"0[0-9a-f]{25}", handle)
    host, port = shared.grpc.split(":")
    assert socket.inet_ntoa(struct.pack(">I", int(handle[1:9], 16))) == host
    assert int(handle[9:13], 16) == int(port)
    assert described(answer)["usrTag"] == handle


def test_server_made_handles_differ(xsf):
    assert len({xsf.once().res.s.h for _ in range(20)}) == 20


def test_session_fields_come_back(shared):
    answer = shared.xsf.once(handle="client made", trace="trace meta", params={"do": "describe"})
    assert (answer.res.s.h, answer.res.s.t) == ("client made", "trace meta")
    assert dict(answer.res.s.sess) == {"PeerAddr": shared.grpc}
    assert described(answer)["usrTag"] == "client made"


def test_times_per_stage_are_told_to_a_client_that_asks(xsf):
    request = xsf.request(xsf.input(xsf.payload("a", b"x")))
    answer = xsf.answer(xsf.send(request, metadata=[("server-timing", "1")]))
    stage = r"dur=\d+\.\d{3}"
    assert re.fullmatch(
        f"queue;{stage}, channel;{stage}, engine;{stage}, total;{stage}",
        answer.trailing["server-timing"],
    )
    assert "server-timing" not in xsf.once().trailing


def test_wrapper_config_arrives_as_text(start, toolbox):
    keys = {"n": 3, "f": 0.25, "flag": True, "text": "as is"}
    loader = start(toolbox, config={"wrapper": keys})
    config = described(loader.xsf.once(params={"do": "describe"}))["config"]
    assert config == {
        "n": "3",
        "f": "0.25",
        "flag": "true",
        "text": "as is",
        "http_listen": "127.0.0.1:0",
    }


def test_v2_wrapper_is_served_unchanged(start, v2_folder):
    xsf = start(v2_folder, config={"wrapper": {"k": "v"}}).xsf
    answer = xsf.once(xsf.payload("a", b"x", IMAGE), xsf.payload("b", b""))
    assert [(p.meta.name, p.data, p.meta.dataType) for p in answer.output.pl] == [
        ("a", b"x", IMAGE),
        ("b", b"", TEXT),
    ]
    seen = described(
        xsf.once(xsf.payload("img", b"123", IMAGE), params={"do": "describe"}, handle="h1")
    )
    assert seen["params"] == {"do": "describe", "sid": ""}
    assert (seen["usrTag"], seen["psrId"], seen["class"]) == ("h1", 0, "bytes")
    assert seen["nodes"] == [["img", 3, IMAGE, 3]]
    assert seen["same"] and seen["absent"]
    assert seen["options"] == ["is_aipaas", "keep_schema_default_value", "legacy"]
    assert seen["config"]["k"] == "v"
    refused = xsf.once(params={"do": "error", "code": "77"})
    assert (refused.code, refused.error) == (10909, "v2 error 77;code=77")


def test_c_plugin_is_served(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.caesar)}})
    answer = loader.xsf.once(loader.xsf.payload("t", b"Hello"), params={"shift": "1"})
    assert answer.data("t") == b"Ifmmp"
    assert dict(answer.payloads["t"].meta.attribute) == {"shift": "1", "seq": "0", "status": "3"}
    refused = loader.xsf.once(loader.xsf.payload("t", b"Hello", IMAGE))
    assert (refused.code, refused.error) == (
        10909,
        "caesar: expected payloads of type text;code=101",
    )
    loader.wait_metric("aiges_meter_total", 5, key="letters")
    loader.wait_log("shift=1")
