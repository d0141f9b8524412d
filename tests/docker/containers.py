# SPDX-License-Identifier: Apache-2.0
"""Containers of podman, started as a careful user does: nothing writable, no capabilities, and no
more memory than is told.
"""

import json
import os
import shutil
import subprocess
import urllib.request
import uuid
from pathlib import Path

from free_ports import free_ports
from waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "CONTAINERS_CONF": str(REPOSITORY / "scripts" / "containers.conf")}
CAREFUL = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
CAREFUL += ["--memory", "2g"]
READY_TIMEOUT_S = 60
ECHO = """
import os
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    out = b'{"uid": %d, "said": "%s"}' % (os.getuid(), reqData[0]["data"])
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""


def why_not():
    """Why there can be no containers here; empty: there can."""
    missing = [name for name in ("buildah", "podman", "runc") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing; scripts/setup.sh test installs them"
    return "" if os.geteuid() == 0 else "scripts/images.sh needs root"


def podman(*arguments, check=True):
    """podman's exit code and what it said on stdout, without the space around."""
    done = subprocess.run(
        ["podman", *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not check or done.returncode == 0, f"podman {arguments[0]}: {done.stderr}"
    return done.returncode, done.stdout.strip()


def on_the_host(folder):
    """Options of a container in the machine's own network, and its ports.

    There a service that has ended refuses; an address that is gone does not answer at all.
    """
    ports = free_ports(2)
    text = (REPOSITORY / "docker" / "gpu" / "aiges.toml").read_text()
    for usual, port in zip(("5090", "1888"), ports):
        text = text.replace(usual, str(port)).replace("0.0.0.0", "127.0.0.1")
    # One thread a call: more of them wait for each other where a core is busy.
    text = text.replace("[wrapper]\n", "[wrapper]\nthreads = 1\n")
    (folder / "aiges.toml").write_text(text)
    folder.chmod(0o755)
    mount = f"{folder / 'aiges.toml'}:/home/aiges/aiges.toml:ro"
    ready = f"AIGES_READY_URL=http://127.0.0.1:{ports[1]}/readyz"
    return ["--network", "host", "--volume", mount, "--env", ready], ports


def mounted(folder, **files):
    """Options that put files of these texts beside AIService; a name's _ stands for its dot."""
    folder.chmod(0o755)
    options = []
    for name, text in files.items():
        file = folder / name.replace("_", ".")
        file.write_text(text)
        options += ["--volume", f"{file}:/home/aiges/{file.name}:ro"]
    return options


class Container:
    """One running container; removed at the end of the `with`.

    Reached at its own address, unless it is in the machine's network.
    """

    def __init__(self, image, *options, ports=(5090, 1888), command=()):
        self.name = f"aiges-test-{uuid.uuid4().hex[:12]}"
        self.image, self.options, self.command = image, options, command
        self.ports, self.address = ports, None

    def __enter__(self):
        options = ["--detach", "--name", self.name, *CAREFUL, *self.options]
        podman("run", *options, self.image, *self.command)
        try:
            self.address = self.state("{{.NetworkSettings.IPAddress}}") or "127.0.0.1"
            wait_until(self._ready, "the container is ready", READY_TIMEOUT_S)
        except BaseException:
            subprocess.run(["podman", "logs", self.name], env=ENVIRONMENT, check=False)
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        podman("rm", "--force", "--time", "0", self.name, check=False)

    @property
    def grpc(self):
        return f"{self.address}:{self.ports[0]}"

    @property
    def http(self):
        return f"{self.address}:{self.ports[1]}"

    def state(self, template):
        return podman("inspect", "--format", template, self.name)[1]

    def logs(self):
        return podman("logs", self.name)[1]

    def health(self):
        """The exit code of the image's own health check."""
        return podman("healthcheck", "run", self.name, check=False)[0]

    def raw(self, body, query, service="svcName"):
        """The JSON of an answer of the HTTP raw mode."""
        return self.ask(f"/v1/raw/{service}?{query}", body)

    def ask(self, path, body):
        """The JSON of the answer to a POST."""
        url = f"http://{self.http}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, body), timeout=60) as answer:
            return json.load(answer)

    def stop(self, grace_s=30):
        """`podman stop`; returns the exit code of AIService."""
        podman("stop", "--time", grace_s, self.name)
        return int(self.state("{{.State.ExitCode}}"))

    def _ready(self):
        assert self.state("{{.State.Running}}") == "true", "the container ended"
        return self.health() == 0
