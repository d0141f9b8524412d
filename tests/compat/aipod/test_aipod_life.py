# SPDX-License-Identifier: Apache-2.0
"""Versions over the wire: loaded, initialized, trained, and gone; real host, real calls."""

import json
from pathlib import Path

import grpc
import pytest
from aipod_host import AipodCommand
from aipod_models import TOOLBOX
from h2_client import GRPC, H2Client, message, messages
from waiting import wait_until

MIB = 1 << 20


@pytest.fixture(scope="module")
def one(binaries, tmp_path_factory):
    """A service with one place for instances, as AIPOD has it unless asked otherwise."""
    with AipodCommand(binaries, tmp_path_factory.mktemp("one"), TOOLBOX) as command:
        yield command


@pytest.fixture(scope="module")
def many(binaries, tmp_path_factory):
    """One without a limit."""
    folder = tmp_path_factory.mktemp("many")
    with AipodCommand(binaries, folder, TOOLBOX, AIPOD_MODEL_POOL_SIZE="0") as command:
        yield command


def events(command, *versions):
    """What has happened to these versions."""
    lines = (command.folder / "events").read_text().splitlines()
    return [line for line in lines if line.split()[1] in versions]


def test_one_place_makes_each_switch_a_load(one):
    for version in ("p1", "p2", "p1"):
        one.call("predict", version)
    assert events(one, "p1", "p2") == [
        *("load p1", "dispose p1", "load p2", "dispose p2", "load p1"),
    ]


def test_without_a_limit_nothing_goes(many):
    for version in [f"n{i}" for i in range(6)] * 2:
        many.call("predict", version)
    assert events(many, *(f"n{i}" for i in range(6))) == [f"load n{i}" for i in range(6)]


def test_unknown_version_is_made_with_its_folder(one):
    one.call("predict", "v9")
    assert (one.folder / "appdata" / "models" / "v9").is_dir()


def test_no_version_and_default_are_one_instance(many):
    assert [many.call("predict", version) for version in ("", "default", "")] == [1, 2, 3]


def test_initialize_is_remembered_by_the_next_instance(one):
    assert one.call("initialize", "i1", b"data", lr=0.1, 名="值") == {"result": True}
    file = one.folder / "appdata" / "models" / "i1" / "model.json"
    assert file.read_text("utf-8") == '{\n    "lr": 0.1,\n    "名": "值"\n}'
    one.call("predict", "other")  # i1 goes,
    assert one.call("predict", "i1", do="info") == {"lr": 0.1, "名": "值"}  # and comes back.


def test_initialize_leaves_nothing_of_before(one):
    folder = one.folder / "appdata" / "models" / "i2"
    one.call("initialize", "i2", a=1)
    (folder / "deep" / "er").mkdir(parents=True)
    one.call("initialize", "i2", a=2)
    assert [path.name for path in folder.iterdir()] == ["model.json"]
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    assert one.call("predict", "i2", do="info") == {"a": 2}


def test_instance_is_new_after_train_and_the_old_one_is_disposed_of(many):
    many.call("predict", "t1")
    assert many.call("train", "t1", b"\x00\x01", weights=5) == {"trained": "0001"}
    assert many.call("predict", "t1", do="weights") == 5
    assert events(many, "t1") == ["load t1", "dispose t1", "load t1"]


@pytest.mark.parametrize("do", ["raise", "set"])
def test_failed_train_leaves_no_half_trained_instance(many, do):
    version = f"f-{do}"
    many.call("predict", version)
    status, text = many.fault("train", version, do=do)
    assert status == "UNKNOWN" and text == "Exception calling application: " + (
        "loss is nan" if do == "raise" else "Object of type set is not JSON serializable"
    )
    assert many.call("predict", version) == 1  # Of a new one.
    assert events(many, version)[:2] == [f"load {version}", f"dispose {version}"]


def test_one_in_use_is_disposed_of_when_idle(one):
    waiting = one.start("predict", "u1", do="wait", file="u1-go")
    wait_until(lambda: events(one, "u1")[-1:] == ["waits u1"], "the predict of u1")
    other = one.start("predict", "u2")
    (one.folder / "u1-go").touch()
    assert waiting.result() is False and other.result() == 1
    assert events(one, "u1", "u2") == ["load u1", "waits u1", "dispose u1", "load u2"]


def test_slow_load_makes_no_other_version_wait(many):
    slow = [many.start("predict", "slow1") for _ in range(15)]  # More than there are threads.
    wait_until(lambda: events(many, "slow1"), "the load")
    assert many.call("predict", "quick") == 1
    assert many.call("log", "quick") == []
    assert not any(call.done() for call in slow)
    (many.folder / "go").touch()
    assert sorted(call.result() for call in slow) == list(range(1, 16))
    assert events(many, "slow1") == ["load slow1"]


def test_torn_last_line_of_the_log_is_passed_over(many):
    many.call("train", "torn", weights=1)
    many.call("predict", "torn", do="tear")
    assert [entry["progress"] for entry in many.call("log", "torn")] == [0, 100]
    many.call("train", "torn", weights=1)
    assert [entry["progress"] for entry in many.call("log", "torn")] == [0, 100, 0, 100]


def test_arrays_come_as_lists(many):
    assert many.call("predict", do="numpy") == {"scores": [[0.5, 1.0]], "best": 1}


def test_worker_has_no_grpcio_and_no_protobuf_that_might_be_another_one_than_the_models(one):
    assert one.call("predict", do="modules") == []


def test_paths_out_of_the_data_folder_are_refused(one):
    victim = one.folder / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    before = sorted(path.name for path in one.folder.iterdir())
    for version in ("../../victim", str(victim), "a/../../../victim", "v\0", "a//b", ".aiges"):
        for method in ("initialize", "predict", "train", "log", "cancel"):
            status, text = one.fault(method, version)
            assert status == "INVALID_ARGUMENT" and text.startswith("version "), (version, text)
    assert (victim / "precious").exists()
    assert sorted(path.name for path in one.folder.iterdir()) == before


def test_large_requests(many):
    assert many.call("predict", data=bytes(60 * MIB), do="size") == 60 * MIB
    status, text = many.fault("predict", data=bytes(101 * MIB), do="size")
    assert status == "RESOURCE_EXHAUSTED" and "larger than max" in text
    assert many.call("predict", data=b"ok", do="size") == 2


def test_cause_is_in_the_log(one):
    assert one.fault("predict", do="raise") == (
        "UNKNOWN",
        "Exception calling application: the cause",
    )
    wait_until(lambda: "RuntimeError: the cause" in one.log(), "the traceback in the log")


def test_long_text_of_an_error_is_cut(one):
    """Clients take no trailers of more than 8 KiB for sure, and else nothing of the answer."""
    for letters, least in (("ab", 4000), ("值x", 2000), ("%\x01", 1500)):
        for size in (3000, 100_000):
            status, text = one.fault("predict", do="raise", text=letters * size)
            assert status == "UNKNOWN"
            assert text.startswith("Exception calling application: " + letters * 50)
            assert least < len(text.encode()) <= 4096


def resident_mb(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / MIB


# --- Plain HTTP, which is ours.


def http(command, path, body=None):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return command.web.request("POST", path, data)


def test_methods_over_http(many):
    assert http(many, "/initialize?version=h1", {"lr": 3}).json == {"result": True}
    assert http(many, "/predict?version=h1", {"do": "info"}).json == {"lr": 3}
    answer = http(many, "/train?version=h1", {"weights": 4, "binary_data": "AAE="})
    assert (
        answer.json == {"trained": "0001"} and answer.headers["content-type"] == "application/json"
    )
    assert http(many, "/predict?version=h1", {"do": "weights"}).json == 4
    log = many.web.get("/log?version=h1").json
    assert [entry["progress"] for entry in log] == [0, 100]
    assert http(many, "/log?version=h1").json == log
    assert http(many, "/cancel?version=h1").json == {"result": False}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/predict", b"{", 400, "body: Expecting"),
        ("/predict", b"[]", 400, "body: expected an object of arguments, got list"),
        ("/predict", b"\xff", 400, "body: 'utf-8' codec"),
        ("/predict", b'{"binary_data": 1}', 400, "body: binary_data: expected base64, got int"),
        ("/predict", b'{"binary_data": "?"}', 400, "body: binary_data: expected base64"),
        ("/predict", b"[" * 100_000, 400, "body: maximum recursion depth"),
        ("/train", b'{"a":' * 100_000, 400, "body: maximum recursion depth"),
        ("/predict?version=../x", b"{}", 400, "version '../x': expected a name"),
        ("/predict", b'{"do": "raise"}', 500, "Exception calling application: the cause"),
        ("/log", b'{"name": "x"}', 500, "Exception calling application: "),
    ],
)
def test_errors_over_http(many, path, body, status, text):
    answer = http(many, path, body)
    assert answer.status == status and answer.json["error"].startswith(text)


@pytest.mark.parametrize(
    "head",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_in_a_browser_change_nothing(many, head):
    many.call("initialize", "o1", lr=1)
    for method in ("initialize", "train", "cancel"):
        path = f"/{method}?version=o1"
        answer = many.web.request("POST", path, b'{"lr": 2}', head)
        assert answer.status == 403 and answer.json["error"].startswith(f"/{method} is not for")
    assert many.call("predict", "o1", do="info") == {"lr": 1} and many.call("log", "o1") == []
    assert many.web.request("POST", "/predict?version=o1", b'{"do": "info"}', head).status == 200


def test_page_of_the_same_place_and_curl_may(many):
    for head in ({"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {}):
        answer = many.web.request("POST", "/cancel?version=o2", b"{}", head)
        assert answer.json == {"result": False}


def test_too_long_body_is_refused_without_being_kept(many):
    (worker,) = many.workers()
    before = resident_mb(worker)
    answer = http(many, "/predict", b" " * (200 * MIB))
    assert (
        answer.status == 413 and answer.json["error"] == "the body is longer than 146800640 bytes"
    )
    assert resident_mb(worker) < before + 180
    assert http(many, "/predict", b"{}" + b" " * MIB).status == 200


def test_other_methods_of_http_are_refused(many):
    answer = many.web.get("/predict")
    assert answer.status == 405 and "error" in answer.json


def test_reflection_describes_the_service(many):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )

    database = ProtoReflectionDescriptorDatabase(many.channel)
    assert "ai.AI" in list(database.get_services())
    file = database.FindFileContainingSymbol("ai.AI")
    assert [method.name for method in file.service[0].method][:4] == [
        *("initialize", "train", "predict", "log"),
    ]


# --- Answers that cannot be sent.


@pytest.mark.parametrize("method", ["predict", "train"])
@pytest.mark.parametrize(
    ("module", "name", "fault", "words"),
    [
        ("aiges_embed", "_doors_send", "ValueError", "far too long"),
        ("aiges.contracts.aipod._grpc", "framed_output", "OverflowError", "is too long to be sent"),
        ("aiges.contracts.aipod._grpc", "framed_output", "MemoryError", "is too long to be sent"),
    ],
)
def test_answer_that_cannot_be_sent_is_an_error(many, method, module, name, fault, words):
    what = {"module": module, "name": name, "fault": fault}
    status, text = many.fault(method, "a1", do="break", what=what)
    assert status != "DEADLINE_EXCEEDED" and words in text, (status, text)
    assert many.call("predict", "a1") > 0


# --- What a client of a unary method should not do.


def test_request_in_pieces_without_and_with_more_messages(many):
    import queue

    from aipod_cases import data_json, message_of

    call = many.channel.stream_unary("/ai.AI/predict")
    message = message_of(("", "predict", "m1", '{"do": "size"}', b"abc"))
    assert data_json(call(iter([message]), timeout=20)) == "3"
    assert data_json(call(iter([message, b"", message]), timeout=20)) == "3"
    given = queue.Queue()
    future = call.future(iter(given.get, None), timeout=20)
    for each in (message, message):
        given.put(each)  # Answered, though the client has not said that this is all.
    assert data_json(future.result()) == "3"
    given.put(None)
    with pytest.raises(grpc.RpcError) as raised:
        call(iter([]), timeout=20)
    assert raised.value.code().name == "UNIMPLEMENTED"
    assert raised.value.details() == '"/ai.AI/predict" requires exactly one request message.'


def test_endless_messages_of_one_call_do_not_pile_up(many):
    from aipod_cases import message_of

    (worker,) = many.workers()

    message = message_of(("", "predict", "m2", '{"do": "wait", "file": "m2-go"}', b""))
    before = resident_mb(worker)
    call = many.channel.stream_unary("/ai.AI/predict")
    many.call("predict", "m2")
    future = call.future(iter([message, *[bytes(MIB)] * 300]), timeout=60)
    wait_until(lambda: "waits m2" in events(many, "m2"), "the begin of the call")
    (many.folder / "m2-go").touch()
    assert future.result() == b"\x0a\x05false"
    assert resident_mb(worker) < before + 150


@pytest.mark.parametrize("takes", ["gzip", "identity"])
def test_answers_are_packed_for_who_takes_it(one, takes):
    headers = {**GRPC, "grpc-accept-encoding": takes}
    with H2Client(one.address) as client:
        asked = message(b"\n\x02{}\x12\x02g1")  # kwargs_json, version
        stream = client.ask(asked, "/ai.AI/log", headers=headers)
    assert stream.grpc_status == 0, stream
    assert stream.headers.get("grpc-encoding") == ("gzip" if takes == "gzip" else None)
    ((_, data),) = messages(stream.body)
    assert data == b"\n\x02[]"


def test_fault_of_the_users_is_on_the_page(one):
    assert one.fault("predict", do="raise", text="on the page")[0] == "UNKNOWN"
    entries = one.web.get("/-/status.json").json["failures"]["entries"]
    (entry,) = [each for each in entries if "on the page" in each["text"]]
    assert entry["code"] == 10909 and "main.py" in entry["detail"]
