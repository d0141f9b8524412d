# SPDX-License-Identifier: Apache-2.0
"""multipart/form-data: what `curl -F` and forms of web pages send, on both routes."""

import base64
import json
import subprocess

import pytest
from declared import MIRROR
from loader_process import Loader

PNG = b"\x89PNG\r\n\x1a\n\0\r\n--\r\n"


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


@pytest.fixture(scope="module")
def mirror(binaries, tmp_path_factory):
    config = {"http": {"validate": True}}
    with Loader(binaries, tmp_path_factory.mktemp("form"), MIRROR, config=config) as loader:
        yield loader.web


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "x.png"
    file.write_bytes(PNG)
    return file


def curl(web, path, *fields, query="", options=()):
    """(status, Content-Type, body) of what curl gets."""
    command = ["curl", "-sS", "-w", "\n%{http_code} %{content_type}", *options]
    for field in fields:
        command += ["-F", field]
    run = subprocess.run(
        [*command, f"http://{web.address}{path}{query}"], capture_output=True, check=True
    )
    body, _, tail = run.stdout.rpartition(b"\n")
    status, _, content_type = tail.decode().partition(" ")
    return int(status), content_type, body


def message(body):
    return json.loads(body)["header"]["message"]


def described(body):
    seen = json.loads(body)
    items = [(i["key"], i["type"], i["bytes"], i["desc"]) for i in seen["items"]]
    return items, {key: value for key, value in seen["params"].items() if key not in ("do", "sid")}


# The whole form was handed to the engine as one payload, boundaries and all: 200.
def test_files_are_payloads_and_fields_are_parameters(web, picture):
    fields = (f"img=@{picture}", "lang=en", "do=describe", 'note=a"b;type=text/plain')
    status, _, body = curl(web, "/v1/raw/svcName", *fields)
    assert status == 200, body
    items, params = described(body)
    assert items == [("img", 2, len(PNG), {"status": "3", "filename": "x.png"})]
    assert params == {"lang": "en", "note": 'a"b'}


def test_bytes_of_a_file_arrive_as_they_are(web, picture):
    status, kind, body = curl(web, "/v1/raw/svcName", f"img=@{picture}")
    assert (status, kind, body) == (200, "image/png", PNG)


def test_several_files_are_several_payloads(web, picture):
    fields = (f"a=@{picture}", f"b=@{picture};type=application/octet-stream", f"a=@{picture}")
    status, _, body = curl(web, "/v1/raw/svcName", *fields, query="?p.do=describe")
    assert status == 200, body
    assert [(item[0], item[1]) for item in described(body)[0]] == [("a", 2), ("b", 4), ("a", 2)]


def test_the_answer_is_that_of_the_route(web, picture):
    status, kind, body = curl(web, "/v1/private/svcName", f"img=@{picture}")
    assert (status, kind) == (200, "application/json")
    assert base64.b64decode(json.loads(body)["payload"]["img"]["image"]) == PNG


def test_large_file(web, tmp_path):
    file = tmp_path / "large.bin"
    data = bytes(range(256)) * 40_000
    file.write_bytes(data)
    status, _, body = curl(web, "/v1/raw/svcName", f"a=@{file}")
    assert (status, body) == (200, data)


def test_field_that_the_engine_declares_is_a_payload(mirror, picture):
    status, _, body = curl(mirror, "/mirror", f"img=<{picture}", "count=3")
    assert status == 200, body
    assert base64.b64decode(json.loads(body)["payload"]["out"]["image"]) == PNG
    status, _, body = curl(mirror, "/v1/raw/svcName", f"img=@{picture}", "count=3")
    assert (status, body) == (200, PNG)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (("pic=@FILE",), 'key: expected one of img, got "pic"'),
        (("img=@FILE;type=audio/wav",), "type: expected image for img, got audio"),
        (("img=@FILE", "count=many"), 'p.count: expected integer from 1 to 9, got "many"'),
    ],
)
def test_form_that_breaks_the_schema_is_refused(mirror, picture, fields, text):
    made = [field.replace("FILE", str(picture)) for field in fields]
    status, _, body = curl(mirror, "/v1/raw/svcName", *made)
    assert (status, message(body)) == (400, text)


@pytest.mark.parametrize("path", ["/v1/raw/svcName", "/v1/private/svcName"])
def test_form_without_payload_says_what_makes_one(web, mirror, path):
    status, _, body = curl(web, path, "text=hi")
    assert status == 400
    assert message(body) == (
        "input invalid data: multipart/form-data: expected a file (curl -F key=@file), "
        "got only parameters: text"
    )
    status, _, body = curl(mirror, "/v1/raw/svcName", "lang=en")
    assert "(curl -F key=@file) or one of the fields img, got only parameters: lang" in message(
        body
    )


def test_parameter_twice_is_refused_but_the_form_is_before_the_query(web, picture):
    fields = (f"img=@{picture}", "lang=en", "lang=de")
    status, _, body = curl(web, "/v1/raw/svcName", *fields)
    assert (status, message(body)) == (
        400,
        "multipart/form-data: expected the parameter lang once, got it again",
    )
    query = "?p.lang=de&p.more=1&p.do=describe"
    status, _, body = curl(web, "/v1/raw/svcName", *fields[:2], query=query)
    assert described(body)[1] == {"lang": "en", "more": "1"}


def test_query_tells_of_the_payload_that_it_names(web, picture):
    fields = (f"a=@{picture}", f"b=@{picture}", "do=describe")
    query = "?key=b&type=other&desc.rate=8"
    status, _, body = curl(web, "/v1/raw/svcName", *fields, query=query)
    assert status == 200, body
    assert [(item[0], item[1], item[3].get("rate")) for item in described(body)[0]] == [
        ("a", 2, None),
        ("b", 4, "8"),
    ]
    status, _, body = curl(web, "/v1/raw/svcName", *fields, query="?type=other")
    assert (status, message(body)) == (
        400,
        "?key: expected the payload that the query tells of, one of a, b, got none",
    )


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (
            "multipart/form-data",
            b"--b--",
            "expected Content-Type: multipart/form-data; boundary=..",
        ),
        ("multipart/form-data; boundary=b", b"", "expected the line --b, got none"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
            "part 1 (a): expected --b behind its data, got the end of the body",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nX: y\r\n\r\nx\r\n--b--",
            'part 1: expected Content-Disposition: form-data; name="..", got none',
        ),
    ],
)
def test_broken_form_is_400_with_what_was_expected(web, content_type, body, text):
    answer = web.raw_mode(body, headers={"Content-Type": content_type})
    assert (answer.status, answer.code) == (400, 10001)
    assert text in answer.message


def test_events_take_a_form_too(web, picture):
    options = ("-H", "Accept: text/event-stream")
    status, kind, body = curl(web, "/v1/raw/svcName", f"img=@{picture}", options=options)
    assert (status, kind) == (200, "text/event-stream")
    assert b'"image":"' in body
