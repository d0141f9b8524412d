# SPDX-License-Identifier: Apache-2.0
"""What a servicer and its clients see: the same on grpcio's server and on AIService."""

import queue

import grpc
import pytest
from tried import message
from waiting import wait_until

INITIAL = {("x-initial", "first"), ("x-initial-bin", b"\x00\xff\x01")}
TRAILING = {("x-trailing", "last"), ("x-trailing", "again"), ("x-trailing-bin", b"\xfe\x00")}
ASYNC_FAULT = "Unexpected <class 'ValueError'>: a fault of mine"


def failure(call):
    """(code, details) that a call ends with."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return raised.value.code(), raised.value.details()


def pairs(metadata):
    return {tuple(pair) for pair in metadata}


def raw(tried, method="Once", kind="unary_unary"):
    """A call of that method with bytes for messages."""
    return getattr(tried.channel, kind)(f"/tryout.Tryout/{method}")


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_a_message_of_any_size_comes_and_goes(tried, size):
    assert tried.ask("echo", b"a" * size, 7).data == b"a" * size


def test_an_empty_message_comes_and_goes(tried):
    assert raw(tried, "Up", "stream_unary")(iter([b"", b"", b""]), timeout=30) == b"\x10\x03"
    assert [len(said.data) for said in tried.stub.Down(message("empty", count=2))] == [0, 0]


def test_a_stream_comes_in_order_and_whole(tried):
    assert [said.count for said in tried.stub.Down(message("down", b"x" * 1000, 500))] == [
        *range(500)
    ]


def test_a_stream_goes_in_order_and_whole(tried):
    said = tried.stub.Up(message("up", b"%d" % (number % 10)) for number in range(500))
    assert (said.count, said.data) == (500, b"0123456789" * 10)


def test_many_small_messages_go_in_order_to_a_handler_that_reads_as_they_come(tried):
    said = tried.stub.Up(message("up", b"%d" % (number % 10)) for number in range(20_000))
    assert (said.count, said.data) == (20_000, b"0123456789" * 10)
    answers = tried.stub.Both(message("echo", count=number) for number in range(3000))
    assert [said.count for said in answers] == [*range(3000)]


def test_an_empty_stream_is_an_answer_too(tried):
    assert tried.stub.Up(iter(())).count == 0
    assert list(tried.stub.Down(message("none"))) == []
    assert list(tried.stub.Both(iter(()))) == []


def test_questions_and_answers_take_turns(tried):
    answers = tried.stub.Both(questions := Turns())
    for number in range(20):
        questions.ask(message("echo", count=number))
        assert next(answers).count == number
    questions.end()
    assert list(answers) == []


def test_big_messages_go_both_ways_in_a_stream(tried):
    asks = [message("echo", bytes([65 + number]) * 2_000_000) for number in range(8)]
    answers = list(tried.stub.Both(iter(asks)))
    assert [said.data[:1] for said in answers] == [ask.data[:1] for ask in asks]
    assert {len(said.data) for said in answers} == {2_000_000}


def test_metadata_of_the_client_is_there(tried):
    sent = (
        ("x-text", "a b"),
        ("x-text", "c"),
        ("x-data-bin", b"\x00\x01\xff"),
        ("x-none-bin", b""),
    )
    given = eval(tried.ask("metadata", metadata=sent).data)
    assert [pair for pair in given if pair[0].startswith("x-") and pair[0] != "x-request-id"] == [
        *sent
    ]
    assert any(key == "user-agent" and "grpc-python" in value for key, value in given)
    assert not {key for key, _ in given} & {"content-type", "te", "grpc-timeout", ":path"}


def test_initial_metadata_comes_before_the_first_message(tried):
    call = tried.stub.Down(message("initial", count=1))
    assert pairs(call.initial_metadata()) >= INITIAL
    tried.ask("open", b"initial")
    assert len(list(call)) == 1


def test_trailing_metadata_comes_with_an_answer_and_behind_a_stream(tried):
    _, call = tried.stub.Once.with_call(message("trailing"))
    assert pairs(call.trailing_metadata()) >= TRAILING
    stream = tried.stub.Down(message("down", count=3))
    assert len(list(stream)) == 3
    assert pairs(stream.trailing_metadata()) >= TRAILING


def test_abort_ends_the_call_with_code_details_and_metadata(tried):
    with pytest.raises(grpc.RpcError) as raised:
        tried.ask("abort")
    fault = raised.value
    assert (fault.code(), fault.details()) == (grpc.StatusCode.OUT_OF_RANGE, "too far\nof it")
    assert pairs(fault.trailing_metadata()) >= TRAILING


def test_abort_with_status_carries_its_details(tried):
    with pytest.raises(grpc.RpcError) as raised:
        tried.ask("abort_with_status")
    assert (raised.value.code(), raised.value.details()) == (
        grpc.StatusCode.NOT_FOUND,
        "no such thing",
    )
    assert ("grpc-status-details-bin", b"\x08\x05") in pairs(raised.value.trailing_metadata())


def test_abort_of_a_stream_comes_behind_its_messages(tried):
    stream = tried.stub.Down(message("abort", count=3))
    assert [next(stream).count for _ in range(3)] == [0, 1, 2]
    assert failure(lambda: next(stream)) == (grpc.StatusCode.OUT_OF_RANGE, "too far")


def test_a_code_that_is_set_is_the_status(tried):
    assert failure(lambda: tried.ask("code")) == (grpc.StatusCode.DATA_LOSS, "half of it – ½")


def test_an_exception_is_unknown_with_its_text(tried):
    text = {"sync": "Exception calling application: a fault of mine", "aio": ASYNC_FAULT}
    assert failure(lambda: tried.ask("raise")) == (grpc.StatusCode.UNKNOWN, text[tried.flavour])


def test_an_exception_in_a_stream_comes_behind_its_messages(tried):
    text = {"sync": "Exception iterating responses: a fault of mine", "aio": ASYNC_FAULT}
    stream = tried.stub.Down(message("raise", count=2))
    assert [next(stream).count for _ in range(2)] == [0, 1]
    assert failure(lambda: next(stream)) == (grpc.StatusCode.UNKNOWN, text[tried.flavour])


def test_what_is_no_request_is_said(tried):
    code, details = failure(lambda: raw(tried)(b"\xff", timeout=30))
    if tried.flavour == "sync":
        assert (code, details) == (grpc.StatusCode.INTERNAL, "Exception deserializing request!")
    else:
        assert code == grpc.StatusCode.UNKNOWN
        assert details.startswith("Unexpected <class 'google.protobuf.message.DecodeError'>: ")


def test_what_is_no_answer_is_said(tried):
    code, details = failure(lambda: tried.ask("wrong"))
    if tried.flavour == "sync":
        assert (code, details) == (grpc.StatusCode.INTERNAL, "Failed to serialize response!")
    else:
        assert code == grpc.StatusCode.UNKNOWN
        assert details.startswith("Unexpected <class ")


def test_a_method_that_is_not_there_is_unimplemented(tried):
    found = failure(lambda: raw(tried, "Nothing")(b"", timeout=30))
    assert found == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def test_a_deadline_is_known_and_holds(tried):
    assert tried.stub.Once(message("time")).data == b"none"
    assert 20 < float(tried.ask("time").data) <= 31  # Clients round it up.
    left = tried.seen("left")
    code, _ = failure(lambda: tried.stub.Once(message("wait"), timeout=0.3))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: tried.seen("left") == left + 1, "the handler to leave", 10)


@pytest.mark.parametrize("method", ["Once", "Down"])
def test_a_cancelled_call_is_told_its_handler(tried, method):
    before = {what: tried.seen(what) for what in ("cancelled", "left")}
    if method == "Once":
        waiting = tried.seen("waiting")
        call = tried.stub.Once.future(message("wait"))
        wait_until(lambda: tried.seen("waiting") == waiting + 1, "the call to begin", 10)
    else:
        call = tried.stub.Down(message("wait", count=1))
        next(call)
    call.cancel()
    for what, count in before.items():
        wait_until(lambda what=what, count=count: tried.seen(what) == count + 1, what, 10)
    assert tried.ask("echo", b"others go on").data == b"others go on"


def test_a_cancelled_stream_of_requests_ends_its_handler(tried):
    left, began = tried.seen("both left"), tried.seen("both")
    call = tried.stub.Both(Turns())
    wait_until(lambda: tried.seen("both") == began + 1, "the call to begin", 10)
    call.cancel()
    wait_until(lambda: tried.seen("both left") == left + 1, "the handler to leave", 10)


def test_a_callback_is_called_at_the_end(tried):
    called = tried.seen("called back")
    tried.ask("callback")
    wait_until(lambda: tried.seen("called back") == called + 1, "the callback", 10)


def test_calls_run_beside_each_other(tried):
    calls = [tried.stub.Once.future(message("together"), timeout=30) for _ in range(8)]
    assert [call.result() is not None for call in calls] == [True] * 8


def test_many_calls_in_flight_are_all_answered(tried):
    calls = [tried.stub.Once.future(message("echo", count=number)) for number in range(400)]
    assert [call.result().count for call in calls] == [*range(400)]


def test_a_client_that_does_not_read_holds_up_itself_alone(tried):
    unread = tried.stub.Down(message("unread", b"x" * 65_536, 1000))
    next(unread)
    before, sent = -1, tried.seen("unread")
    while sent != before:
        for number in range(100):
            assert tried.ask("echo", count=number).count == number
        before, sent = sent, tried.seen("unread")
    assert sent < 500
    assert sum(1 for _ in unread) == 999


def test_a_handler_that_does_not_read_holds_up_its_client(tried):
    asked = 0

    def asks():
        nonlocal asked
        for number in range(1000):
            asked = number + 1
            yield message("hold" if number == 0 else "up", b"x" * 65_536)

    call = tried.stub.Up.future(asks())
    before = -1
    while asked == 0 or asked != before:
        before = asked
        for number in range(100):
            assert tried.ask("echo", count=number).count == number
    assert asked < 500
    tried.ask("open", b"hold")
    assert call.result().count == 1000


def test_the_rest_of_a_context_is_there(tried):
    assert tried.ask("peer").data.startswith(b"ipv4:127.0.0.1:")
    assert tried.ask("harmless").data == b"(None, None)"
    assert [tried.ask("variable").count for _ in range(30)] == [0] * 30


class Turns:
    """Requests that the test makes one by one."""

    def __init__(self):
        self._asks = queue.Queue()

    def ask(self, ask):
        self._asks.put(ask)

    def end(self):
        self._asks.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        ask = self._asks.get()
        if ask is None:
            raise StopIteration
        return ask
