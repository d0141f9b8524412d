# SPDX-License-Identifier: Apache-2.0
"""What the chart mounts for keys of aiges.toml that are files, and for usage records."""

import re
import sys

import pytest
import yaml
from kube import CHART, one, render, render_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

README = (CHART / "README.md").read_text(encoding="utf-8")


def spec_of(documents):
    return one(documents, "Deployment")["spec"]["template"]["spec"]


def mounts_of(documents):
    """{path: (mount, volume)} of the loader's container."""
    spec = spec_of(documents)
    volumes = {each["name"]: each for each in spec["volumes"]}
    mounts = spec["containers"][0]["volumeMounts"]
    return {each["mountPath"]: (each, volumes[each["name"]]) for each in mounts}


def toml_of(documents):
    return tomllib.loads(one(documents, "ConfigMap")["data"]["aiges.toml"])


def test_a_file_is_mounted_and_its_key_says_where():
    documents = render("metered.yaml")
    config = toml_of(documents)
    path = "/etc/aiges-files/entitlement.file"
    assert config["entitlement"]["file"] == f"{path}/customer.txt"
    mount, volume = mounts_of(documents)[path]
    assert mount["readOnly"] is True
    assert volume["secret"] == {"secretName": "words-entitlement", "defaultMode": 0o440}
    public = config["entitlement"]["public_key"].rpartition("/")
    assert public[2] == "entitlement.pub"
    assert mounts_of(documents)[public[0]][1]["configMap"] == {"name": "seller"}
    # Whole volumes: Kubernetes does not change what is mounted by subPath.
    assert not [each for each in mounts_of(documents) if "subPath" in mounts_of(documents)[each][0]]


def test_files_stand_beside_other_values_of_their_table():
    config = toml_of(render("entitled.yaml"))
    assert config["access"] == {"keys_file": "/etc/aiges-keys/keys"}
    assert config["otlp"] == {"ca_file": "/etc/aiges-files/otlp.ca_file/collector.pem"}
    assert "state" not in config["entitlement"]


def test_the_state_of_an_entitlement_is_where_it_can_be_written():
    """Beside the file, where a loader has it else, all is read-only."""
    sets = ("files.entitlement\\.file.secret=a", "files.entitlement\\.file.key=b")
    documents = render("", *(f"--set={each}" for each in sets))
    assert toml_of(documents)["entitlement"]["state"] == "/tmp/entitlement.state"
    own = render("", *(f"--set={each}" for each in (*sets, "config.entitlement.state=/x/y")))
    assert toml_of(own)["entitlement"]["state"] == "/x/y"


def examples():
    """Values that README.md shows."""
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.S)]


def test_the_readme_shows_values_that_the_chart_takes(tmp_path):
    assert len(examples()) == 2
    for number, values in enumerate(examples()):
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        done = render_text("", f"--values={tmp_path / f'{number}.yaml'}")
        assert done.returncode == 0, done.stderr
        config = toml_of([each for each in yaml.safe_load_all(done.stdout) if each])
        for name, file in values.get("files", {}).items():
            table, key = name.split(".")
            assert config[table][key] == f"/etc/aiges-files/{name}/{file['key']}"


def test_a_shared_claim_of_usage_records_has_a_folder_for_each_pod():
    documents = render("metered.yaml")
    mount, volume = mounts_of(documents)["/var/lib/aiges-usage"]
    assert mount["subPathExpr"] == "$(AIGES_POD)" and "readOnly" not in mount
    names = {each["name"]: each for each in spec_of(documents)["containers"][0]["env"]}
    assert names["AIGES_POD"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    claim = one(documents, "PersistentVolumeClaim", "words-usage")
    assert volume["persistentVolumeClaim"] == {"claimName": "words-usage"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert toml_of(documents)["metering"] == {
        "folder": "/var/lib/aiges-usage",
        "sink": "https://usage.example.com/events",
        "on_full": "drop",
        "max_mb": 512,
    }


def test_a_claim_of_one_pod_goes_to_the_next_one():
    """So what the sink has not taken is delivered by it: its folder is the same."""
    documents = render("entitled.yaml")
    mount, volume = mounts_of(documents)["/var/lib/aiges-usage"]
    assert "subPathExpr" not in mount
    assert volume["persistentVolumeClaim"] == {"claimName": "usage"}
    assert one(documents, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_a_volume_of_each_pod_needs_no_folder_of_its_own():
    sets = ("metering.enabled=true", "metering.volume.emptyDir.sizeLimit=2Gi", "replicaCount=3")
    mount, volume = mounts_of(render("", *(f"--set={each}" for each in sets)))[
        "/var/lib/aiges-usage"
    ]
    assert "subPathExpr" not in mount
    assert volume["emptyDir"] == {"sizeLimit": "2Gi"}


FILE = "files.access\\.jwks"
REFUSED = [
    ("metering.enabled=true", "metering.claim.create and metering.volume, got none"),
    (
        "metering.enabled=true metering.existingClaim=a metering.claim.create=true",
        "got metering.existingClaim and metering.claim.create",
    ),
    ("metering.enabled=true metering.existingClaim=a replicaCount=2", "there may be 2 pods"),
    ("metering.enabled=true metering.existingClaim=a", "set strategy.type to Recreate"),
    ("metering.accessMode=ReadOnlyMany", "accessMode"),
    ("config.metering.token=abc", "config.metering.token is a secret"),
    (f"{FILE}.secret=a", "key"),
    (f"{FILE}.key=a", "missing property 'secret'"),
    (f"{FILE}.secret=a {FILE}.configMap=b {FILE}.key=c", "/files/access.jwks': 'oneOf' failed"),
    ("files.jwks.secret=a files.jwks.key=b", "jwks"),
    (f"{FILE}.secret=a {FILE}.key=../b", "key"),
    ("files.tls\\.cert.secret=a files.tls\\.cert.key=b", "expected the values of tls"),
    (
        "files.access\\.keys_file.secret=a files.access\\.keys_file.key=b access.existingSecret=c",
        "files.access.keys_file: other values",
    ),
    (
        f"{FILE}.secret=a {FILE}.key=b config.access.jwks=c",
        "config.access.jwks: other values",
    ),
    (
        f"endpointPicker.enabled=true adminPort.enabled=false {FILE}.secret=a {FILE}.key=b",
        "the picker has no key",
    ),
]


@pytest.mark.parametrize(("sets", "words"), REFUSED, ids=[each[0] for each in REFUSED])
def test_wrong_values_are_refused(sets, words):
    done = render_text("", *(f"--set={each}" for each in sets.split()))
    assert done.returncode != 0, sets
    assert words in done.stderr, done.stderr
