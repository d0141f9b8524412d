# SPDX-License-Identifier: Apache-2.0
"""deploy/helm/aiges: its manifests are what Kubernetes takes, and wrong values are refused."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from kube import (
    CHART,
    HERE,
    NEWEST,
    ROOT,
    VALUES,
    VERSIONS,
    built_images,
    helm,
    is_kubernetes_own,
    kubeconform,
    one,
    render,
    render_text,
    validator,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def pod_of(documents):
    return one(documents, "Deployment")["spec"]["template"]


def container_of(documents):
    return pod_of(documents)["spec"]["containers"][0]


def toml_of(documents):
    return tomllib.loads(one(documents, "ConfigMap")["data"]["aiges.toml"])


# ---- What the schemas say.


@pytest.mark.parametrize("values", VALUES)
def test_helm_finds_nothing_wrong(values):
    files = ["--values", HERE / "values" / values] if values else []
    done = helm("lint", "--strict", "--kube-version", NEWEST, *files, CHART)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kubernetes_takes_all_of_it(version):
    """Strict: a field in the wrong place is an error, which a server would drop in silence."""
    pytest.importorskip("kubernetes_validate", reason="scripts/setup.sh test installs it")
    seen = set()
    for values in VALUES:
        for document in filter(is_kubernetes_own, render(values, version=version)):
            text = json.dumps(document, sort_keys=True)
            if text not in seen:
                seen.add(text)
                assert validator()(document, version, strict=True) == version


def test_a_field_in_the_wrong_place_is_found():
    """So the test above is one of the whole manifest."""
    utils = pytest.importorskip("kubernetes_validate.utils")
    deployment = json.loads(json.dumps(one(render(), "Deployment")))
    deployment["spec"]["template"]["spec"]["strategy"] = {"type": "Recreate"}
    with pytest.raises(utils.ValidationError, match="strategy"):
        validator()(deployment, NEWEST, strict=True)


def test_operators_of_others_take_what_is_theirs(tmp_path):
    theirs = [each for values in VALUES for each in render(values) if not is_kubernetes_own(each)]
    assert {each["kind"] for each in theirs} == {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
    code, said = kubeconform(theirs, tmp_path)
    assert code == 0, said
    theirs[0]["spec"]["maxReplicaCont"] = 3
    code, said = kubeconform(theirs, tmp_path)
    assert code == 1 and "maxReplicaCont" in said


def test_values_and_their_schema_name_the_same():
    def leaves(node, schema, path=""):
        properties = schema.get("properties")
        if not properties:
            return
        own = set(properties) - ({"global"} if not path else {"limits", "claims"})
        assert set(node) == own, path
        for key in own:
            if isinstance(node[key], dict):
                leaves(node[key], properties[key], f"{path}.{key}")

    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    leaves(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), schema)


def test_the_table_of_the_readme_has_every_value():
    def names(node, path):
        if not isinstance(node, dict) or not node or path in ("resources",) or "ecurity" in path:
            return {path}
        return {name for key, each in node.items() for name in names(each, f"{path}.{key}")}

    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    wanted = {name for key, each in values.items() for name in names(each, key)}
    page = (CHART / "README.md").read_text(encoding="utf-8").split("## Values")[1]
    rows = re.findall(r"^\| (`.*?) \|", page.split("\n## ")[0], re.M)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert named == wanted, named ^ wanted


# ---- What is refused.

REFUSED = [
    ("replicaCont=2", "replicaCont"),
    ("gpu.count=0.5", "integer"),
    ("shutdown.lameDuckSeconds=1", "lameDuckSeconds"),
    ("shutdown.drainSeconds=10", "calls that come last need time"),
    ("shutdown.graceSeconds=30", "30 s to end"),
    ("autoscaling.enabled=true keda.enabled=true", "KEDA makes a HorizontalPodAutoscaler"),
    ("keda.enabled=true", "keda.serverAddress"),
    ("keda.enabled=true keda.minReplicas=0 keda.serverAddress=http://p", "keda.minReplicas is 0"),
    ("autoscaling.enabled=true autoscaling.minReplicas=9", "above autoscaling.maxReplicas 4"),
    ("ports.http=5090", "three different numbers"),
    ("model.existingClaim=a model.volume.nfs.path=/b", "model.existingClaim and model.volume"),
    ("model.existingClaim=a model.accessMode=ReadWriteOnce replicaCount=2", "wait for it for ever"),
    (
        "model.claim.create=true model.accessMode=ReadWriteOnce autoscaling.enabled=true",
        "there may be 4 pods",
    ),
    ("tls.clientCaKey=ca.crt", "needs tls.existingSecret"),
    ("tls.existingSecret=a tls.clientCaKey=b adminPort.enabled=false", "probes have none"),
    (
        "tls.existingSecret=a tls.clientCaKey=b consul.enabled=true",
        "set consul.check to ttl",
    ),
    ("endpointPicker.enabled=true", "set adminPort.enabled to false"),
    ("config.instances.drain_ms=1", "config.instances.drain_ms: other values"),
    ("config.admin.token=abc", "config.admin.token is a secret"),
    ("serviceMonitor.enabled=true service.headless=false", "needs service.headless"),
    (
        "serviceMonitor.enabled=true tls.existingSecret=a adminPort.enabled=false",
        "serviceMonitor.tlsConfig",
    ),
]


@pytest.mark.parametrize(("sets", "words"), REFUSED, ids=[each[0] for each in REFUSED])
def test_wrong_values_are_refused(sets, words):
    done = render_text("", *(f"--set={each}" for each in sets.split()))
    assert done.returncode != 0, sets
    wanted = words.replace("30 s to end", "a pod would be killed with calls in flight")
    assert wanted in done.stderr, done.stderr


# ---- What the manifests mean.


@pytest.mark.parametrize("values", VALUES)
def test_the_loader_takes_the_configuration(values, binaries, tmp_path):
    documents = render(values)
    text = one(documents, "ConfigMap")["data"]["aiges.toml"]
    (tmp_path / "aiges.toml").write_text(text, encoding="utf-8")
    arguments = [each for each in container_of(documents)["args"] if not each.startswith("-c=")]
    command = [binaries.loader, "-show-config", "-c=aiges.toml", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unknown" not in done.stderr, done.stderr


@pytest.mark.parametrize("values", VALUES)
def test_a_pod_may_do_nothing_that_it_need_not(values):
    """Kubernetes' profile `restricted`, and a root that is read-only."""
    documents = render(values)
    for spec in (pod_of(documents)["spec"], one(documents, "Pod")["spec"]):
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        own = spec["containers"][0]["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
    mounts = {each["mountPath"]: each for each in container_of(documents)["volumeMounts"]}
    for path in ("/etc/aiges", "/models", "/resources", "/etc/aiges-tls", "/etc/aiges-keys"):
        assert mounts.get(path, {"readOnly": True})["readOnly"] is True
    assert {"/tmp", "/home/aiges/log", "/home/aiges/xsf_status"} <= set(mounts)
    volumes = {each["name"] for each in pod_of(documents)["spec"]["volumes"]}
    assert {each["name"] for each in mounts.values()} <= volumes


@pytest.mark.parametrize("values", VALUES)
def test_a_pod_has_the_time_that_its_drain_needs(values):
    documents = render(values)
    instances = toml_of(documents)["instances"]
    lifecycle = container_of(documents).get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})
    grace = pod_of(documents)["spec"]["terminationGracePeriodSeconds"]
    before = lifecycle["preStop"]["sleep"]["seconds"]
    assert grace >= before + instances["drain_ms"] / 1000 + 3
    assert 5000 <= instances["lame_duck_ms"] <= 15000 and (
        instances["lame_duck_ms"] < instances["drain_ms"]
    )


def test_an_older_kubernetes_sleeps_by_a_command():
    before = container_of(render(version="1.29"))["lifecycle"]["preStop"]
    assert before == {"exec": {"command": ["sleep", "2"]}}


@pytest.mark.parametrize("values", VALUES)
def test_probes_need_no_certificate_and_no_key(values):
    documents = render(values)
    probes = [container_of(documents)[f"{name}Probe"] for name in ("startup", "readiness")]
    probes.append(container_of(documents)["livenessProbe"])
    assert [each["httpGet"]["path"] for each in probes] == ["/readyz", "/readyz", "/healthz"]
    config = toml_of(documents)
    plain = "admin" in config
    for probe in probes:
        assert probe["httpGet"]["port"] == ("admin" if plain else "http")
        is_tls = "tls" in config and not plain
        assert probe["httpGet"]["scheme"] == ("HTTPS" if is_tls else "HTTP")
    assert plain or "client_ca" not in config.get("tls", {})
    longest = probes[0]["periodSeconds"] * probes[0]["failureThreshold"]
    assert longest * 1000 >= config["instances"]["start_timeout_ms"]
    assert probes[2]["failureThreshold"] * probes[2]["periodSeconds"] > (
        probes[1]["failureThreshold"] * probes[1]["periodSeconds"]
    )


def test_another_configuration_makes_other_pods():
    def checksum(*arguments):
        return pod_of(render("", *arguments))["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum("--set=replicaCount=4")
    assert checksum() != checksum("--set=maxInFlight=7")


def test_values_of_the_configuration_come_as_what_they_are():
    config = toml_of(render("consul.yaml"))
    wrapper = {"beam": 0.5, "word": "<a>", "deep": True, "http_listen": ":1888"}
    assert config["wrapper"] == wrapper and config["registry"]["tags"][1] == 'a"b'
    assert config["svcName"] == {"host": "", "port": 5090, "reuseport": 1}
    config = toml_of(render("gpu.yaml"))
    assert config["queue"]["max_bytes"] == 1 << 30
    assert config["model"]["ocr"] == {"weight": 2, "instances": {"count": 3}}


@pytest.mark.parametrize(
    ("values", "replicas", "budget"),
    [("", 1, 0), ("gpu.yaml", 3, 1), ("secure.yaml", 2, 1), ("hpa.yaml", None, 1)]
    + [("keda.yaml", None, 0), ("metered.yaml", 2, 1), ("entitled.yaml", 1, 0)],
)
def test_who_says_how_many_pods_there_are(values, replicas, budget):
    """An autoscaler does, where there is one; and one pod alone has no budget of disruptions."""
    documents = render(values)
    assert one(documents, "Deployment")["spec"].get("replicas") == replicas
    kinds = [each["kind"] for each in documents]
    assert kinds.count("PodDisruptionBudget") == budget


def test_autoscalers_ask_for_gauges_that_there_are():
    text = render_text("keda.yaml").stdout + render_text("hpa.yaml").stdout
    pages = (ROOT / "loader" / "pages" / "pages.cc").read_text(encoding="utf-8")
    names = set(re.findall(r"\baiges_[a-z_]+\b(?!-)", text))
    assert names == {"aiges_running", "aiges_queue_depth"}
    for name in names:
        assert f'"{name}"' in pages


def test_secrets_are_mounted_or_named_and_never_written():
    documents = render("consul.yaml") + render("secure.yaml")
    assert not [each for each in documents if each["kind"] == "Secret"]
    variables = {each["name"]: each for each in container_of(render("consul.yaml"))["env"]}
    token = variables["CONSUL_HTTP_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert token == {"name": "consul-token", "key": "token"}


def test_services_say_what_their_ports_speak():
    def protocols(values):
        service = one(render(values), "Service", "demo-aiges")
        return {each["name"]: each["appProtocol"] for each in service["spec"]["ports"]}

    assert protocols("") == {"http": "http", "grpc": "kubernetes.io/h2c"}
    assert protocols("secure.yaml") == {"http": "https", "grpc": "https"}
    headless = one(render(), "Service", "demo-aiges-headless")["spec"]
    assert headless["clusterIP"] == "None" and len(headless["ports"]) == 3


def test_names_stay_within_what_kubernetes_allows():
    documents = render("hpa.yaml", "--set=fullnameOverride=" + "a" * 63)
    assert max(len(each["metadata"]["name"]) for each in documents) <= 63


def test_the_charts_own_test_is_a_hook_of_helm():
    pod = one(render(), "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    compile(pod["spec"]["containers"][0]["args"][0], "test", "exec")
    compile(one(render("keda.yaml"), "Pod")["spec"]["containers"][0]["args"][0], "test", "exec")


def test_the_image_is_one_that_is_built():
    """The smallest of docker/matrix.txt; and an example of README.md has a GPU's."""
    tags = built_images()
    image = container_of(render())["image"]
    assert image == "aiges-cpu:0.1.0-debian12" and image in tags
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    (gpu,) = re.findall(r"aiges-gpu, with a tag such as (\S+)\.\n", text)
    assert f"aiges-gpu:{gpu}" in tags
