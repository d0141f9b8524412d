# SPDX-License-Identifier: Apache-2.0
"""The same folder gives the answers that openbayes-serving 0.5.0 gave, but where docs say why not.

Recorded by tests/peers/openbayes/openbayes_record.py.
"""

import base64
import json

import msgpack
import pytest
from openbayes_cases import PARTS, all_cases, asked
from openbayes_served import PEERS, PROJECT, Predictor

RECORDED = json.loads((PEERS / "answers.json").read_text(encoding="utf-8"))["answers"]
CASES = sorted(all_cases(), key=lambda case: (case.program, case.production))

JSON_TYPE, HTML = ("content-type", "application/json"), ("content-type", "text/html; charset=utf-8")
OCTETS, PACKED = (
    ("content-type", "application/octet-stream"),
    ("content-type", "application/msgpack"),
)
BAD_JSON = json.dumps({"error": "无法解析输入的 JSON 消息"}).encode()
# Each with what we answer: docs/compat/openbayes.md has the reasons.
DIFFERENT = {
    # data has what came, whatever its type.
    "data of application/x-www-form-urlencoded": (200, OCTETS, b'8 bytes: {"a": 1}'),
    "data multipart": (200, OCTETS, b"%d bytes: %s" % (len(PARTS), PARTS)),
    # What numpy has is written as what Python has; numbers and None are answers.
    "result array": (200, JSON_TYPE, b"[[0, 1, 2], [3, 4, 5]]"),
    "result scalar": (200, JSON_TYPE, b"1.5"),
    "result nested-array": (200, JSON_TYPE, b'{"scores": [0.25, 0.5], "best": 1}'),
    "result nested-array as MessagePack": (
        200,
        PACKED,
        msgpack.packb({"scores": [0.25, 0.5], "best": 1}),
    ),
    "result none": (200, JSON_TYPE, b"null"),
    "result int": (200, JSON_TYPE, b"5"),
    "result float": (200, JSON_TYPE, b"0.5"),
    "result bool": (200, JSON_TYPE, b"true"),
    "result bytearray": (200, OCTETS, b"an array"),
    "result memoryview": (200, OCTETS, b"a view"),
}


@pytest.fixture(scope="module")
def servers():
    """One loader for each program, started when its first case comes, ended with its last."""
    running = {}

    def address(program, production):
        if (program, production) not in running:
            while running:
                running.popitem()[1].kill()
            predictor = Predictor(PROJECT, program=f"{program}.py", production=production)
            running[program, production] = predictor
            predictor.start()
        return running[program, production].address

    yield address
    while running:
        running.popitem()[1].kill()


def payload_bytes(case):
    shown = {"payload": {"bytes": case.body}, "foo": None, "same": True}
    if "msgpack" in case.fields.get("Accept", ""):
        return 200, PACKED, msgpack.packb(shown)
    shown["payload"] = {"bytes": base64.b64encode(case.body).decode()}
    return 200, JSON_TYPE, json.dumps(shown).encode()


def said(status, fields, body):
    """What is compared: names of Allow in any order; not how the connection carries a stream."""
    named = [
        (name, ", ".join(sorted(value.split(", "))) if name == "allow" else value)
        for name, value in map(tuple, fields)
        if name != "transfer-encoding"
        and (name != "content-length" or not body.startswith(b"data:"))
    ]
    return status, sorted(named), body


def expected(case):
    recorded = RECORDED[case.name]
    status, body = recorded["status"], base64.b64decode(recorded["body"])
    fields = recorded["fields"]
    if b"debug_url" in body:  # Only by opt-in: else as when deployed.
        body = b""
        fields = [HTML if name == "content-type" else (name, value) for name, value in fields]
    if case.program == "by_payload" and body == BAD_JSON:  # The users' manual says so.
        status, kind, body = payload_bytes(case)
        fields = [kind if name == "content-type" else (name, value) for name, value in fields]
    if (other := DIFFERENT.get(case.name)) is not None:
        status, kind, body = other
        fields = [kind if name == "content-type" else (name, value) for name, value in fields]
    fields = [
        (name, str(len(body)) if name == "content-length" and case.method != "HEAD" else value)
        for name, value in map(tuple, fields)
    ]
    return said(status, fields, body)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer_is_that_of_the_original(servers, case):
    answer = asked(servers(case.program, case.production), case)
    assert said(*answer) == expected(case)


def test_every_difference_is_one():
    """A difference that the original does not have any more has no place in the list."""
    names = {case.name for case in CASES}
    assert set(DIFFERENT) <= names and names == set(RECORDED)
    for case in CASES:
        recorded = RECORDED[case.name]
        if case.name in DIFFERENT:
            body = base64.b64decode(recorded["body"])
            assert (recorded["status"], body) != (DIFFERENT[case.name][0], DIFFERENT[case.name][2])
