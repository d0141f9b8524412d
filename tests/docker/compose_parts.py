# SPDX-License-Identifier: Apache-2.0
"""docker-compose over podman's socket, and images that stand for those of a registry."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import containers
from containers import ECHO, ENVIRONMENT, REPOSITORY
from waiting import wait_until

COMPOSE = REPOSITORY / "deploy" / "compose"
DEBIAN = "docker.io/library/debian:12.11-slim"
OVERLAY = Path(__file__).with_name("echo_loaders.yml")
TOOLS = REPOSITORY / "build" / "tools"
PROGRAMS = {
    "consul": TOOLS / "consul",
    "prometheus": TOOLS / "prometheus",
    "haproxy": Path(shutil.which("haproxy") or "haproxy"),
}
PORTS = (1888, 5090, 8404, 8500, 9090)  # Of docker-compose.yml, on this machine.
# Whose images start a program with the words of the compose file behind it.
ENTRYPOINTS = {
    "consul": '["sh", "-c", "exec consul \\"$@\\" -data-dir=/consul/data", "consul"]',
    "prometheus": '["prometheus"]',
}


def lacking():
    """What is not here; empty: all is."""
    missing = [name for name in ("docker-compose", "dnsmasq") if shutil.which(name) is None]
    missing += [str(file) for file in PROGRAMS.values() if not file.is_file()]
    return containers.why_not() or ", ".join(missing)


def taken_ports():
    """Those of PORTS that somebody else listens on."""
    taken = []
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                taken.append(port)
    return taken


def buildah(*arguments):
    done = subprocess.run(
        ["buildah", *map(str, arguments)],
        env={**ENVIRONMENT, "BUILDAH_ISOLATION": "chroot"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, f"buildah {arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


class StandIns:
    """Images under the names of the compose file, where those are not there: the haproxy of this
    Debian, and the Consul and the Prometheus that scripts/tools.sh built. They go with the `with`.
    """

    def __init__(self, services):
        self.made = []
        for name in PROGRAMS:
            image = services[name]["image"]
            place = image if "/" in image else f"library/{image}"
            self._make(name, f"docker.io/{place}")

    def _make(self, name, image):
        if containers.podman("image", "exists", image, check=False)[0] == 0:
            return
        program = PROGRAMS[name]
        needs = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        libraries = re.findall(r"=> (/\S+)", needs.stdout)  # None of a program of Go.
        container = buildah("from", "--pull-never", DEBIAN)
        buildah("copy", "--quiet", container, program, f"/usr/local/bin/{name}")
        with tempfile.TemporaryDirectory() as folder:
            for library in libraries:  # Under the name that programs ask for, no link.
                shutil.copy(library, folder)
            buildah("copy", "--quiet", container, folder, "/stand-in/")
        buildah("config", "--env", "LD_LIBRARY_PATH=/stand-in", container)
        if name in ENTRYPOINTS:
            buildah("config", "--cmd", "[]", "--entrypoint", ENTRYPOINTS[name], container)
        buildah("commit", "--quiet", "--rm", container, image)
        self.made.append(image)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for image in self.made:
            containers.podman("rmi", image, check=False)


class Cluster:
    """deploy/compose, up; with echoes for loaders, and without Grafana, which nothing here can be
    built from.
    """

    def __init__(self, services):
        self.names = sorted(set(services) - {"grafana"})
        self.folder = Path(tempfile.mkdtemp())  # A socket's path must be short.
        self.folder.chmod(0o755)
        (self.folder / "wrapper.py").write_text(ECHO)
        self.address = f"unix://{self.folder}/podman.sock"

    def __enter__(self):
        command = ["setpriv", "--pdeathsig", "TERM", "podman", "system", "service", "--time=0"]
        with (self.folder / "service.log").open("wb") as log:
            self.service = subprocess.Popen(
                [*command, self.address], env=ENVIRONMENT, stdout=log, stderr=log
            )
        try:
            wait_until((self.folder / "podman.sock").exists, "podman listens", 20)
            self.run("up", "--detach", "--no-build", *self.names)
        except BaseException:
            print((self.folder / "service.log").read_text())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.run("down", "--volumes", "--timeout", "1")
        finally:
            self.service.terminate()
            self.service.wait()
            shutil.rmtree(self.folder)

    def run(self, *words):
        """docker-compose; what it said."""
        files = ["--file", "docker-compose.yml", "--file", str(OVERLAY)]
        done = subprocess.run(
            ["docker-compose", "--project-name", "aiges-test", *files, *words],
            cwd=COMPOSE,
            env={
                **os.environ,
                "AIGES_RATE": "1000000",
                "DOCKER_HOST": self.address,
                "AIGES_TEST_WRAPPER": str(self.folder / "wrapper.py"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, f"docker-compose {words[0]}: {done.stdout}{done.stderr}"
        return done.stdout
