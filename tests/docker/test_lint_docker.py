"""scripts/lint_docker.py: every rule on a bad case, silence on a good one, and our own files."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import dockerfile_parser  # noqa: E402
import lint_docker  # noqa: E402

GOOD = """\
# A file without fault.
ARG BASE=debian:12.11-slim
FROM ${BASE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \\
    # a comment between the lines
    && apt-get install -y --no-install-recommends gcc \\
    && rm -rf /var/lib/apt/lists/*
RUN set -e; echo a | tr a b > /made

FROM ${BASE}
WORKDIR /app
COPY --from=build /made ./
COPY main.py lib/ ./lib/
COPY *.txt ./
RUN pip install --no-cache-dir -r need.txt six==1.17.0
ENV NAME=value
EXPOSE 80/tcp 8080
USER app
HEALTHCHECK --interval=5s CMD ["python3", "main.py"]
ENTRYPOINT ["python3"]
CMD ["main.py"]
"""


@pytest.fixture
def lint(tmp_path):
    """lint(text) -> findings, in a context with main.py, need.txt and lib/."""
    (tmp_path / "lib").mkdir()
    for name in ("main.py", "need.txt", "lib/a.py"):
        (tmp_path / name).write_text("")
    path = tmp_path / "Dockerfile"

    def run(text):
        path.write_text(text)
        return lint_docker.lint(path)

    return run


def codes(findings):
    return [finding.code for finding in findings]


def test_a_good_file_has_no_findings(lint):
    assert lint(GOOD) == []


APT = "apt-get update && apt-get install -y --no-install-recommends gcc"
CLEAN = "rm -rf /var/lib/apt/lists/*"
BASE = "FROM debian:12.11-slim\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM debian\n", "DL3006"),
        ("ARG BASE\nFROM ${BASE}\n", "DL3006"),
        ("FROM registry.example:5000/team/debian\n", "DL3006"),
        ("FROM debian:latest\n", "DL3007"),
        (BASE + f"RUN sudo {APT} && {CLEAN}\n", "DL3004"),
        (BASE + "RUN cd /tmp && make\n", "DL3003"),
        (BASE + "RUN apt update\n", "DL3027"),
        (BASE + f"RUN apt-get update && apt-get install -y gcc && {CLEAN}\n", "DL3015"),
        (BASE + f"RUN {APT.replace(' -y', '')} && {CLEAN}\n", "DL3014"),
        (BASE + f"RUN {APT}\n", "DL3009"),
        (BASE + "RUN apt-get install -y --no-install-recommends gcc\n", "AG0001"),
        (BASE + "RUN pip install six==1.17.0\n", "DL3042"),
        (BASE + "RUN pip install --no-cache-dir six\n", "DL3013"),
        (BASE + "RUN python3 -m pip install --no-cache-dir six>=1\n", "DL3013"),
        (BASE + "RUN echo a | tr a b\n", "DL4006"),
        (BASE + "ADD main.py /app/\n", "DL3020"),
        (BASE + "COPY main.py need.txt /app\n", "DL3021"),
        (BASE + "COPY --from=builder /x /x\n", "DL3022"),
        (BASE + "COPY main.py ./\n", "DL3045"),
        (BASE + "COPY main.py\n", "AG0002"),
        (BASE + "COPY ../secret /app/\n", "AG0003"),
        (BASE + "COPY missing.py /app/\n", "AG0004"),
        (BASE + "COPY *.toml /app/\n", "AG0004"),
        (BASE + 'COPY ["missing file", "/app/"]\n', "AG0004"),
        (BASE + "WORKDIR app\n", "DL3000"),
        (BASE + "EXPOSE 70000\n", "DL3011"),
        (BASE + "MAINTAINER somebody\n", "DL4000"),
        (BASE + "CMD python3 main.py\n", "DL3025"),
        (BASE + "ENTRYPOINT python3 main.py\n", "DL3025"),
        (BASE + "HEALTHCHECK CMD curl -f http://127.0.0.1/\n", "DL3025"),
        (BASE + 'CMD ["a"]\nCMD ["b"]\n', "DL4003"),
        (BASE + "USER app\nUSER root\n", "DL3002"),
        (BASE + "RNU make\n", "AG0005"),
        ("# Build context: nowhere\n" + BASE, "AG0006"),
        ("# nothing\n", "AG0007"),
    ],
)
def test_each_fault_has_its_code(lint, text, expected):
    assert codes(lint(text)) == [expected]


def test_a_finding_names_the_first_line_of_its_instruction(lint):
    findings = lint(BASE + "\n# comment\nRUN true \\\n    && apt update\n")
    assert [(f.line, f.code) for f in findings] == [(4, "DL3027")]


def test_pinned_by_digest_or_from_scratch_or_from_a_stage_is_fine(lint):
    digest = "debian@sha256:" + "0" * 64
    assert lint(f"FROM {digest} AS one\nFROM scratch AS two\nFROM one\n") == []


def test_a_workdir_of_our_base_image_counts(lint):
    assert lint("FROM aiges-gpu:0.1.0-x\nCOPY main.py ./\n") == []


def test_a_named_build_context_is_where_sources_are_looked_up(lint, tmp_path):
    (tmp_path / "lib" / "only_here.txt").write_text("")
    copy = BASE + "COPY only_here.txt /app/\n"
    assert codes(lint(copy)) == ["AG0004"]
    assert lint("# Build context: lib\n" + copy) == []


def test_or_is_no_pipe(lint):
    assert lint(BASE + "RUN make || true\n") == []


def test_build_arguments_are_filled_in():
    values = {"A": "x"}
    assert dockerfile_parser.fill("$A-${A}-${B:-y}-${C}", values) == "x-x-y-"


def test_flags_and_exec_form_are_parsed():
    (copy, cmd) = dockerfile_parser.parse('COPY --from=a --chown=b:c x y\nCMD ["q", "r s"]\n')
    assert (copy.flags, copy.words) == ({"from": "a", "chown": "b:c"}, ["x", "y"])
    assert cmd.json_form == ["q", "r s"] and copy.json_form is None


def run_script(*files):
    script = REPOSITORY / "scripts" / "lint_docker.py"
    command = [sys.executable, str(script), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_prints_findings_and_fails(tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian\n")
    result = run_script(path)
    assert result.returncode == 1
    assert f"{path}:1: DL3006" in result.stdout and "1 findings" in result.stdout


def test_the_script_reports_a_missing_file(tmp_path):
    result = run_script(tmp_path / "Dockerfile")
    assert result.returncode == 1 and "AG0008" in result.stdout


def test_every_dockerfile_of_the_repository_is_clean():
    found = {str(path.relative_to(REPOSITORY)) for path in lint_docker.dockerfiles(REPOSITORY)}
    assert found >= {
        "docker/gpu/Dockerfile",
        "docker/gpu/Dockerfile.business",
        "plugins/mmocr/Dockerfile",
        "plugins/yolov5/Dockerfile",
    }
    result = run_script()
    assert result.returncode == 0, result.stdout
