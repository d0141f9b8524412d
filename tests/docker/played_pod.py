# SPDX-License-Identifier: Apache-2.0
"""A pod that Helm's chart makes, run by `podman play kube`: image, command, mounts and rights.

podman knows no probes of its own kind, no preStop and no grace period, so those are left out here;
tests/deploy reads them. And the container of a runtime of KServe.
"""

import json
import urllib.request
import uuid

import yaml
from containers import READY_TIMEOUT_S, REPOSITORY, podman
from kube import render
from waiting import wait_until

LEFT_OUT = ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")


class PlayedPod:
    """The chart's only pod with an image of this machine; removed at the end of the `with`."""

    def __init__(self, folder, image, *sets):
        name = f"aiges-test-{uuid.uuid4().hex[:12]}"
        repository, _, tag = image.rpartition(":")
        chosen = (f"fullnameOverride={name}", f"image.repository={repository}", f"image.tag={tag}")
        documents = render("", *(f"--set={each}" for each in (*chosen, *sets)))
        kept = [each for each in documents if each["kind"] in ("ConfigMap", "Deployment")]
        for each in kept:
            if each["kind"] == "Deployment":
                for key in LEFT_OUT:
                    each["spec"]["template"]["spec"]["containers"][0].pop(key, None)
        self.file = folder / "pod.yaml"
        self.file.write_text(yaml.safe_dump_all(kept), encoding="utf-8")
        self.pod, self.name = f"{name}-pod-0", f"{name}-pod-0-aiges"
        self.address = None

    def __enter__(self):
        try:
            podman("play", "kube", self.file)
            infra = podman("pod", "inspect", "--format", "{{.InfraContainerID}}", self.pod)[1]
            where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
            self.address = podman("inspect", "--format", where, infra)[1]
            wait_until(self._ready, "the pod is ready", READY_TIMEOUT_S)
        except BaseException:
            print(podman("logs", self.name, check=False)[1])
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        podman("pod", "rm", "--force", "--time", "0", self.pod, check=False)

    def ask(self, port, path, body=None):
        """The body of an answer of one of its ports."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.address}:{port}{path}", body, timeout=20) as answer:
            return answer.read().decode()

    def run(self, script):
        """The exit code of a script of the shell inside, and what it printed."""
        return podman("exec", self.name, "sh", "-c", script, check=False)

    def stop(self):
        """Ends as at SIGTERM; the exit code of AIService."""
        podman("stop", "--time", 60, self.name)
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.name)[1])

    def _ready(self):
        try:
            return self.ask(9000, "/readyz") != ""
        except OSError:
            return False


def runtime_options(name, service, folder):
    """podman's options for the container of a runtime, as KServe fills it in for a service."""
    file = REPOSITORY / "deploy" / "kserve" / "runtime.yaml"
    runtimes = {
        each["metadata"]["name"]: each["spec"]
        for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    }
    (container,) = runtimes[name]["containers"]
    args = [each.replace("{{.Name}}", service) for each in container["args"]]
    options = ["--volume", f"{folder}:/mnt/models:ro", "--env", "PYTHONDONTWRITEBYTECODE=1"]
    options += ["--env", "AIGES_READY_URL=http://127.0.0.1:8080/v2/health/ready"]
    options += ["--entrypoint", json.dumps([*container["command"], *args])]
    for mount in container.get("volumeMounts", []):
        options += ["--tmpfs", mount["mountPath"]]
    return options
