# SPDX-License-Identifier: Apache-2.0
"""The package that users import: models, logs, archives, pool and a server in one's own process."""

import io
import json
import os
import subprocess
import sys
import threading
import time
import weakref
import zipfile

import grpc
import pytest
from aipod_host import COMPAT, python_path
from free_ports import free_ports
from waiting import wait_until

sys.path.insert(0, str(COMPAT))

import aipod
from aipod.__version__ import VERSION, __version__
from aipod.model import AIModelBase, NotSupportedError
from aipod.package import ZipPackage
from aipod.pool import ModelPool
from aipod.rpc import decode_data, encode_data
from aipod.rpc.client import AIClient
from aipod.rpc.server import Serve
from aipod.trainlog import Progressor, TrainningLogger


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_of_the_package():
    assert aipod.logger.name == "aipod" and VERSION == (1, 0, 0) and __version__ == "1.0.0"
    assert decode_data(encode_data({"a": "中"})) == {"a": "中"}
    assert encode_data({"a": "中"}) == b'{"a": "\\u4e2d"}'


# --- AIModelBase.


def test_new_model_has_its_folder(here):
    model = AIModelBase(version="v1", datapath=str(here / "data"), more=1)
    assert model.version == "v1" and model.datapath == here / "data" and not model.disposed
    assert model.model_dir() == here / "data" / "models" / "v1" and model.model_dir().is_dir()
    assert AIModelBase().model_dir(mkdir=False).as_posix() == "appdata/models/default"
    model.dispose()
    assert model.disposed


def test_model_dir_of_names(here):
    model = AIModelBase()
    assert not model.model_dir("a", "b", mkdir=False).exists()
    deep = model.model_dir("a", "b")
    (deep / "file").touch()
    assert model.model_dir("a", "b") == deep and (deep / "file").exists()
    assert model.model_dir("a", clear=True).is_dir() and not deep.exists()


def test_version_out_of_the_data_folder_is_no_model(here):
    with pytest.raises(ValueError, match="version '../x'"):
        AIModelBase(version="../x")
    assert list(here.iterdir()) == []


def test_model_info():
    model = AIModelBase()
    with pytest.raises(Exception, match="appdata/models/default/model.json not exists") as raised:
        _ = model.model_info
    assert type(raised.value) is Exception
    (model.model_dir() / "old.bin").touch()
    answer = model.initialize(b"data", lr=0.1, 名="值")
    assert answer == {"result": True, "model_info": {"lr": 0.1, "名": "值"}}
    assert [path.name for path in model.model_dir().iterdir()] == ["model.json"]
    assert AIModelBase().model_info == {"lr": 0.1, "名": "值"}


def test_model_info_is_utf8_whatever_the_locale(here):
    code = (
        "from aipod.model import AIModelBase as M;"
        "M().initialize(a='\\u503c'); print(M().model_info)"
    )
    env = {**os.environ, "PYTHONPATH": python_path(), "LC_ALL": "C", "PYTHONUTF8": "0"}
    env |= {"PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    out = subprocess.check_output([sys.executable, "-c", code], env=env, cwd=here)
    assert out.decode().strip() == "{'a': '值'}"
    assert "值".encode() in (here / "appdata/models/default/model.json").read_bytes()


def test_initialize_that_cannot_be_written_leaves_the_old_model():
    model = AIModelBase()
    model.initialize(lr=1)
    (model.model_dir() / "weights").write_text("precious")
    with pytest.raises(TypeError):
        model.initialize(lr={1})
    names = sorted(path.name for path in model.model_dir().iterdir())
    assert names == ["model.json", "weights"] and AIModelBase().model_info == {"lr": 1}
    assert os.listdir(model.datapath / "models") == ["default"]


def test_initialize_is_seen_as_a_whole():
    """Whoever looks meanwhile sees the old model or the new one, and never none."""
    model = AIModelBase()
    model.initialize(number=-1)
    over, seen = threading.Event(), []

    def look():
        while not over.is_set():
            seen.append(json.loads(model.model_info_path.read_text())["number"])

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(60):
        model.initialize(number=number)
    over.set()
    thread.join()
    assert seen == sorted(seen) and len(seen) > 1


@pytest.mark.parametrize("exchange", [True, False])
def test_folder_is_replaced_with_and_without_exchange(here, monkeypatch, exchange):
    from aiges.contracts.aipod import _versions

    if not exchange:
        monkeypatch.setattr(_versions, "_exchange", lambda one, other: False)
    for text in ("one", "two"):
        (here / "m").mkdir(exist_ok=True)
        (here / "m" / "old").touch()
        _versions.replace_folder(here / "m", {"f": text})
        assert os.listdir(here) == ["m"] and os.listdir(here / "m") == ["f"]
        assert (here / "m" / "f").read_text() == text


def test_what_a_model_does_not_do():
    model = AIModelBase()
    with pytest.raises(NotSupportedError, match="^$"):
        model.train()
    with pytest.raises(NotImplementedError, match="^$"):
        model.predict()
    with pytest.raises(NotImplementedError, match="^$"):
        model.log(name="x")
    assert model.log() == []


# --- Logs and archives.


def test_log_lines(here):
    log = TrainningLogger(here / "log")
    assert log.read_all() == []
    log.append(0.5, {"a": 1}, "text", "stage", loss=2)
    log.append(status="finished", timestamp=5)
    lines = (here / "log").read_text().splitlines()
    keys = ["progress", "data", "message", "stage", "status", "timestamp"]
    first = json.loads(lines[0])
    assert list(first) == [*keys, "loss"] and abs(first.pop("timestamp") - time.time()) < 60
    assert list(first.values()) == [0.5, {"a": 1}, "text", "stage", "running", 2]
    assert lines[1].endswith('"status": "finished", "timestamp": 5}')
    assert log.read_all()[1]["timestamp"] == 5


@pytest.mark.parametrize("torn", [b'{"progress": 1', b"\n\n", b"\xff\xfe", b'{"a": "\xe4'])
def test_torn_line_is_passed_over_and_spoils_no_other(here, torn):
    log = TrainningLogger(here / "log")
    log.append(1)
    with open(here / "log", "ab") as out:
        out.write(torn)
    assert [entry["progress"] for entry in log.read_all()] == [1]
    log.append(2)
    assert [entry["progress"] for entry in log.read_all()] == [1, 2]


def test_lines_of_many_threads_are_whole(here):
    log = TrainningLogger(here / "log")
    threads = [
        threading.Thread(target=lambda: [log.append(message="x" * 5000) for _ in range(20)])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        log.read_all()
    assert len(log.read_all()) == 100


def test_progressor():
    progress = Progressor(4, 20, 60)
    assert [progress.calculate(done) for done in (0, 1, 4)] == [20, 30, 60]
    assert (progress.start, progress.end, progress.total, progress.tasks) == (20, 60, 40, 4)
    with pytest.raises(ZeroDivisionError):
        Progressor(0).calculate(1)


def test_zip_package(here):
    package = ZipPackage(mode="w")
    (here / "file").write_text("of the disk")
    package.write_file("a/b", data=b"bytes")
    package.write_file("c", path=str(here / "file"))
    with pytest.raises(Exception, match="need input"):
        package.write_file("d")
    data = package.close(str(here / "saved.zip"))
    assert (here / "saved.zip").read_bytes() == data
    infos = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert {info.compress_type for info in infos} == {zipfile.ZIP_DEFLATED}
    for given in ({"data": data}, {"path": str(here / "saved.zip")}):
        assert ZipPackage(mode="r", **given).read_file("c") == b"of the disk"
    package = ZipPackage(data=data, mode="a")
    package.write_file("d", data=b"1")
    assert ZipPackage(data=package.close(), mode="r").read_file("a/b") == b"bytes"
    with pytest.raises(ValueError):
        ZipPackage(data=data)


# --- In one's own process.


def test_pool_of_ones_own():
    made = []

    class Model(AIModelBase):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            made.append(self.version)

    pool = ModelPool(Model, "1")
    first = pool.get(None)
    assert pool.get("default") is first and not first.disposed
    pool.get("b")
    assert first.disposed and made == ["default", "b"]
    pool.release("b")
    pool.release("never")
    pool.get("b")
    assert made == ["default", "b", "b"]
    assert ModelPool(Model).size == 1 and ModelPool(Model, 0).size == 0
    with pytest.raises(ValueError):
        ModelPool(Model, "")


def test_pool_of_ones_own_is_no_larger_while_many_load():
    lock, there, most, made = threading.Lock(), [0], [0], []
    go_on = threading.Event()

    class Model:
        def __init__(self, version, datapath):
            with lock:
                made.append(version)
                there[0] += 1
                most[0] = max(most[0], there[0])
            assert go_on.wait(20)

        def dispose(self):
            with lock:
                there[0] -= 1

    pool = ModelPool(Model, 2)
    threads = [threading.Thread(target=pool.get, args=(v,), daemon=True) for v in "abcdabcd"]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(made) >= 2, "two loads at once")
    go_on.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert most[0] <= 2 and set(made) == set("abcd") and len(pool.pool) <= 2


def test_pool_of_ones_own_after_a_load_that_raised():
    broken = [True]

    class Model(AIModelBase):
        def __init__(self, **kwargs):
            if broken[0]:
                raise RuntimeError("no GPU")
            super().__init__(**kwargs)

    pool = ModelPool(Model)
    for version in ("a", "b", "a"):
        with pytest.raises(RuntimeError, match="no GPU"):
            pool.get(version)
    broken[0] = False
    assert pool.get("a").version == "a" and pool.get("b").version == "b"


def test_pool_of_ones_own_frees_a_model_before_it_makes_the_next():
    alive = weakref.WeakSet()

    class Model:
        def __init__(self, version, datapath):
            assert not alive, "expected no other one"
            alive.add(self)
            self.itself = self  # Only the collector sees that nobody has it.

        def dispose(self):
            pass

    pool = ModelPool(Model, 1)
    for version in "abab":
        pool.get(version)
    pool.release("b")
    assert not alive


class Doubles(AIModelBase):
    def train(self, **kwargs):
        raise ValueError("not today")

    def predict(self, x, **kwargs):
        return {"y": x * 2, "data": kwargs["binary_data"].hex(), "number": id(self)}


def test_server_of_ones_own_and_the_client(here, capsys):
    port = free_ports(1)[0]
    with Serve(Doubles, port):
        with AIClient(f"127.0.0.1:{port}", version="v1", timeout=20) as client:
            assert client.initialize(lr=1) == {"result": True}
            first = client.predict(b"\x01", x=[1])
            assert first["y"] == [1, 1] and first["data"] == "01"
            with pytest.raises(grpc.RpcError) as raised:
                client.train()
            assert raised.value.details() == "Exception calling application: not today"
            assert client.log() == []
            assert client.predict(x=1)["number"] != first["number"]  # The failed one has gone.
    assert capsys.readouterr().out == f"listening address: [::]:{port}\nRPC server shutdown\n"


def test_servicer_of_ones_own_server(here):
    from concurrent import futures

    from aipod.rpc.proto.ai_pb2_grpc import AIServicer as Base
    from aipod.rpc.proto.ai_pb2_grpc import add_AIServicer_to_server
    from aipod.rpc.server import AIServicer

    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = AIServicer(Doubles)
    assert isinstance(servicer, Base) and servicer.instance_pool.size == 1
    add_AIServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with AIClient(f"127.0.0.1:{port}", timeout=20) as client:
        assert client.predict(x="a")["y"] == "aa"
        with pytest.raises(grpc.RpcError, match="Method not implemented!"):
            client.cancel()
    server.stop(0).wait()


def test_client_makes_no_folder_until_it_is_asked_for_one(here):
    client = AIClient("127.0.0.1:1", version="v1", datapath="mine", timeout=0.01)
    assert (client.version, client.address, client.log is not None) == ("v1", "127.0.0.1:1", True)
    with pytest.raises(TypeError):
        client.predict(x={1})
    with pytest.raises(grpc.RpcError) as raised:
        client.predict(x=1)
    assert raised.value.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    client.close()
    assert list(here.iterdir()) == []
    assert client.model_dir().is_dir()
    with pytest.raises(Exception, match="^missing rpc server address$"):
        AIClient()


def test_messages_lie_beside_those_that_protoc_made_of_the_same_file(here):
    """Users generate code of the proto file, too, which the default pool then knows."""
    code = (
        "from google.protobuf import descriptor_pool as p; from aiges.contracts.aipod import _wire;"
        "p.Default().AddSerializedFile(_wire.descriptor());"
        "from aipod.rpc.proto.ai_pb2 import Input; print(Input(version='a').SerializeToString())"
    )
    env = {**os.environ, "PYTHONPATH": python_path()}
    out = subprocess.check_output([sys.executable, "-c", code], env=env)
    assert out.decode().strip() == r"b'\x12\x01a'"


CALLS = """
import sys
import google.protobuf
from aipod.rpc.client import AIClient
with AIClient(sys.argv[1], version="v7") as client:
    print(google.protobuf.__version__, client.initialize(lr=1), client.predict(x=2)["y"])
"""


@pytest.mark.parametrize("implementation", ["", "python"])
def test_our_client_works_with_protobuf_3_20(original_python, here, implementation):
    port = free_ports(1)[0]
    env = {**os.environ, "PYTHONPATH": python_path()}
    if implementation:
        env["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = implementation
    with Serve(Doubles, port):
        command = [original_python, "-c", CALLS, f"127.0.0.1:{port}"]
        out = subprocess.check_output(command, env=env, cwd=here, text=True)
    assert out == "3.20.3 {'result': True} 4\n"
