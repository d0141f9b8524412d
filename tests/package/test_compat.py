# SPDX-License-Identifier: Apache-2.0
"""Our packages of other systems beside the real ones, in either order of install and removal."""

import json

import pytest
from environment import Bare

REAL = {
    "openbayes_serving": ("openbayes-serving==0.5.0", "openbayes"),
    "aipod": ("aipod==1.0.0", "aipod"),
    "seldon_core": ("seldon-core==1.18.2", "seldon"),
}
WHERE = f"""
import importlib.util, json
print(json.dumps({{name: importlib.util.find_spec(name).origin for name in {list(REAL)}}}))
"""
SCRIPT = "seldon-core-microservice"


@pytest.fixture(params=["ours", "theirs"])
def both(request, environments, tmp_path):
    """An environment with both, installed in that order."""
    environment = environments("3.11")
    made = Bare(environment.bin / "python", tmp_path / "venv")
    ours, theirs = [environment.wheel], ["--no-deps", *(name for name, _ in REAL.values())]
    for packages in (ours, theirs) if request.param == "ours" else (theirs, ours):
        made.pip("install", "-q", *packages)
    return made


def where(environment, folder):
    found = json.loads(environment.python(WHERE, folder))
    return {name: file.removeprefix(f"{environment.site}/") for name, file in found.items()}


OURS = {
    name: f"aiges_host/compat/{contract}/{name}/__init__.py" for name, (_, contract) in REAL.items()
}
THEIRS = {name: f"{name}/__init__.py" for name in REAL}


def test_the_real_package_wins_unless_ours_is_to_go_first(both, tmp_path):
    assert where(both, tmp_path) == THEIRS
    both.env["AIGES_COMPAT"] = "first"
    assert where(both, tmp_path) == OURS
    # The command, whoever has written its file, asks the same rule.
    said = both.run(SCRIPT, "--help", cwd=tmp_path)
    assert "AIService" in said or "--service-type" in said
    del both.env["AIGES_COMPAT"]
    both.pip("uninstall", "-q", "-y", "seldon-core", "aipod", "openbayes-serving")
    assert where(both, tmp_path) == OURS


def test_theirs_stay_when_ours_are_removed(both, tmp_path):
    both.pip("uninstall", "-q", "-y", "aiges-host")
    assert where(both, tmp_path) == THEIRS
    assert not (both.site / "aiges_host").exists()
    assert not (both.site / "aiges_host.pth").exists()
