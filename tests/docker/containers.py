# SPDX-License-Identifier: Apache-2.0
"""Containers of podman, started as a careful user does: nothing writable, no capabilities."""

import json
import os
import shutil
import subprocess
import urllib.request
import uuid
from pathlib import Path

from waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "CONTAINERS_CONF": str(REPOSITORY / "scripts" / "containers.conf")}
CAREFUL = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
READY_TIMEOUT_S = 60


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


class Container:
    """One running container; removed at the end of the `with`.

    Reached at its own address, unless it is in the machine's network.
    """

    def __init__(self, image, *options, ports=(5090, 1888)):
        self.name = f"aiges-test-{uuid.uuid4().hex[:12]}"
        self.image, self.options = image, options
        self.ports, self.address = ports, None

    def __enter__(self):
        podman("run", "--detach", "--name", self.name, *CAREFUL, *self.options, self.image)
        try:
            self.address = self.state("{{.NetworkSettings.IPAddress}}") or "127.0.0.1"
            wait_until(self._ready, "the container is ready", READY_TIMEOUT_S)
        except BaseException:
            print(self.logs())
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
