# SPDX-License-Identifier: Apache-2.0
"""The standard gRPC services beside XSF: health and server reflection."""

import json
import threading

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def health(loader, service=""):
    stub = health_pb2_grpc.HealthStub(loader.xsf.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    return stub.Check(request, timeout=10).status


class Watch:
    """The health changes that a watcher is told."""

    def __init__(self, loader, service=""):
        stub = health_pb2_grpc.HealthStub(loader.xsf.channel)
        self.changed = threading.Condition()
        self.seen, self.ended = [], None
        self.stream = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=30)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.stream:
                with self.changed:
                    self.seen.append(message.status)
                    self.changed.notify_all()
        except grpc.RpcError as ended:  # The end of the test, or of the loader.
            with self.changed:
                self.ended = ended
                self.changed.notify_all()

    def wait_end(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.ended, timeout=15), "the watch goes on"
        return self.ended.code()

    def wait_for(self, status):
        with self.changed:
            reached = self.changed.wait_for(lambda: self.seen[-1:] == [status], timeout=15)
        assert reached, f"expected {status} as the last status, got {self.seen}"


def test_health_is_serving_when_ready(shared):
    assert health(shared) == SERVING


def test_health_knows_every_service_that_reflection_lists(shared):
    """That of aiges.v1.Stream was NOT_FOUND."""
    for service in ProtoReflectionDescriptorDatabase(shared.xsf.channel).get_services():
        assert health(shared, service) == SERVING, service


def test_health_of_an_unknown_service_is_not_found(shared):
    with pytest.raises(grpc.RpcError) as raised:
        health(shared, "no.such.Service")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("service", "status"),
    [
        *(("", SERVING), ("utils.XsfCall", SERVING), ("aiges.v1.Stream", SERVING)),
        *(("no.such.Service", SERVICE_UNKNOWN), ("utils.XsfCall/call", SERVICE_UNKNOWN)),
        ("x" * 10_000, SERVICE_UNKNOWN),
    ],
)
def test_watch_begins_with_what_is(shared, service, status):
    watch = Watch(shared, service)
    watch.wait_for(status)
    watch.stream.cancel()
    assert watch.wait_end() is grpc.StatusCode.CANCELLED
    assert watch.seen == [status]


def test_many_watchers_do_not_hold_up_calls(shared):
    """Each is a call that never ends; none has a licence."""
    watches = [Watch(shared) for _ in range(50)]
    for watch in watches:
        watch.wait_for(SERVING)
    assert shared.metric("aiges_in_flight") == 0
    assert shared.xsf.do("echo", b"x").data("data") == b"x"
    for watch in watches:
        watch.stream.cancel()


SLOW_TO_COME_BACK = """
import os, time
def wrapperInit(config):
    while os.path.exists({mark!r}): time.sleep(0.01)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): os._exit(3)
"""


def test_watcher_learns_that_the_engine_dies_and_comes_back(start, tmp_path):
    mark = tmp_path / "mark"
    loader = start(SLOW_TO_COME_BACK.format(mark=str(mark)))
    named, unknown = Watch(loader, "utils.XsfCall"), Watch(loader, "no.such.Service")
    watch = Watch(loader)
    for one, status in ((watch, SERVING), (named, SERVING), (unknown, SERVICE_UNKNOWN)):
        one.wait_for(status)
    mark.touch()
    assert loader.xsf.once(wait_ms=20000).code == 10109
    watch.wait_for(NOT_SERVING)
    named.wait_for(NOT_SERVING)
    assert health(loader) == NOT_SERVING
    mark.unlink()
    watch.wait_for(SERVING)
    named.wait_for(SERVING)
    assert watch.seen == named.seen == [SERVING, NOT_SERVING, SERVING]
    assert unknown.seen == [SERVICE_UNKNOWN]


def test_health_is_not_serving_while_the_engine_loads(loading):
    loader, gate = loading
    watch = Watch(loader)
    watch.wait_for(NOT_SERVING)
    assert health(loader) == NOT_SERVING
    assert loader.web.get("/readyz").status == 503
    gate.touch()
    loader.wait_ready_line()
    watch.wait_for(SERVING)
    assert health(loader) == SERVING


def test_watcher_learns_that_the_loader_drains(start, toolbox):
    loader = start(toolbox, config={"instances": {"lame_duck_ms": 1000}})
    watch = Watch(loader)
    watch.wait_for(SERVING)
    loader.terminate()
    watch.wait_for(NOT_SERVING)
    # It would hold up the exit; its client must look for another host, not take this for the end.
    assert watch.wait_end() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
    assert loader.wait_exit(10) == 0


def test_reflection_lists_the_services(shared):
    database = ProtoReflectionDescriptorDatabase(shared.xsf.channel)
    services = set(database.get_services())
    assert services >= {
        "utils.XsfCall",
        "aiges.v1.Stream",
        "utils.ToolBox",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "inference.GRPCInferenceService",
    }


def test_reflection_describes_every_service_that_it_lists(shared):
    """aiges.v1.Stream was listed, and its symbol not found: no tool could call it."""
    database = ProtoReflectionDescriptorDatabase(shared.xsf.channel)
    pool = DescriptorPool(database)
    for service in database.get_services():
        methods = pool.FindServiceByName(service).methods
        assert methods, service
        for method in methods:
            assert method.input_type.full_name and method.output_type.full_name
    run = pool.FindServiceByName("aiges.v1.Stream").FindMethodByName("Run")
    assert run.input_type.full_name == "protocol.LoaderInput"


def test_reflection_answers_under_both_of_its_names(shared):
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol="aiges.v1.Stream.Run")
    for version in ("v1", "v1alpha"):  # The messages are the same.
        ask = shared.xsf.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        (answer,) = ask(iter([request]), timeout=10)
        names = [
            descriptor_pb2.FileDescriptorProto.FromString(data).name
            for data in answer.file_descriptor_response.file_descriptor_proto
        ]
        assert names == ["loader.proto", "stream.proto"], version


def test_reflection_describes_the_call(shared):
    database = ProtoReflectionDescriptorDatabase(shared.xsf.channel)
    pool = DescriptorPool(database)
    method = pool.FindServiceByName("utils.XsfCall").FindMethodByName("call")
    assert method.input_type.full_name == "utils.ReqData"
    assert method.output_type.full_name == "utils.ResData"


def test_reflection_of_an_unknown_symbol_is_not_found(shared):
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(shared.xsf.channel))
    with pytest.raises(KeyError):
        pool.FindServiceByName("no.such.Service")


def reflect(loader, *requests):
    ask = loader.xsf.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return list(ask(iter(requests), timeout=10))


def test_reflection_answers_in_order_whatever_it_is_asked(shared):
    """One stream, as tools use it; what is not known is an answer, not the stream's end."""
    request = reflection_pb2.ServerReflectionRequest
    extension = reflection_pb2.ExtensionRequest(containing_type="utils.ReqData", extension_number=1)
    requests = [
        request(host="h", list_services=""),
        request(file_by_filename="xsf.proto"),
        request(file_by_filename="no_such.proto"),
        request(file_containing_extension=extension),
        request(all_extension_numbers_of_type="utils.ReqData"),
        request(all_extension_numbers_of_type="no.such.Type"),
        request(),
    ]
    answers = reflect(shared, *requests)
    assert [answer.original_request for answer in answers] == requests
    assert answers[0].valid_host == "h"
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    assert kinds == [
        "list_services_response",
        "file_descriptor_response",
        "error_response",
        "error_response",
        "all_extension_numbers_response",
        "error_response",
        "error_response",
    ]
    codes = [a.error_response.error_code for a in answers if a.HasField("error_response")]
    assert codes == [5, 5, 5, 3]


def cmdserver(loader, query):
    import toolbox_pb2

    call = loader.xsf.channel.unary_unary(
        "/utils.ToolBox/cmdserver",
        request_serializer=toolbox_pb2.Request.SerializeToString,
        response_deserializer=toolbox_pb2.Response.FromString,
    )
    request = toolbox_pb2.Request(query=query, headers='{"method":"GET"}')
    return json.loads(call(request, timeout=10).body)


def test_tools_ask_for_health_and_status(shared):
    assert cmdserver(shared, '{"cmd":"health"}') == {"status": "SERVING"}
    status = cmdserver(shared, '{"cmd":"status"}')
    assert status["service"] == "svcName"
    assert status["ready"] is True


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ('{"cmd":"heap"}', "UNIMPLEMENTED", 'no cmd "heap"; there are health and status'),
        ("health", "INVALID_ARGUMENT", 'expected query to be {"cmd":"health"}'),
        ("[" * 100_000, "INVALID_ARGUMENT", "expected query to be"),
        ('{"cmd":["health"]}', "INVALID_ARGUMENT", "expected query to be"),
    ],
)
def test_what_a_tool_asks_wrongly_is_told(shared, query, code, says):
    with pytest.raises(grpc.RpcError) as raised:
        cmdserver(shared, query)
    assert raised.value.code().name == code
    assert says in raised.value.details()
