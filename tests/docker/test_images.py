# SPDX-License-Identifier: Apache-2.0
"""The images of docker/gpu, run by podman: the base, both plugins on top of it, and a server of
PrimeHub by its own Dockerfile.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request

import containers
import grpc
import pytest
from aiges.client import Client, DataType, Payload
from callers import Callers, first_line
from containers import ECHO, ENVIRONMENT, REPOSITORY, Container, on_the_host, podman
from played_pod import PlayedPod, runtime_options
from systemd_unit import UNIT, seccomp_profile
from waiting import wait_until

PLUGINS = REPOSITORY / "plugins"
PAGE = (PLUGINS / "mmocr" / "test_data" / "page.png").read_bytes()
COINS = (PLUGINS / "yolov5" / "test_data" / "coins.png").read_bytes()
BASE = "localhost/aiges-gpu:0.1.0-cpu-debian12"
CPU = "localhost/aiges-cpu:0.1.0-debian12"  # Of the chart and of KServe's runtimes, by default.
PICTURE = "key=img&type=image"
SKELETON = REPOSITORY / "docs" / "examples" / "seldon" / "skeleton"
SKELETON_IMAGE = "localhost/aiges-test-skeleton:latest"

pytestmark = [
    pytest.mark.skipif(bool(containers.why_not()), reason=containers.why_not()),
    pytest.mark.usefixtures("images"),
]

V2_REQUEST = b"""{"inputs": [
    {"name": "data", "datatype": "BYTES", "shape": [1], "data": ["hello"]}]}"""


def text_of(boxes):
    return " ".join(line["text"] for line in boxes["lines"])


def first_record(folder):
    """Of the sink "file"; empty before there is one."""
    lines = "".join(file.read_text() for file in sorted(folder.glob("usage-*.jsonl"))).splitlines()
    return json.loads(lines[0]) if lines else {}


def test_the_base_image_serves_a_wrapper_that_is_mounted(tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    tmp_path.chmod(0o755)
    mount = f"{tmp_path / 'wrapper.py'}:/home/aiges/wrapper.py:ro"
    with Container(BASE, "--volume", mount) as container:
        assert container.raw(b"hello", "key=data&type=text") == {"uid": 10001, "said": "hello"}
        with Client(container.grpc, timeout_s=20) as client:
            assert json.loads(client.once("over gRPC").text())["said"] == "over gRPC"
        assert container.stop() == 0


def test_a_pod_of_the_chart_serves_a_model_that_is_mounted(tmp_path):
    """With the rights that the chart gives it, and a port of its own for pages and metrics."""
    (tmp_path / "wrapper.py").write_text(ECHO)
    tmp_path.chmod(0o755)
    usage = tmp_path / "usage"
    usage.mkdir()
    usage.chmod(0o777)
    sets = (f"model.volume.hostPath.path={tmp_path}", "shutdown.lameDuckSeconds=5")
    metering = ("metering.enabled=true", f"metering.volume.hostPath.path={usage}")
    with PlayedPod(tmp_path, CPU, *sets, *metering, "maxInFlight=77") as pod:
        answer = pod.ask(1888, "/v1/raw/svcName?key=data&type=text", b"hello")
        assert json.loads(answer) == {"uid": 10001, "said": "hello"}
        with Client(f"{pod.address}:5090", timeout_s=20) as client:
            assert json.loads(client.once("over gRPC").text())["said"] == "over gRPC"
        assert "aiges_licences 77\n" in pod.ask(9000, "/metrics")
        assert pod.run("touch /tmp/x log/x xsf_status/x")[0] == 0
        for path in ("/x", "/home/aiges/x", "/models/x"):
            assert pod.run(f"touch {path}")[0] != 0, path
        wait_until(lambda: "data" in first_record(usage), "a usage record", 20)
        assert pod.run("grep -c 'NoNewPrivs:.1' /proc/self/status")[1] == "1"
        assert pod.stop() == 0


@pytest.mark.parametrize(("runtime", "grpc_port"), [("aiges", 9000), ("aiges-knative", 8080)])
def test_a_runtime_of_kserve_serves_what_lies_in_its_folder(runtime, grpc_port, tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    tmp_path.chmod(0o755)
    options = runtime_options(runtime, "words", tmp_path)
    with Container(CPU, *options, ports=(grpc_port, 8080)) as container:
        answer = container.ask("/v2/models/words/infer", V2_REQUEST)
        assert json.loads(answer["outputs"][0]["data"][0])["said"] == "hello"
        answer = container.ask("/v1/models/words:predict", b'{"instances": ["hello"]}')
        assert '"uid": 10001' in answer["predictions"][0]
        with Client(container.grpc, timeout_s=20) as client:
            assert json.loads(client.once("over gRPC").text())["said"] == "over gRPC"


def test_the_system_calls_that_the_unit_of_systemd_allows_are_enough(tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    profile = tmp_path / "calls.json"
    seccomp_profile(UNIT.read_text(encoding="utf-8"), profile)
    mount = f"{tmp_path / 'wrapper.py'}:/home/aiges/wrapper.py:ro"
    options = ["--security-opt", f"seccomp={profile}", "--volume", mount]
    with Container(BASE, *options) as container:
        assert container.raw(b"hello", "key=data&type=text")["said"] == "hello"
        said = podman("exec", container.name, "grep", "Seccomp:", "/proc/1/status")[1]
        assert said.split() == ["Seccomp:", "2"]
        assert container.stop() == 0


def test_the_base_image_has_the_layout_that_its_users_expect(tmp_path):
    """Also: start_test.sh starts the service, from any folder, as root too."""
    (tmp_path / "wrapper.py").write_text(ECHO)
    names = "AIService AIservice LICENSE THIRD_PARTY.md aiges.toml include/aiges library log"
    names += " start_test.sh xsf_status"
    script = f"cd /home/aiges && ls -d {names} && touch log/x xsf_status/x && cd / && exec "
    options = ["--user", "0", "--volume", f"{tmp_path / 'wrapper.py'}:/home/aiges/wrapper.py:ro"]
    options += ["--tmpfs", "/home/aiges/log", "--tmpfs", "/home/aiges/xsf_status"]
    start = ["--entrypoint", json.dumps(["sh", "-c", script + "/home/aiges/start_test.sh"])]
    with Container(BASE, *options, *start) as container:
        assert container.raw(b"x", "key=data&type=text")["uid"] == 0
        assert container.logs().split("AIService listening")[0].split() == names.split()
        assert container.stop() == 0


def test_yolov5_finds_the_coins_with_weights_that_are_mounted(tmp_path):
    make = [sys.executable, PLUGINS / "yolov5" / "make_test_model.py", tmp_path / "shapes.onnx"]
    subprocess.run(make, check=True)
    tmp_path.chmod(0o755)
    with Container("localhost/aiges-yolov5:0.1.0", "--volume", f"{tmp_path}:/resources:ro") as c:
        found = c.raw(COINS, PICTURE)["detections"]
        assert [one["label"] for one in found].count("disc") > 10
        with Client(c.grpc, timeout_s=60) as client:
            reply = client.once([Payload("img", COINS, DataType.IMAGE)], expect=["boxes"])
        assert json.loads(reply.text("boxes"))["detections"] == found
        assert c.stop() == 0


def reading(picture):
    """How callers ask for what is written in a picture."""
    wanted = Payload("img", picture, DataType.IMAGE)
    return picture, PICTURE, wanted, "boxes"


def test_mmocr_reads_a_page_and_loses_nothing_when_it_is_stopped_under_load(tmp_path):
    options, ports = on_the_host(tmp_path)
    with Container("localhost/aiges-mmocr:0.1.0", *options, ports=ports) as container:
        page = container.raw(PAGE, PICTURE)
        assert "markers" in text_of(page) and len(page["lines"]) >= 5
        headline = first_line(PAGE)
        read = container.raw(headline, PICTURE)
        assert text_of(read).startswith("Region-based")
        callers = Callers(container, read, *reading(headline))
        wait_until(lambda: len(callers.right) >= 6 or callers.wrong, "calls are answered", 90)
        code = container.stop(60)
        callers.end()
        assert (code, callers.wrong) == (0, [])


def test_without_a_wrapper_the_container_ends_and_says_so():
    refused = containers.podman("run", "--rm", *containers.CAREFUL, BASE, check=False)
    assert refused[0] != 0


def test_ports_are_published_as_the_readme_says(tmp_path):
    (tmp_path / "wrapper.py").write_text(ECHO)
    tmp_path.chmod(0o755)
    mount = f"{tmp_path / 'wrapper.py'}:/home/aiges/wrapper.py:ro"
    with Container(BASE, "--volume", mount, "--publish", "127.0.0.1::5090") as container:
        place = containers.podman("port", container.name, "5090")[1]
        with grpc.insecure_channel(place) as channel:
            grpc.channel_ready_future(channel).result(timeout=20)


@pytest.fixture(scope="module")
def skeleton(images, tmp_path_factory):
    text = (SKELETON / "Dockerfile").read_text(encoding="utf-8")
    ours, count = re.subn(r"(?m)^FROM (?=aiges-)", "FROM localhost/", text)
    assert count == 1
    file = tmp_path_factory.mktemp("image") / "Dockerfile"
    file.write_text(ours, encoding="utf-8")
    command = ["buildah", "build", "--pull-never", "--format", "docker", "--tag", SKELETON_IMAGE]
    done = subprocess.run(
        [*command, "--file", file, SKELETON],
        env={**ENVIRONMENT, "BUILDAH_ISOLATION": "chroot"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield SKELETON_IMAGE
    subprocess.run(
        ["buildah", "rmi", SKELETON_IMAGE], env=ENVIRONMENT, capture_output=True, check=False
    )


def ask(address, path, body):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode(), headers)
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


def test_dockerfile_of_primehub_needs_another_from(skeleton):
    """A server of PrimeHub, whose requirements.txt installs the original: ours answers."""
    ready = ["--env", "AIGES_READY_URL=http://127.0.0.1:9000/readyz"]
    with Container(skeleton, *ready, ports=(5000, 9000)) as container:
        said = ask(container.http, "/api/v1.0/predictions", {"data": {}})
        assert said == {"meta": {}, "strData": "Hello Model"}
        where = "import seldon_core; print(seldon_core.__file__)"
        _, file = containers.podman("exec", container.name, "python", "-c", where)
        assert file.startswith("/home/aiges/library/compat/seldon/"), file
        assert os.path.basename(file) == "__init__.py"
        assert container.stop() == 0
