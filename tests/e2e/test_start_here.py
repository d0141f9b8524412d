# SPDX-License-Identifier: Apache-2.0
"""AIService with as little said as people say: no flags, no -s, code of any name, a line a call."""

import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from loader_process import DIE_WITH_PARENT, environment
from waiting import wait_until

MODEL = """
def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = reqData[0]["data"].upper()
    respData.append({"key": "result", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
"""


class Started:
    """AIService in a folder, with these flags only."""

    def __init__(self, binary, folder, arguments):
        self.lines = []
        self.process = subprocess.Popen(
            [*DIE_WITH_PARENT, str(binary), *arguments],
            cwd=folder,
            env=environment(folder, None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def text(self):
        return "\n".join(self.lines)

    def address(self):
        """That of HTTP, once it is ready."""
        wait_until(
            lambda: "AIService ready" in self.text() or self.process.poll() is not None, "ready", 30
        )
        words = [word for line in self.lines for word in line.split() if word.startswith("http=")]
        assert words, self.text()
        return words[0][len("http=") :]

    def end(self):
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture
def begin(binaries, tmp_path):
    started = []

    def run(*arguments):
        started.append(Started(binaries.loader, tmp_path, arguments))
        return started[-1]

    yield run
    for each in started:
        each.process.kill()
        each.process.wait()


def ask(address, service, body=b"hello"):
    request = urllib.request.Request(f"http://{address}/v1/raw/{service}", body)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def write(folder, name, aiges=""):
    (folder / name).write_text(MODEL)
    (folder / "aiges.toml").write_text(
        f'[mine]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "127.0.0.1:0"\n{aiges}'
    )


@pytest.mark.parametrize("arguments", [[], ["-m=0"]])
def test_the_only_service_of_the_file_is_meant(begin, tmp_path, arguments):
    write(tmp_path, "wrapper.py")
    service = begin(*arguments)
    assert ask(service.address(), "mine") == b"HELLO"
    assert service.end() == 0


def test_a_model_may_have_any_name(begin, tmp_path):
    write(tmp_path, "my_model.py", '[aiges]\ncontract = "aiges"\napp = "my_model"\n')
    service = begin()
    assert ask(service.address(), "mine") == b"HELLO"
    assert service.end() == 0


def test_one_that_is_not_there_is_named(begin, tmp_path):
    write(tmp_path, "my_model.py", '[aiges]\ncontract = "aiges"\napp = "other"\n')
    service = begin()
    assert service.process.wait(30) == 1
    wait_until(lambda: "no other.py found in" in service.text(), "the words")


def test_a_start_that_fails_is_told_as_that(begin, tmp_path):
    write(tmp_path, "wrapper.py")
    broken = MODEL.replace("return 0", "raise OSError('no weights')", 1)
    (tmp_path / "wrapper.py").write_text(broken)
    service = begin()
    assert service.process.wait(30) == 1
    wait_until(lambda: "main] stopped" in service.text(), "the last line")
    assert "got SIGTERM" not in service.text()
    assert "stopping, the engine did not start" in service.text()
    traceback = [line for line in service.lines if "[worker0] " in line]
    assert len(traceback) >= 3 and all(" E [worker0] " in line for line in traceback)


def test_each_call_is_a_line_where_that_is_asked_for(start):
    loader = start(MODEL, config={"log": {"access": True}})
    assert ask(loader.http, "svcName?p.secret=x") == b"HELLO"
    loader.wait_log("[access] HTTP/1.1 POST /v1/raw/svcName 200 ")
    loader.xsf.once(loader.xsf.payload("data", b"hello"))
    loader.wait_log("[access] gRPC /utils.XsfCall/call 0 ")
    with pytest.raises(urllib.error.HTTPError):
        ask(loader.http, "nobody")
    loader.wait_log("[access] HTTP/1.1 POST /v1/raw/nobody 404 ")
    with urllib.request.urlopen(f"http://{loader.http}/metrics", timeout=5) as page:
        assert page.status == 200
    assert ask(loader.http, "svcName", b"last") == b"LAST"
    loader.wait_log(", 4 > 4 bytes")
    log = loader.log()
    assert "secret" not in log and "/metrics" not in log
    assert ", 5 > 5 bytes" in log


def test_no_call_is_a_line_by_default(start):
    loader = start(MODEL)
    assert ask(loader.http, "svcName") == b"HELLO"
    assert "[access]" not in loader.log()
