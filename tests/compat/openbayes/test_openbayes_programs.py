# SPDX-License-Identifier: Apache-2.0
"""Predictors that stream, limit their callers, have a model, run beside, or lack what they need."""

import json
import sys
import threading

import pytest
from loader_process import DIE_WITH_PARENT
from openbayes_served import BIN, HEAD, RUN, Predictor
from waiting import wait_until


def test_answers_stream_as_they_are_made(serve):
    text = (
        HEAD
        + """
import threading
import flask
class Predictor:
    def __init__(self):
        self.more = threading.Event()
    def predict(self, params):
        if "more" in params:
            self.more.set()
            return "ok"
        def pieces():
            yield "data: first\\n\\n"
            yield f"data: {self.more.wait(20)}\\n\\n"
        return flask.Response(pieces(), mimetype="text/event-stream")
"""
    )
    predictor = serve(text + RUN)
    with predictor.web.socket() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        got = b""
        while b"first" not in got:
            got += client.recv(4096)
        assert b"True" not in got
        assert predictor.post(b"", "/?more=1").body == b"ok"
        while b"data: True" not in got:
            piece = client.recv(4096)
            assert piece, got
            got += piece
    assert b"content-type: text/event-stream; charset=utf-8" in got.lower()


LIMITED = (
    HEAD
    + """
import os, time
class Predictor:
    def __init__(self, config):
        config.limit_concurrency(2)
        self.inside = self.most = 0
    def predict(self) -> list:
        self.inside += 1
        self.most = max(self.most, self.inside)
        open(f"inside{self.inside}", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        self.inside -= 1
        return [self.most]
"""
)


@pytest.mark.parametrize("workers", [10, 1])
def test_limit_concurrency_refuses_what_is_beyond(serve, tmp_path, workers):
    """Of two that are let in, one waits where one thread may call predict."""
    (tmp_path / "aiges.toml").write_text(f"[wrapper]\nmax_workers = {workers}\n")
    predictor = serve(LIMITED + RUN)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(predictor.post())) for _ in range(2)]
    threads[0].start()
    wait_until((tmp_path / "inside1").exists, "the first to be served")
    threads[1].start()

    def refused():
        connection = predictor.web.connect(timeout_s=1)
        try:
            return predictor.post(b"", connection=connection)
        except TimeoutError:  # It came before the second.
            return None
        finally:
            connection.close()

    answer = wait_until(refused, "two to be let in", 20)
    assert (answer.status, answer.body) == (503, b"Service Unavailable")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert predictor.web.get("/").status == 200
    if workers > 1:
        wait_until((tmp_path / "inside2").exists, "the second to be served")
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(30)
    served = [answer for answer in answers if answer.status == 200]
    assert served and max(answer.json[0] for answer in served) == min(workers, 2)
    # predict says that it returns a list: who takes none is told before it runs.
    wait_until(lambda: predictor.post().status == 200, "room for more")
    (tmp_path / "inside1").unlink()
    assert predictor.post(b"", Accept="image/png").status == 406
    assert not (tmp_path / "inside1").exists()
    assert predictor.post(b"", Accept="*/*").status == 200 and (tmp_path / "inside1").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with b.onnx (x + 1) and a.onnx (x + 2)."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("model")
    for name, added in (("b.onnx", 1.0), ("a.onnx", 2.0)):
        kind = onnx.TensorProto.FLOAT
        x, y = (onnx.helper.make_tensor_value_info(n, kind, [None]) for n in "xy")
        more = onnx.helper.make_tensor("more", kind, [1], [added])
        node = onnx.helper.make_node("Add", ["x", "more"], ["y"])
        graph = onnx.helper.make_graph([node], "g", [x], [y], [more])
        made = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
        )
        onnx.save(made, folder / name)
    return folder


ONNX = (
    HEAD
    + """
import numpy
class Predictor:
    def __init__(self, onnx):
        self.onnx = onnx
    def predict(self, json):
        return self.onnx.run(None, {"x": numpy.array(json, "float32")})
"""
)


def test_onnx_of_a_folder_is_the_first_by_name(serve, model):
    (model / "predictor.py").write_text(ONNX + RUN)
    predictor = serve(None, folder=model)
    assert predictor.json(b"[1, 2]").body == b"[[3.0, 4.0]]"
    assert "a.onnx, b.onnx; a.onnx is used" in predictor.log()


def test_onnx_of_a_file_is_that_file(serve, model):
    predictor = serve(ONNX + RUN, "--model-path", str(model / "b.onnx"))
    assert predictor.json(b"[1, 2]").body == b"[[2.0, 3.0]]"


FAILING_RUN = (
    HEAD
    + """
import os, time
class Predictor:
    def run(self):
        while not os.path.exists("fail"):
            time.sleep(0.01)
        os.rename("fail", "failed")
        raise RuntimeError("the queue is gone")
    def predict(self):
        return str(os.getpid())
"""
)


@pytest.mark.parametrize("production", [True, False])
def test_background_that_fails_ends_its_instance_where_deployed(serve, tmp_path, production):
    predictor = serve(FAILING_RUN + RUN, production=production)
    first = predictor.post().body
    (tmp_path / "fail").touch()
    predictor.wait_log("RuntimeError: the queue is gone")
    if production:
        another = lambda: predictor.post().status == 200 and predictor.post().body != first  # noqa: E731
        wait_until(another, "another worker", 20)
    else:
        assert predictor.post().body == first


REQUIRES = "import openbayes_serving as serv\nimport no_such_thing\nserv.run(no_such_thing.P)\n"


def test_import_that_fails_names_what_requirements_miss(tmp_path):
    """Where the host starts it; the user's own command has failed before."""
    (tmp_path / "predictor.py").write_text(REQUIRES)
    (tmp_path / "requirements.txt").write_text("no-such-thing>=1\n")
    (tmp_path / "aiges.toml").write_text(
        '[svcName]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "off"\n'
        f'[aiges]\ncontract = "openbayes"\n[instances]\npython = {json.dumps(sys.executable)}\n'
    )
    predictor = Predictor(tmp_path)
    predictor.command = [*DIE_WITH_PARENT, str(BIN / "AIService"), "-c", "aiges.toml"]
    try:
        predictor.start(ready=False)
        code, _, log = predictor.ended()
    finally:
        predictor.kill()
    assert code == 1
    assert "requirements.txt names what is missing: no-such-thing (not installed)" in log
