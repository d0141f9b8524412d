# SPDX-License-Identifier: Apache-2.0
"""docker/build.py and its matrix: plan, commands of all engines, and a row that is really built."""

import re
import shlex
import shutil
import subprocess
import sys

import containers
import pytest
from containers import ENVIRONMENT, REPOSITORY

DOCKER = REPOSITORY / "docker"
CUDA = "cuda12.6-ubuntu24.04"
CUDA_BASE = "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04"


def build(*arguments, **options):
    command = [sys.executable, DOCKER / "build.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def dry(*arguments):
    """The commands that would be run, each as its words; folders of this machine are left out."""
    result = build(*arguments, "--dry-run")
    assert result.returncode == 0, result.stderr
    said = result.stdout.replace(f"{REPOSITORY}/", "").replace(str(REPOSITORY), ".")
    # A quoted word may have several lines.
    words = shlex.split(said.replace("/tmp/build/", "").strip("\n").replace("\n", " ; "))
    ends = [-1, *(place for place, word in enumerate(words) if word == ";"), len(words)]
    return [words[begin + 1 : end] for begin, end in zip(ends, ends[1:])]


def matrix():
    """Rows of matrix.txt: their words by the first one."""
    lines = (DOCKER / "matrix.txt").read_text().splitlines()
    return {words[0]: words for words in map(str.split, lines) if words[0] != "#"}


# ---- the matrix


def test_images_that_pages_and_manifests_name_are_rows_of_the_matrix():
    """Without CUDA they are those of docker/cpu; names of the earlier loader have other tags."""
    tags = {words[1].replace(":", ":0.1.0-") for words in matrix().values()}
    command = ["git", "ls-files", "-z", "deploy", "docs", "docker", "plugins", "sdk", "*.md"]
    files = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    named = {}
    for file in files.stdout.rstrip("\0").split("\0"):
        if not file.endswith((".md", ".py", ".tpl", ".yml", ".yaml", "Dockerfile")):
            continue
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        for image in re.findall(r"\baiges-(?:gpu|cpu|paddle):0[\w.-]*\w", text):
            named.setdefault(image, []).append(file)
    assert len(named) >= 4 and set(named) <= tags, named
    assert not [each for each in named if each.endswith("-cpu-debian12")], named


def test_the_matrix_in_the_readme_is_the_one_that_is_built():
    text = (DOCKER / "gpu" / "README.md").read_text()
    rows = re.findall(r"^\| (\S+) \| (\S+:\S+) \| (\S+) \|", text, re.MULTILINE)
    gpu = {name: words for name, words in matrix().items() if words[2] == "gpu"}
    assert {row[0]: row[1:] for row in rows} == {name: (w[3], w[5]) for name, w in gpu.items()}


def test_defaults_of_the_dockerfiles_are_rows_of_the_matrix():
    files = sorted({*REPOSITORY.glob("plugins/*/Dockerfile"), *DOCKER.glob("*/Dockerfile")})
    assert len(files) >= 10
    bases = {words[3] for words in matrix().values()}
    tags = {words[1].replace(":", ":0.1.0-") for words in matrix().values()}
    for file in files:
        image = re.search(r"^ARG BASE_IMAGE=(\S+)", file.read_text(), re.MULTILINE)
        assert image[1] in bases | tags, file


def test_without_a_row_the_plan_says_what_can_be_built_and_why_the_rest_cannot():
    result = build("--repo", "registry.example/ai")
    assert result.returncode == 0
    for name, words in matrix().items():
        first = words[1].replace(":", ":0.1.0-")
        second = f"{words[1].split(':')[0]}:{'-'.join(words[4:])}"
        line = next(each for each in result.stdout.splitlines() if each.startswith(f"{name} "))
        assert f"registry.example/ai/{first} " in line and f"registry.example/ai/{second}" in line
    cannot = result.stdout.split("cannot be built:")[1]
    assert "10.1-*-ubuntu1804" in cannot and "Ubuntu 18.04 ended" in cannot


# ---- commands


def test_the_commands_of_docker():
    (command,) = dry(CUDA)
    assert command == shlex.split(
        f"docker build --build-arg BASE_IMAGE={CUDA_BASE} "
        f"--tag aiges-gpu:0.1.0-{CUDA} --tag aiges-gpu:12.6-3.12-ubuntu2404 "
        "--file docker/gpu/Dockerfile --iidfile id ."
    )


def test_the_commands_of_buildx_which_pushes_while_it_builds():
    options = ("--engine", "buildx", "--repo", "registry.example:5000/ai", "--push", "--cache")
    (command,) = dry(CUDA, *options)
    place = "registry.example:5000/ai/aiges-gpu"
    assert command == shlex.split(
        f"docker buildx build --build-arg BASE_IMAGE={CUDA_BASE} "
        f"--tag {place}:0.1.0-{CUDA} --tag {place}:12.6-3.12-ubuntu2404 "
        "--file docker/gpu/Dockerfile --iidfile id "
        f"--cache-from type=registry,ref={place}-cache "
        f"--cache-to type=registry,ref={place}-cache,mode=max --metadata-file digest --push ."
    )


@pytest.mark.parametrize("engine", ["buildah", "podman"])
def test_the_commands_of_buildah_and_podman(engine):
    never = {"buildah": "--pull-never", "podman": "--pull=never"}[engine]
    options = ("--engine", engine, "--repo", "registry.example/ai", "--version", "2.0", "--push")
    commands = dry("debian12-contracts", *options)
    place = "registry.example/ai/aiges-cpu"
    tags = [f"{place}:2.0-debian12-contracts", f"{place}:cpu-3.11-debian12-contracts"]
    base = [f"{place}:2.0-debian12", f"{place}:cpu-3.11-debian12"]
    begin = f"{engine} build --format docker --layers --build-arg BASE_IMAGE="
    assert commands == [
        shlex.split(
            f"{begin}debian:12.11-slim --tag {base[0]} --tag {base[1]} "
            "--file docker/cpu/Dockerfile --iidfile id "
            "--ignorefile docker/cpu/Dockerfile.dockerignore ."
        ),
        *(shlex.split(f"{engine} push --digestfile digest {tag}") for tag in base),
        shlex.split(
            f"{begin}{base[0]} --tag {tags[0]} --tag {tags[1]} "
            f"--file docker/contracts/Dockerfile --iidfile id {never} docker/contracts"
        ),
        *(shlex.split(f"{engine} push --digestfile digest {tag}") for tag in tags),
    ]


def test_a_row_brings_what_it_stands_on_unless_that_is_to_be_taken_as_it_is():
    assert [words[-1] for words in dry("paddle-debian12")] == [
        ".",
        "docker/contracts",
        "docker/paddle",
    ]
    assert [words[-1] for words in dry("paddle-debian12", "--reuse")] == ["docker/paddle"]
    assert len(dry("all")) == len(matrix())


def test_a_row_is_known_by_its_tags_too():
    for name in (f"aiges-gpu:{CUDA}", "aiges-gpu:12.6-3.12-ubuntu2404", "12.6-3.12-ubuntu2404"):
        assert dry(name) == dry(CUDA), name


def test_options_reach_the_commands():
    (command,) = dry("cpu-debian12", "--base", "my/debian:1", "--build-arg", "RUN_AS=root")
    assert command[2:6] == ["--build-arg", "BASE_IMAGE=my/debian:1", "--build-arg", "RUN_AS=root"]
    # A base of the user's own is pulled where it is not here.
    assert "--pull-never" not in dry("debian12", "--base", "a/b:1", "--engine", "buildah")[0]
    assert "--no-cache" in dry(CUDA, "--no-cache")[0]
    docker = dry(CUDA, "--cache", "--repo", "r.example/a")[0]
    assert "r.example/a/aiges-gpu-cache" in docker and "BUILDKIT_INLINE_CACHE=1" in docker
    podman = dry(CUDA, "--cache", "--repo", "r.example/a", "--engine", "podman")[0]
    assert podman.count("r.example/a/aiges-gpu-cache") == 2


def test_an_image_is_tried_before_it_is_pushed():
    commands = dry(CUDA, "--test", "--push", "--repo", "r.example/a", "--engine", "buildah")
    assert [words[:2] for words in commands] == [
        ["buildah", "build"],
        *(["podman", word] for word in ("run", "exec", "exec", "stop", "inspect", "rm")),
        ["buildah", "push"],
        ["buildah", "push"],
    ]
    assert "--read-only" in commands[1]


# ---- mistakes


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("cuda12.6",), "did you mean cuda12.6-ubuntu24.04?"),
        (("nonsense",), "expected a row of matrix.txt, got nonsense; rows: debian12,"),
        (("10.1-3.9.13-ubuntu1804",), "cannot be built: Ubuntu 18.04 ended in 2023"),
        (("x.example/aiges-gpu:10.2-3.9.13-ubuntu1804",), "CUDA 10.2 no more"),
        (("11.6-1.17-3.9.13-ubuntu1804-v2",), "CUDA 11 has no image of Ubuntu 24.04"),
        (("12.1-1.20-3.11.7-ubuntu2204",), "Ubuntu 22.04 are older"),
        (("all", "--push"), "--push needs --repo"),
        (("all", "--cache"), "--cache needs --repo"),
        (("all", "--repo", "https://r.example"), "without https://"),
        (("all", "--repo", "r.example/A/"), "in small letters"),
        (("all", "--cache", "--no-cache", "--repo", "r.example"), "exclude each other"),
        (("all", "--version", "a b"), "--version: expected letters"),
        (("all", "--build-arg", "RUN_AS"), "expected NAME=VALUE, got RUN_AS"),
        (("all", "--base", "x"), "--base: expected one row"),
        (("debian12-contracts", "--reuse", "--base", "x"), "--base: expected one row"),
        (("all", "--matrix", "/nowhere"), "/nowhere: No such file"),
        (
            ("all", "--test", "--push", "--repo", "r", "--engine", "buildx"),
            "pushes while it builds",
        ),
        (("all", "--engine", "kaniko"), "invalid choice: 'kaniko'"),
    ],
)
def test_mistakes_are_told(arguments, expected):
    result = build(*arguments, "--dry-run")
    assert result.returncode == 2 and expected in result.stderr, result.stderr
    assert result.stdout == ""


def test_a_broken_matrix_is_told_with_its_line(tmp_path):
    (tmp_path / "m").write_text("# rows\na b:c gpu d:1 1 2\n")
    result = build("all", "--dry-run", "--matrix", tmp_path / "m")
    assert f"{tmp_path / 'm'}:2: expected row, name:tag, folder" in result.stderr
    (tmp_path / "m").write_text("a b:c gpu later 1 2 3\n")
    result = build("all", "--dry-run", "--matrix", tmp_path / "m")
    assert ":1: expected an image with its tag, or a row above, got later" in result.stderr


def test_an_engine_that_is_not_there_is_told(tmp_path):
    result = build("debian12", "--engine", "podman", env={"PATH": str(tmp_path)})
    assert result.returncode == 2 and "podman is not on PATH" in result.stderr


def test_help_tells_all_options():
    result = build("--help")
    source = (DOCKER / "build.py").read_text()
    options = set(re.findall(r'add\(\s*"(--[a-z-]+)"', source))
    assert result.returncode == 0 and len(options) >= 12
    assert all(option in result.stdout for option in options)


# ---- for real, on the image of docker/cpu


@pytest.mark.skipif(bool(containers.why_not()), reason=containers.why_not())
@pytest.mark.parametrize("engine", ["buildah", "podman"])
def test_it_builds_and_tries_an_image_and_keeps_its_digest(images, engine, tmp_path):
    """The second engine finds the layers of the first."""
    digests = tmp_path / "digests.txt"
    options = ["--engine", engine, "--reuse", "--test", "--digests", digests]
    environment = {**ENVIRONMENT, "BUILDAH_ISOLATION": "chroot"}
    result = build("debian12-contracts", *options, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "aiges-cpu:0.1.0-debian12-contracts (sha256:" in result.stdout
    assert ", tried: " in result.stdout
    lines = [line.split() for line in digests.read_text().splitlines()]
    assert [tag for _, tag in lines] == [
        "aiges-cpu:0.1.0-debian12-contracts",
        "aiges-cpu:cpu-3.11-debian12-contracts",
    ]
    for digest, tag in lines:
        name = f"localhost/{tag}"
        assert containers.podman("inspect", "--format", "{{.Id}}", name)[1] == digest[7:]


@pytest.mark.skipif(bool(containers.why_not()), reason=containers.why_not())
def test_an_image_that_does_not_serve_is_told_with_what_it_said(images, tmp_path):
    """A base image that is no image of ours: AIService is missing in it."""
    sys.path.insert(0, str(DOCKER))
    import build_check
    from build_matrix import Mistake

    assert shutil.which("podman")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_check, "PATIENCE_S", 0)
        patch.setenv("CONTAINERS_CONF", ENVIRONMENT["CONTAINERS_CONF"])
        with pytest.raises(Mistake, match="is not healthy within"):
            build_check.check("podman", "docker.io/library/debian:12.11-slim")
