# SPDX-License-Identifier: Apache-2.0
"""WebSocket sessions at /v1/private/<serviceId>: JSON envelopes both ways."""

import base64
import json
import time
from socket import SHUT_RDWR

import pytest
from http_client import parse_answer
from waiting import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def b64(data):
    return base64.b64encode(data).decode()


class Socket:
    """A WebSocket to the loader. say() sends an envelope, hear() returns the next one."""

    def __init__(self, loader, path="/v1/private/svcName", **options):
        self.ws = connect(f"ws://{loader.http}{path}", open_timeout=10, max_size=None, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()

    def say(self, data=None, status=1, parameter=None, key="in", **header):
        message = {"header": {"app_id": "a", "status": status, **header}}
        if parameter:
            message["parameter"] = {"group": parameter}
        if data is not None:
            message["payload"] = {key: {"encoding": "utf8", "text": b64(data), "status": status}}
        self.ws.send(json.dumps(message))
        return self

    def hear(self):
        return json.loads(self.ws.recv(timeout=20))

    def texts(self, key="out"):
        """Everything until the server closes, with the code and reason of the close."""
        texts = []
        while True:
            try:
                message = self.hear()
            except ConnectionClosed as closed:
                return texts, closed.rcvd.code if closed.rcvd else None
            assert message["header"]["code"] == 0, message
            payload = message.get("payload", {})
            if key in payload:
                texts.append(base64.b64decode(payload[key]["text"]).decode())


@pytest.fixture(params=["read", "callback"])
def loader(request, start, binaries):
    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    config = {"instances": {"library": str(engine)}, "ws": {"readTimeout": 2, "sessionTimeout": 6}}
    return start(config={**config, "fc": {"max": 10}})


def released(loader):
    loader.wait_metric("aiges_in_flight", 0)


def test_session_from_the_first_frame_to_the_close(loader):
    with Socket(loader) as socket:
        socket.say(status=0)
        first = socket.hear()
        sid = first["header"].pop("sid")
        assert first == {"header": {"code": 0, "message": "success", "status": 0}}
        socket.say(b"one", status=0)
        answer = socket.hear()
        assert answer["header"] == {"code": 0, "message": "success", "sid": sid, "status": 1}
        assert answer["payload"]["out"] == {"seq": "1", "status": "1", "text": b64(b"ONE")}
        socket.say(b"two", status=2)
        assert socket.texts() == (["TWO"], 1000)
    released(loader)
    assert loader.metric("aiges_meter_total", key="destroyed") == 1


def test_one_in_many_out_is_in_order(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=2, parameter={"items": 500})
        texts, code = socket.texts()
    assert (texts, code) == (["X"] + [str(n) for n in range(1, 501)], 1000)


def test_expect_attributes_and_inlined_json(loader):
    out = {"encoding": "utf8", "format": "json", "data_type": "text"}
    with Socket(loader) as socket:
        socket.say(b'{"a": 1}', status=2, parameter={"out": out})
        socket.hear()
        payload = socket.hear()["payload"]["out"]
    assert (payload["encoding"], payload["text"]) == ("utf8", {"A": 1})


def test_leaving_client_destroys_the_session(loader):
    socket = Socket(loader)
    socket.say(b"x", status=0, parameter={"items": 5})
    socket.hear()
    socket.hear()  # Of the engine: what it has not created is not destroyed.
    socket.ws.socket.shutdown(SHUT_RDWR)  # Its reader holds a mere close() back.
    wait_until(lambda: loader.metric("aiges_meter_total", key="destroyed") == 1, "wrapperDestroy")
    released(loader)


def failure(socket):
    message = socket.hear()
    while message["header"]["code"] == 0:
        message = socket.hear()
    with pytest.raises(ConnectionClosed) as closed:
        socket.hear()
    return message["header"]["code"], message["header"]["message"], closed.value.rcvd.code


@pytest.mark.parametrize(
    ("params", "code"), [({"create": "fail"}, 10905), ({"write": "fail"}, 10907)]
)
def test_engine_error_is_told_and_closes(loader, params, code):
    with Socket(loader) as socket:
        socket.say(b"x", status=2, parameter=params)
        assert failure(socket) == (code, "seven;code=7", 1000)
    released(loader)


def test_death_of_the_worker_is_10109(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=2, parameter={"write": "exit"})
        code, text, _ = failure(socket)
    assert (code, text) == (10109, "worker 0 died with the session: exit status 3")


@pytest.mark.parametrize("text", ["{bad", "[1]"])
def test_frame_that_is_no_json_object_is_10163(loader, text):
    with Socket(loader) as socket:
        socket.ws.send(text)
        code, message, _ = failure(socket)
    assert code == 10163
    assert message.startswith("parse request json error: ")


def test_wrong_base64_is_10001(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=0)
        socket.ws.send(json.dumps({"payload": {"in": {"text": "%%%", "status": 1}}}))
        assert failure(socket)[0] == 10001
    released(loader)


def test_silent_client_is_closed_while_input_is_expected(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=0)
        begin = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.hear()
    assert closed.value.rcvd.reason == "time out"
    assert time.monotonic() - begin > 1.5
    released(loader)


def test_session_timeout_is_10114(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=0)
        for _ in range(20):
            time.sleep(0.5)
            try:
                socket.say(b"y", status=1)
            except ConnectionClosed:
                break
        code, message, _ = failure(socket)
    assert code == 10114
    assert message.startswith("session timeout")
    released(loader)


def test_frame_that_is_too_long_is_1009(start, binaries):
    config = {"instances": {"library": str(binaries.engine)}}
    loader = start(config={**config, "limits": {"max_message_bytes": 100_000}})
    with Socket(loader) as socket:
        socket.say(b"x", status=0)
        with pytest.raises(ConnectionClosed) as closed:
            socket.say(b"x" * 200_000)
            while True:
                socket.hear()
    assert closed.value.rcvd.code == 1009
    released(loader)


def test_unknown_service_is_404(loader):
    with pytest.raises(InvalidStatus) as error:
        Socket(loader, "/v1/private/other")
    assert error.value.response.status_code == 404


def test_unknown_query_key_is_400(loader):
    with pytest.raises(InvalidStatus) as error:
        Socket(loader, "/v1/private/svcName?timeout_ms=5")
    assert error.value.response.status_code == 400
    assert b"?timeout_ms: unknown; expected none" in error.value.response.body
    Socket(loader, "/v1/private/svcName?host=h&date=d&authorization=a").ws.close()


def test_no_licence_is_10110(loader):
    held = [Socket(loader).say(status=0) for _ in range(10)]
    loader.wait_metric("aiges_in_flight", 10)
    with Socket(loader) as socket:
        socket.say(status=0)
        code, message, _ = failure(socket)
    assert code == 10110
    for socket in held:
        socket.ws.close()
    released(loader)


def test_input_without_room_is_10110(start, binaries):
    library = {"library": str(binaries.engine)}
    loader = start(config={"instances": library, "queue": {"max_bytes": 65536}})
    with Socket(loader) as socket:
        socket.say(b"small", status=0).say(b"x" * 100_000)
        code, message, _ = failure(socket)
    assert code == 10110
    assert "input buffer full" in message
    released(loader)


def test_drain_lets_open_sockets_finish(loader):
    with Socket(loader) as socket:
        socket.say(b"x", status=0)
        socket.hear()
        loader.terminate()
        loader.wait_log("draining")
        socket.say(b"end", status=2)
        texts, code = socket.texts()
        assert (texts[-1], code) == ("END", 1000)
    assert loader.wait_exit() == 0


def test_other_versions_of_websocket_are_told_which_is_spoken(loader):
    sent = (
        b"GET /v1/private/svcName HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n\r\n"
    )
    answer = parse_answer(loader.web.exchange(sent))
    assert (answer.status, answer.headers["sec-websocket-version"]) == (426, "13")
    assert answer.message == "Sec-WebSocket-Version: expected 13, got 8"
