# SPDX-License-Identifier: Apache-2.0
"""Helm's chart rendered, and manifests held against the schemas of Kubernetes and of others."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import yaml
from prerequisites import need

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "aiges"
HERE = Path(__file__).resolve().parent
# Of those that the chart's own values make, and of others.
VALUES = ["", *sorted(path.name for path in (HERE / "values").glob("*.yaml"))]
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
NEWEST = VERSIONS[-1]


def tool(name):
    """A program of scripts/tools.sh, or one that is on PATH."""
    built = ROOT / "build" / "tools" / name
    path = str(built) if built.is_file() else shutil.which(name)
    need("" if path else f"{name} (scripts/tools.sh test)", "a check of deploy/")
    return path


def helm(*arguments):
    """Runs Helm with nothing of the user's own; returns what subprocess does."""
    home = {"HELM_CACHE_HOME": "/nowhere", "HELM_CONFIG_HOME": "/nowhere"}
    return subprocess.run(
        [tool("helm"), *map(str, arguments)],
        env={**os.environ, **home, "KUBECONFIG": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def render_text(values="", *arguments, version=NEWEST):
    """`helm template` of one file of values."""
    files = ["--values", HERE / "values" / values] if values else []
    where = ["--namespace", "prod", "--kube-version", version]
    return helm("template", "demo", CHART, *where, *files, *arguments)


@functools.cache
def _rendered(values, arguments, version):
    done = render_text(values, *arguments, version=version)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(values="", *arguments, version=NEWEST):
    """The documents that the chart makes of values; arguments such as "--set=a=b"."""
    text = _rendered(values, arguments, version)
    return [each for each in yaml.safe_load_all(text) if each]


def one(documents, kind, name=None):
    """The only document of a kind, or of a kind and a name."""
    (found,) = [
        each
        for each in documents
        if each["kind"] == kind and name in (None, each["metadata"]["name"])
    ]
    return found


def built_images():
    """First tags of the rows of docker/matrix.txt."""
    lines = (ROOT / "docker" / "matrix.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split()[1] for line in lines if line and not line.startswith("#")]
    return {name.replace(":", ":0.1.0-") for name in names}


def is_kubernetes_own(document):
    """Whether Kubernetes knows the kind without a CustomResourceDefinition."""
    group = document["apiVersion"].rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


@functools.cache
def validator():
    """kubernetes_validate's validate; each schema is read once, as they are megabytes."""
    from kubernetes_validate import utils

    utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)
    return utils.validate


def kubeconform(documents, folder):
    """kubeconform's exit code and words, of documents whose schemas are in schemas/."""
    file = Path(folder) / "documents.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    schemas = f"{HERE / 'schemas'}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"
    command = [tool("kubeconform"), "-strict", "-schema-location", schemas, "-summary", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr
