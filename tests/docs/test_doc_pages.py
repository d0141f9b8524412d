# SPDX-License-Identifier: Apache-2.0
"""Every command of README and docs is run, as it is written, and does what the page says.

doc_page.py says how a page asks for more than that; doc_script.py where its commands run.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import doc_script
import pytest
from doc_page import blocks_of, expected_in
from doc_script import ROOT, run_blocks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "compat").glob("*.md")),
    *sorted((ROOT / "deploy").glob("*/README.md")),
    ROOT / "deploy" / "helm" / "aiges" / "README.md",
    *sorted((ROOT / "plugins").glob("*/README.md")),
    ROOT / "bench" / "README.md",
    *sorted((ROOT / "docker").glob("*/README.md")),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
# Their blocks are those of English pages, which test_doc_chinese.py holds them to.
CHINESE = ["README.zh-CN.md", "docs/zh/quick_start.md"]

# Where each block that is not run begins. A new one needs a reason in the page, and a line here.
SKIPPED = {
    "README.md": ["make build", "make wheel"],
    "bench/README.md": [".venv/bin/python bench/newcomer.py", "build/bench/bench_client"],
    "deploy/compose/README.md": ["docker/build.py"],
    "deploy/haproxy/README.md": ["sysctl -w", "run=${AIGES_RUN:-/run/haproxy}"],
    "deploy/helm/aiges/README.md": ["helm install"],
    "deploy/kserve/README.md": ["kubectl apply"],
    "deploy/systemd/README.md": ["tar -xzf"],
    "docker/cpu/README.md": ["docker/build.py", "docker run", "docker/image_size.py"],
    "docker/gpu/README.md": ["docker/build.py"],
    "docs/clients_other_languages.md": ["export GOBIN=", "cargo run", "mvn -q compile"],
    "docs/engines_go.md": ["cd docs/examples/resampler"],
    "docs/engines_rust.md": ["cd docs/examples/tokenizer"],
    "docs/engines_java.md": ["asectl create", "mkdir -p docs/examples"],
    "docs/quick_start.md": ["make build", "pip install build/wheels"],
    "docs/release.md": ["make release", "tar -xzf"],
    "docs/openai_models.md": ["make demo-llm", "scripts/setup.sh", "python ask.py", "curl -F"],
    "plugins/asr/README.md": ["scripts/setup.sh", "curl -F", "docker build"],
    "plugins/detect/README.md": ["docker build"],
    "plugins/embed/README.md": ["export PATH=", "curl http://", "docker build"],
    "plugins/llm/README.md": ["scripts/setup.sh", "curl http://", "docker build"],
    "plugins/mmocr/README.md": ["docker build"],
    "plugins/yolov5/README.md": ["docker build"],
}
# Of aiges.toml, besides the one that is called like the service.
SECTIONS = set(
    "admin aiges batch fc http instances limits log queue registry sandbox tls wrapper ws".split()
)


def page_blocks(name):
    return blocks_of((ROOT / name).read_text(encoding="utf-8"), name)


ALL = {name: page_blocks(name) for name in NAMES}
RUN = [name for name, blocks in ALL.items() if any(block.is_run for block in blocks)]


def fenced(language):
    return [
        pytest.param(block, id=f"{name}:{block.line}")
        for name, blocks in ALL.items()
        for block in blocks
        if block.language == language
    ]


@pytest.fixture
def short_path():
    """A folder with a short name: paths of sockets are bounded (unix(7): 108 bytes)."""
    with tempfile.TemporaryDirectory(prefix="aiges-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", RUN)
def test_the_commands_of_a_page_do_what_it_says(name, short_path):
    lacking = doc_script.missing()
    if lacking:
        pytest.skip(f"needs {lacking}")
    blocks = ALL[name]
    ran = run_blocks(blocks, short_path)
    assert not ran.why, f"{name}, {ran.why}"
    so_far = ""
    for block, printed in zip(blocks, ran.printed):
        for text in block.asked.get("prints", ()):
            assert text in printed, f"{name}, line {block.line}: {text!r} is not in:\n{printed}"
        if "output" in block.asked:
            lines = expected_in(block.text, so_far)
            assert not lines, f"{name}, line {block.line}: {lines} are not in:\n{so_far}"
        if block.is_run:
            so_far = printed


def test_what_is_not_run_is_known():
    skipped = {}
    for name, blocks in ALL.items():
        for block in blocks:
            if "skip" in block.asked:
                skipped.setdefault(name, []).append(block.text)
    assert skipped.keys() == SKIPPED.keys()
    for name, texts in skipped.items():
        assert len(texts) == len(SKIPPED[name]), f"{name}: {texts}"
        for text, begin in zip(texts, SKIPPED[name]):
            assert text.startswith(begin)


def test_every_make_target_that_pages_name_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for name in NAMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^ {4}|\() *make ([a-z][a-z-]*)", text, re.M))
        assert named <= targets, f"{name} names {named - targets}"


@pytest.mark.parametrize("block", fenced("python"))
def test_a_program_compiles(block):
    compile(block.text, f"line {block.line}", "exec")


@pytest.mark.parametrize("block", fenced("toml"))
def test_a_configuration_is_one_that_the_loader_takes(block, tmp_path):
    tables = tomllib.loads(block.text)
    if "svcMode" in tables:
        return  # Of xtest, which the page runs.
    # The first in the file: migrating.md shows tables of the earlier loader, too.
    service = next((name for name in tables if name not in SECTIONS), None)
    rest = "" if service else "[svcName]\n"  # The page shows a part of a file.
    service = service or "svcName"
    (tmp_path / "aiges.toml").write_text(rest + block.text)
    done = subprocess.run(
        [ROOT / "build/bin/AIService", "-show-config", "-c=aiges.toml", f"-s={service}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "unknown" not in done.stderr


@pytest.mark.parametrize("name", NAMES + CHINESE)
def test_the_files_that_a_page_links_to_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / name).parent / target).exists(), target
