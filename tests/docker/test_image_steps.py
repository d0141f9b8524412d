# SPDX-License-Identifier: Apache-2.0
"""The steps of docker/gpu that need no container engine, run in plain folders."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKER = REPOSITORY / "docker"
GPU = DOCKER / "gpu"
BINARIES = REPOSITORY / "build" / "bin"

needs_binaries = pytest.mark.skipif(
    not (BINARIES / "AIService").is_file(), reason="build/bin/AIService is missing; run make first"
)
needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this is no Debian")


def run(script, *arguments, **options):
    command = [str(GPU / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("home") / "aiges"
    result = run("install.sh", "--prefix", prefix)
    assert result.returncode == 0, result.stderr
    return prefix


# ---- apt-build.txt


def test_the_image_has_what_the_build_needs():
    """Libraries were added to scripts/setup.sh and forgotten here: the image could not be built."""
    setup = (REPOSITORY / "scripts" / "setup.sh").read_text(encoding="utf-8")
    packages = re.search(r"^packages=\((.*?)^\)", setup, re.M | re.S)[1].split()
    libraries = {name for name in packages if name.endswith("-dev")} - {"libgtest-dev"}
    assert libraries <= set((GPU / "apt-build.txt").read_text(encoding="utf-8").split())
    (pinned,) = re.findall(
        r"^swagger-ui-py==\S+$", (REPOSITORY / "scripts" / "requirements.txt").read_text(), re.M
    )
    assert pinned in (GPU / "Dockerfile").read_text(encoding="utf-8")


def test_the_base_images_share_their_build_stage_and_differ_in_what_they_say_of_cuda():
    gpu, cpu = ((DOCKER / name / "Dockerfile").read_text() for name in ("gpu", "cpu"))
    stage = re.compile(r"^FROM \S+ AS build\n.*?(?=^FROM )", re.M | re.S)
    assert stage.search(gpu)[0] == stage.search(cpu)[0]
    ignored = [(DOCKER / name / "Dockerfile.dockerignore").read_text() for name in ("gpu", "cpu")]
    assert ignored[0] == ignored[1]
    environment = re.compile(r"^(?:# NVIDIA_.*?)?ENV .*?(?<!\\)\n", re.M | re.S)
    rests = [environment.sub("", text.split("\nFROM ")[2]) for text in (gpu, cpu)]
    assert rests[0].replace("Debian and Ubuntu forbid", "Debian forbids") == rests[1]


def test_what_images_on_top_install_is_what_the_tests_have():
    """And all of it: the packages of the extras in pyproject.toml."""
    pins = "\n".join(
        (REPOSITORY / name).read_text()
        for name in ("tests/requirements.txt", "scripts/requirements.txt")
    )
    names = set()
    for folder in ("contracts", "paddle"):
        for line in (DOCKER / folder / "requirements.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            name = line.split("==")[0]
            names.add(name.lower().replace("_", "-"))
            assert line in pins or f"\n{name}==" not in pins, f"{line}: the tests have another"
    extras = (REPOSITORY / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    for extra in ("wsgi", "openbayes", "seldon", "aipod", "triton", "paddle"):
        wanted = re.search(rf"^{extra} = \[(.*?)\]", extras, re.M | re.S)[1]
        for name in re.findall(r'"([A-Za-z0-9_-]+)', wanted):
            assert name.lower().replace("_", "-") in names, f"{extra}: {name}"


# ---- install.sh


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--prefix is missing"),
        (("--prefix",), "--prefix needs a folder"),
        (("--prefix", "x", "--fast"), "unknown argument --fast"),
        (("--prefix", "x", "--binaries", "/nowhere"), "expected /nowhere/AIService"),
    ],
)
def test_install_explains_what_is_wrong(tmp_path, arguments, expected):
    result = run("install.sh", *arguments, cwd=tmp_path)
    assert result.returncode == 1 and expected in result.stderr
    assert list(tmp_path.iterdir()) == []


@needs_binaries
def test_install_makes_the_layout_of_the_image(installed):
    for name in ("AIService", "aiges-worker", "library/libwrapper.so"):
        assert os.access(installed / name, os.X_OK), name
    files = "include/aiges/type.h include/aiges/wrapper.h aiges.toml library/healthcheck.py LICENSE"
    for name in files.split():
        assert (installed / name).is_file(), name
    for name in ("log", "xsf_status"):
        assert (installed / name).stat().st_mode & 0o7777 == 0o1777, name
    assert os.readlink(installed / "AIservice") == "AIService"
    assert not list(installed.rglob("__pycache__"))


@needs_binaries
@needs_dpkg
def test_install_brings_the_licences_of_others(installed):
    page = (installed / "THIRD_PARTY.md").read_text()
    assert "| libnghttp2" in page and "| swagger-ui-dist |" in page


@needs_binaries
def test_install_strips_programs_that_run_as_before(installed, tmp_path):
    assert run("install.sh", "--prefix", tmp_path, "--strip").returncode == 0
    for name in ("AIService", "aiges-worker", "library/libwrapper.so"):
        assert (tmp_path / name).stat().st_size < (installed / name).stat().st_size, name
    version = subprocess.run([tmp_path / "AIService", "-v"], capture_output=True, check=False)
    assert version.returncode == 0


@needs_binaries
def test_install_can_be_repeated(installed):
    before = sorted(installed.rglob("*"))
    assert run("install.sh", "--prefix", installed).returncode == 0
    assert sorted(installed.rglob("*")) == before


@needs_binaries
def test_the_installed_python_package_imports(installed):
    result = subprocess.run(
        [sys.executable, "-c", "import aiges.sdk, iflags.flags; print(aiges.__file__)"],
        env={
            "PYTHONPATH": f"{installed}/library/python:{installed}/library/compat/iflags",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(installed))


def image_environment(installed):
    """ENV of the Dockerfile with the layout in another place, and the tests' interpreter."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": f"{installed}:{installed}/library",
        "PYTHONPATH": f"{installed}:{installed}/library/python",
        "HOME": str(installed),
    }


@needs_binaries
def test_the_installed_service_serves_a_wrapper_and_is_healthy(installed, tmp_path):
    """As in a business image: wrapper.py beside AIService, CMD of the Dockerfile, free ports."""
    home = tmp_path / "aiges"
    shutil.copytree(installed, home, symlinks=True)
    (home / "wrapper.py").write_text(
        "def wrapperInit(config):\n    return 0\n"
        "def wrapperFini():\n    return 0\n"
        "def wrapperError(code):\n    return 'error'\n"
        "def wrapperOnceExec(tag, params, request, results, ids, count):\n"
        "    results.extend(request)\n    return 0\n"
    )
    text = (home / "aiges.toml").read_text()
    text = text.replace("/home/aiges", str(home)).replace("0.0.0.0:1888", "127.0.0.1:0")
    (home / "aiges.toml").write_text(text.replace("port = 5090", "port = 0"))
    arguments = re.search(r"^CMD (\[.*\])$", (GPU / "Dockerfile").read_text(), re.MULTILINE)[1]
    command = [word.strip('" ') for word in arguments.strip("[]").split(",")]
    environment = image_environment(home)
    service = subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(60, service.kill)
    watchdog.start()
    try:
        lines = [service.stdout.readline() for _ in range(2)]
        http = re.search(r"http=\S+:(\d+)", lines[0])[1]
        assert lines[1].startswith("AIService ready"), lines
        url = {"AIGES_READY_URL": f"http://127.0.0.1:{http}/readyz"}
        check = subprocess.run(
            ["python3", str(home / "library" / "healthcheck.py")],
            env={**environment, **url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert check.returncode == 0, check.stderr
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=50) == 0
    finally:
        watchdog.cancel()
        service.kill()
        service.stdout.close()
        service.wait()


# ---- runtime_packages.sh


@needs_dpkg
def test_runtime_packages_of_a_program_are_those_that_dpkg_knows(tmp_path):
    shutil.copy(shutil.which("bash"), tmp_path / "bash")
    result = run("runtime_packages.sh", tmp_path)
    assert result.returncode == 0, result.stderr
    packages = result.stdout.split()
    assert "libc6" in packages and packages == sorted(set(packages))
    for package in packages:
        subprocess.run(["dpkg-query", "-W", package], check=True, stdout=subprocess.DEVNULL)


@needs_dpkg
@needs_binaries
def test_runtime_packages_of_the_service_hold_http2_but_not_its_headers(installed):
    result = run("runtime_packages.sh", installed)
    assert result.returncode == 0, result.stderr
    packages = result.stdout.split()
    assert any(name.startswith("libnghttp2") for name in packages)
    has_xtest = (installed / "xtest").is_file()  # The one program that gRPC's library is for.
    assert any(name.startswith("libgrpc++") for name in packages) == has_xtest
    assert not any(name.endswith("-dev") for name in packages)


def test_runtime_packages_wants_one_folder():
    assert run("runtime_packages.sh").returncode == 2


# ---- healthcheck.py


@pytest.fixture
def health_server():
    """health_server(status) -> the URL of a server that answers so."""
    servers = []

    def start(status):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"0 instances ready")

            def log_message(self, *arguments):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/readyz"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def check_health(url):
    return subprocess.run(
        [sys.executable, str(GPU / "healthcheck.py")],
        env={"AIGES_READY_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_health_follows_readyz(health_server):
    assert check_health(health_server(200)).returncode == 0
    result = check_health(health_server(503))
    assert result.returncode == 1 and "got 503: 0 instances ready" in result.stderr


def test_health_without_a_listener_says_so():
    result = check_health("http://127.0.0.1:1/readyz")
    assert result.returncode == 1 and "no answer" in result.stderr
