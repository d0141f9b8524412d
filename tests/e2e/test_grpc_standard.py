"""The standard gRPC services beside XSF: health and server reflection."""

import threading

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(loader, service=""):
    stub = health_pb2_grpc.HealthStub(loader.xsf.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    return stub.Check(request, timeout=10).status


class Watch:
    """The health changes that a watcher is told."""

    def __init__(self, loader):
        stub = health_pb2_grpc.HealthStub(loader.xsf.channel)
        self.changed = threading.Condition()
        self.seen = []
        self.stream = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=30)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.stream:
                with self.changed:
                    self.seen.append(message.status)
                    self.changed.notify_all()
        except grpc.RpcError:
            pass  # The end of the test, or of the loader.

    def wait_for(self, status):
        with self.changed:
            reached = self.changed.wait_for(lambda: self.seen[-1:] == [status], timeout=15)
        assert reached, f"expected {status} as the last status, got {self.seen}"


def test_health_is_serving_when_ready(shared):
    assert health(shared) == SERVING


def test_health_of_the_xsf_service_is_serving(shared):
    assert health(shared, "utils.XsfCall") == SERVING


def test_health_of_an_unknown_service_is_not_found(shared):
    with pytest.raises(grpc.RpcError) as raised:
        health(shared, "no.such.Service")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_not_serving_while_the_engine_loads(start, tmp_path):
    gate = tmp_path / "gate"
    loader = start(
        "import os, time\n"
        "def wrapperInit(config):\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "    return 0\n"
        "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0\n",
        ready=False,
    )
    watch = Watch(loader)
    watch.wait_for(NOT_SERVING)
    assert health(loader) == NOT_SERVING
    assert loader.web.get("/readyz").status == 503
    gate.touch()
    loader.wait_ready_line()
    watch.wait_for(SERVING)
    assert health(loader) == SERVING


def test_watcher_learns_that_the_loader_drains(start, toolbox, tmp_path):
    gate = tmp_path / "gate"
    loader = start(toolbox, config={"instances": {"lame_duck_ms": 10_000}})
    watch = Watch(loader)
    watch.wait_for(SERVING)
    loader.terminate()
    watch.wait_for(NOT_SERVING)
    gate.touch()


def test_reflection_lists_the_services(shared):
    database = ProtoReflectionDescriptorDatabase(shared.xsf.channel)
    services = set(database.get_services())
    assert {"utils.XsfCall", "grpc.health.v1.Health"} <= services


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
