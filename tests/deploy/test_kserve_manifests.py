# SPDX-License-Identifier: Apache-2.0
"""deploy/kserve: KServe's schemas take the manifests, and its rules find the runtime.

The rules by which KServe finds a runtime are written down here as its controller has them.
"""

import json
import re
import subprocess
import sys

import pytest
import yaml
from kube import ROOT, built_images, kubeconform, one, render

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = ROOT / "deploy" / "kserve"
DEFAULT_GRACE_S = 30


def read(name):
    return [each for each in yaml.safe_load_all((FOLDER / name).read_text("utf-8")) if each]


RUNTIMES = {each["metadata"]["name"]: each["spec"] for each in read("runtime.yaml")}
SERVICES = {each["metadata"]["name"]: each["spec"]["predictor"] for each in read("examples.yaml")}
WITH_MODEL = sorted(name for name, predictor in SERVICES.items() if "model" in predictor)


def runtime_of(predictor):
    """The name of the runtime that KServe takes for a predictor; None: it finds none."""
    model = predictor["model"]
    if "runtime" in model:
        return model["runtime"]
    protocol = model.get("protocolVersion", "v1")
    found = []
    for name, spec in RUNTIMES.items():
        if spec.get("disabled") or spec.get("multiModel"):
            continue
        if protocol not in spec.get("protocolVersions", [protocol]):
            continue
        for offered in spec["supportedModelFormats"]:
            same = offered["name"] == model["modelFormat"]["name"]
            if same and offered.get("autoSelect"):
                found.append((-offered.get("priority", 0), name))
    return min(found)[1] if found else None


def arguments_of(name):
    """The arguments of the serving container: the runtime's, then the predictor's."""
    predictor = SERVICES[name]
    runtime = RUNTIMES[runtime_of(predictor)]["containers"][0]
    args = [each.replace("{{.Name}}", name) for each in runtime["args"]]
    return args + predictor["model"].get("args", [])


def configuration(name):
    """The tables that the arguments say, the later over the earlier ones."""
    tables = {}
    for each in arguments_of(name):
        if each.startswith(("-dc=", "-oc=")):
            for table, keys in tomllib.loads(each[4:]).items():
                tables.setdefault(table, {}).update(keys)
    return tables


def test_kserve_takes_them(tmp_path):
    documents = read("runtime.yaml") + read("examples.yaml")
    code, said = kubeconform(documents, tmp_path)
    assert code == 0, said
    documents[0]["spec"]["supportedModelFormats"][0]["autoSelct"] = True
    documents[-1]["spec"]["predictor"]["contaners"] = []
    code, said = kubeconform(documents, tmp_path)
    assert code == 1 and "autoSelct" in said and "contaners" in said


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_is_what_kserve_can_use(name):
    (container,) = RUNTIMES[name]["containers"]
    assert container["name"] == "kserve-container"
    first = container["ports"][0]
    assert first["containerPort"] == 8080
    http = [each for each in container["ports"] if "h2c" in each["name"]]
    assert http, "gRPC reaches a port only where its name says h2c"
    assert name != "aiges-knative" or len(container["ports"]) == 1
    placeholders = set(re.findall(r"\{\{.*?\}\}", json.dumps(container)))
    assert placeholders == {"{{.Name}}"}, "KServe knows the name, labels and annotations only"
    assert RUNTIMES[name]["annotations"]["prometheus.kserve.io/port"] == "8080"


def test_a_runtime_has_an_image_that_is_built():
    images = {container["image"] for spec in RUNTIMES.values() for container in spec["containers"]}
    assert images == {"aiges-cpu:0.1.0-debian12"} and images <= built_images()


def test_a_format_finds_its_runtime():
    found = {name: runtime_of(SERVICES[name]) for name in WITH_MODEL}
    assert found == {
        "words": "aiges",
        "detect": "aiges",
        "chat": "aiges",
        "digits": "aiges-knative",
    }
    for protocol in ("v1", "v2", "grpc-v2"):
        model = {"modelFormat": {"name": "aiges"}, "protocolVersion": protocol}
        assert runtime_of({"model": model}) == "aiges"
    assert runtime_of({"model": {"modelFormat": {"name": "sklearn"}}}) is None


@pytest.mark.parametrize("name", WITH_MODEL)
def test_a_pod_has_the_time_that_its_drain_needs(name):
    instances = configuration(name)["instances"]
    grace = SERVICES[name].get("terminationGracePeriodSeconds", DEFAULT_GRACE_S)
    assert instances["drain_ms"] / 1000 + 2 <= grace
    assert 5000 <= instances["lame_duck_ms"] < instances["drain_ms"]


@pytest.mark.parametrize("name", WITH_MODEL)
def test_the_loader_takes_the_arguments(name, binaries, tmp_path):
    command = [binaries.loader, "-show-config", *arguments_of(name)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unknown" not in done.stderr
    assert 'pythonpath = "/mnt/models"' in done.stdout
    assert f"drain_ms = {configuration(name)['instances']['drain_ms']}" in done.stdout


def test_a_node_of_seldons_graph_is_a_container():
    (document,) = read("seldon.yaml")
    for predictor in document["spec"]["predictors"]:
        names = [
            each["name"]
            for spec in predictor["componentSpecs"]
            for each in spec["spec"]["containers"]
        ]
        assert names == [predictor["graph"]["name"]]
    assert sum(each["traffic"] for each in document["spec"]["predictors"]) == 100


def test_the_picker_asks_for_gauges_that_there_are():
    (config,) = read("endpoint_picker.yaml")
    plugins = {each["type"]: each.get("parameters", {}) for each in config["plugins"]}
    (engine,) = plugins["core-metrics-extractor"]["engineConfigs"]
    pages = (ROOT / "loader" / "pages" / "pages.cc").read_text(encoding="utf-8")
    for key in ("queuedRequestsSpec", "runningRequestsSpec"):
        assert f'"{engine[key]}"' in pages
    named = {each["pluginRef"] for each in config["schedulingProfiles"][0]["plugins"]}
    named |= {each["pluginRef"] for each in config["dataLayer"]["sources"]}
    assert named <= set(plugins)
    pods = one(render("keda.yaml"), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert pods["llm-d.ai/engine-type"] == engine["name"]
    (pool,) = read("pool.yaml")
    assert (
        pool["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        == (pods["app.kubernetes.io/name"])
    )


def test_every_file_is_named_in_the_page():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.yaml"):
        assert f"]({path.name})" in page, path.name
