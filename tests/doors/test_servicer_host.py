# SPDX-License-Identifier: Apache-2.0
"""What AIService does for a servicer beyond what grpcio's server does, and how it refuses one."""

import os

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from loader_process import Loader
from test_servicer import Turns, failure
from tried import Tried, message, python_path, served
from waiting import wait_until

APP = """
import grpc
import tryout_service
from tryout_service import register
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection


def with_standard_services(server):
    register(server)
    servicer = health.HealthServicer()
    servicer.set("tryout.Tryout", servicer_status("NOT_SERVING"))
    servicer.set("model", servicer_status("SERVING"))
    servicer.set("", servicer_status("NOT_SERVING"))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection(["tryout.Tryout", reflection.SERVICE_NAME], server)


def servicer_status(name):
    return health_pb2.HealthCheckResponse.ServingStatus.Value(name)


def nothing(server):
    pass


def broken(server):
    raise LookupError("no such model")


class Unnamed(grpc.GenericRpcHandler):
    def service(self, details):
        return None


def unnamed(server):
    server.add_generic_rpc_handlers((Unnamed(),))
"""


@pytest.fixture(params=["sync", "aio"])
def loader(request, binaries, tmp_path, tryout_stubs):
    with served(binaries, tmp_path / "loader", tryout_stubs, request.param) as loader:
        loader.tried = Tried(loader.grpc, request.param)
        yield loader
        loader.tried.channel.close()


@pytest.fixture
def app(binaries, tmp_path, tryout_stubs):
    """app(name) -> a loader, not yet started, with that function of APP."""
    loaders = []

    def make(name, **config):
        config = {"aiges": {"contract": "grpc", "app": f"app:{name}"}, **config}
        path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), python_path(tryout_stubs)])}
        loaders.append(Loader(binaries, tmp_path / name, config=config, env=path))
        return loaders[-1]

    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    yield make
    for loader in loaders:
        loader.kill()


def test_a_worker_that_dies_ends_its_calls_and_others_go_on(loader):
    tried = loader.tried
    stream = tried.stub.Both(Turns())
    wait_until(lambda: tried.seen("both") == 1, "the stream to begin")
    code, _ = failure(lambda: tried.ask("exit"))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert failure(lambda: next(stream))[0] == grpc.StatusCode.UNAVAILABLE
    loader.wait_readyz()
    assert tried.ask("echo", b"again", wait_for_ready=True).data == b"again"


def test_what_is_in_flight_is_finished_after_sigterm(loader):
    tried, questions = loader.tried, Turns()
    answers = tried.stub.Both(questions)
    questions.ask(message("echo", count=1))
    assert next(answers).count == 1
    loader.terminate()
    loader.wait_log("draining")
    questions.ask(message("echo", count=2))
    assert next(answers).count == 2
    questions.end()
    assert list(answers) == []
    assert loader.wait_exit() == 0


def test_a_traceback_is_in_the_log(loader):
    failure(lambda: loader.tried.ask("raise"))
    loader.wait_log("ValueError: a fault of mine")
    assert "tryout_service.py" in loader.log()


def test_a_fault_is_on_the_page_too(loader):
    """The client is told in grpcio's words; the host's list has the cause and its place."""
    before = loader.metric("aiges_requests_total", code="10909")
    failure(lambda: loader.tried.ask("raise"))
    entries = loader.web.get("/-/status.json").json["failures"]["entries"]
    (entry,) = [each for each in entries if each["text"] == "ValueError: a fault of mine"]
    assert entry["code"] == 10909 and entry["instance"] == 0
    assert "tryout_service.py" in entry["detail"]
    assert loader.metric("aiges_requests_total", code="10909") == (before or 0) + 1


def test_the_apps_own_health_and_reflection_are_merged(app):
    loader = app("with_standard_services")
    with loader:
        tried = Tried(loader.grpc, "sync")
        assert tried.ask("echo", b"served").data == b"served"
        stub = health_pb2_grpc.HealthStub(tried.channel)
        for name, status in (("", 1), ("utils.XsfCall", 1), ("tryout.Tryout", 2), ("model", 1)):
            asked = health_pb2.HealthCheckRequest(service=name)
            assert stub.Check(asked).status == status, name
            watched = stub.Watch(asked)
            assert next(watched).status == status, name
            watched.cancel()
        nobody = failure(lambda: stub.Check(health_pb2.HealthCheckRequest(service="nobody")))
        assert nobody[0] == grpc.StatusCode.NOT_FOUND
        tried.channel.close()
        loader.stop()
    assert "left out" not in loader.log()


def test_reflection_and_health_know_the_services_of_the_app(loader):
    channel = loader.tried.channel
    known = ProtoReflectionDescriptorDatabase(channel)
    assert {"tryout.Tryout", "utils.XsfCall", "grpc.health.v1.Health"} <= {*known.get_services()}
    pool = DescriptorPool(known)
    service = pool.FindServiceByName("tryout.Tryout")
    assert [method.name for method in service.methods] == ["Once", "Down", "Up", "Both"]
    assert "count" in pool.FindMessageTypeByName("tryout.Ask").fields_by_name
    health = health_pb2_grpc.HealthStub(channel)
    asked = health_pb2.HealthCheckRequest(service="tryout.Tryout")
    assert health.Check(asked).status == health_pb2.HealthCheckResponse.SERVING
    unknown = failure(lambda: health.Check(health_pb2.HealthCheckRequest(service="tryout.Other")))
    assert unknown[0] == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "to add a servicer to the server, got none"),
        ("broken", "LookupError: no such model"),
        ("unnamed", "got Unnamed, which names no service"),
        ("missing", "has no attribute missing"),
    ],
)
def test_an_app_that_cannot_be_served_ends_the_start_with_its_reason(app, name, said):
    loader = app(name)
    with pytest.raises(AssertionError):
        loader.start()
    assert loader.wait_exit() != 0
    assert said in loader.log()


def test_a_wrong_number_of_threads_is_named(app):
    loader = app("register", wrapper={"max_workers": 0})
    with pytest.raises(AssertionError):
        loader.start()
    assert "[wrapper] max_workers: expected a number from 1 to 1000, got 0" in loader.log()


def test_a_second_call_waits_where_there_is_one_thread(app):
    loader = app("register", wrapper={"max_workers": 1})
    with loader:
        tried = Tried(loader.grpc, "sync")
        stream = tried.stub.Both(questions := Turns())
        questions.ask(message("echo", count=1))
        assert next(stream).count == 1
        second = tried.stub.Once.future(message("echo", count=2))
        left = tried.stub.Once.future(message("wait"))
        left.cancel()
        questions.ask(message("echo", count=3))
        assert next(stream).count == 3
        assert not second.done()
        questions.end()
        assert second.result().count == 2
        assert tried.seen("waiting") == 0  # Nobody waits for that one: it was not begun.
        tried.channel.close()
