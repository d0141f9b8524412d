# SPDX-License-Identifier: Apache-2.0
"""The native streaming RPC /aiges.v1.Stream/Run: one call is one session."""

import queue

import grpc
import pytest
from waiting import wait_until
from xsf_client import ONCE, STREAM

RUN = "/aiges.v1.Stream/Run"


class Stream:
    """One call. send() and half_close() from the test, outputs by iterating."""

    def __init__(self, xsf, **options):
        import loader_pb2

        self.xsf, self.inputs = xsf, queue.SimpleQueue()
        method = xsf.channel.stream_stream(
            RUN,
            request_serializer=lambda message: (
                message if isinstance(message, bytes) else message.SerializeToString()
            ),
            response_deserializer=loader_pb2.LoaderOutput.FromString,
        )
        self.call = method(iter(self.inputs.get, None), timeout=60, **options)

    def send(self, *payloads, state=STREAM, **fields):
        self.inputs.put(self.xsf.input(*payloads, state=state, **fields))
        return self

    def piece(self, data, status=1, key="in"):
        return self.send(self.xsf.payload(key, data, status=str(status)))

    def half_close(self):
        self.inputs.put(None)

    def __iter__(self):
        return iter(self.call)

    def all(self):
        """(texts, last output); half-closes."""
        self.half_close()
        texts, last = [], None
        for last in self.call:
            texts += [p.data.decode() for p in last.pl]
        return texts, last


@pytest.fixture(params=["read", "callback"])
def loader(request, start, binaries):
    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    return start(config={"instances": {"library": str(engine)}, "fc": {"max": 20}})


def test_input_without_room_is_refused_and_ends_the_session(start, binaries):
    """It was lost without a word, and the session went on."""
    library = {"library": str(binaries.engine)}
    loader = start(config={"instances": library, "queue": {"max_bytes": 65536}})
    stream = Stream(loader.xsf).piece(b"small", 0).piece(b"x" * 100_000).piece(b"end", 2)
    with pytest.raises(grpc.RpcError) as failed:
        list(stream)
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "input buffer full" in failed.value.details()
    released(loader)


def released(loader):
    loader.wait_metric("aiges_in_flight", 0)


def test_pieces_go_both_ways(loader):
    stream = Stream(loader.xsf).send()
    outputs = iter(stream)
    stream.piece(b"one", status=0)
    first = next(outputs)
    assert [p.data for p in first.pl] == [b"ONE"]
    assert (first.status, first.serviceId) == (0, "svcName")
    stream.piece(b"two")
    assert [(p.data, p.meta.attribute["seq"]) for p in next(outputs).pl] == [(b"TWO", "2")]
    stream.piece(b"three", status=2)
    last = list(outputs)[-1]
    assert (last.pl[-1].data, last.status) == (b"THREE", 2)
    assert stream.call.code() == grpc.StatusCode.OK
    released(loader)


def test_half_close_ends_the_input(loader):
    stream = Stream(loader.xsf).send(params={"items": "3"})
    stream.piece(b"x")
    texts, last = stream.all()
    assert texts == ["X", "", "1", "2", "3"]
    assert last.status == 2


def test_once_state_is_the_whole_input(loader):
    stream = Stream(loader.xsf)
    stream.send(loader.xsf.payload("in", b"x"), state=ONCE, params={"items": "2000"})
    texts = []
    for output in stream:
        texts += [p.data.decode() for p in output.pl]
    assert texts == ["X"] + [str(n) for n in range(1, 2001)]


def test_cancel_destroys_the_session(loader):
    stream = Stream(loader.xsf).send(params={"items": "5"})
    stream.piece(b"x", status=0)
    next(iter(stream))
    stream.call.cancel()
    wait_until(lambda: loader.metric("aiges_meter_total", key="destroyed") == 1, "wrapperDestroy")
    released(loader)


@pytest.mark.parametrize(
    ("params", "code"), [({"create": "fail"}, 10905), ({"write": "fail"}, 10907)]
)
def test_engine_error_is_the_last_message(loader, params, code):
    stream = Stream(loader.xsf).send(loader.xsf.payload("in", b"x"), params=params)
    _, last = stream.all()
    assert (last.code, last.err, last.status) == (code, "seven;code=7", 2)
    assert stream.call.code() == grpc.StatusCode.OK
    released(loader)


def test_death_of_the_worker_is_10109(loader):
    stream = Stream(loader.xsf).send(loader.xsf.payload("in", b"x"), params={"write": "exit"})
    _, last = stream.all()
    assert (last.code, last.err) == (10109, "worker 0 died with the session: exit status 3")
    released(loader)


def test_no_licence_is_resource_exhausted(loader):
    held = [Stream(loader.xsf).send() for _ in range(20)]
    loader.wait_metric("aiges_in_flight", 20)
    refused = Stream(loader.xsf).send()
    with pytest.raises(grpc.RpcError) as error:
        list(refused)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "all 20 of [fc] max are in use" in error.value.details()
    for stream in held:
        stream.call.cancel()
    released(loader)


@pytest.mark.parametrize("first", [True, False])
def test_message_that_is_none_is_invalid_argument(loader, first):
    stream = Stream(loader.xsf)
    if not first:
        stream.send()
    stream.inputs.put(b"\xff\xff\xff")
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    released(loader)


def test_no_message_at_all_is_invalid_argument(loader):
    stream = Stream(loader.xsf)
    stream.half_close()
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_unexpected_output_is_10106(loader):
    stream = Stream(loader.xsf).send(
        loader.xsf.payload("in", b"x"), expect=[loader.xsf.expect("other")]
    )
    _, last = stream.all()
    assert last.code == 10106
    released(loader)


def test_drain_lets_open_streams_finish(loader):
    stream = Stream(loader.xsf).send()
    stream.piece(b"x", status=0)
    next(iter(stream))
    loader.terminate()
    loader.wait_log("draining")
    stream.piece(b"end", status=2)
    assert [p.data for o in stream for p in o.pl] == [b"END"]
    assert loader.wait_exit() == 0
