# SPDX-License-Identifier: Apache-2.0
"""``asectl create``: a project that can be checked, served and called at once."""

from __future__ import annotations

import re
import shutil
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiges import __version__
from aiges._programs import PACKAGE
from aiges.cli._build import TOOLCHAINS
from aiges.cli._find import find_headers, find_library, find_sdk
from aiges.cli._say import CliError, Out, entry, need
from aiges.cli._toml import OWN_SECTIONS

if TYPE_CHECKING:
    import jinja2

# Projects for the contracts of other systems: what their pages call things.
CONTRACTS: dict[str, dict[str, Any]] = {
    "openbayes": {
        "system": "OpenBayes Serving",
        "package": "openbayes_serving",
        "file": "predictor.py",
        "command": "python predictor.py",
        "start": '["python", "predictor.py"]',
        "ports": "80",
        "ask": [
            "curl -H 'Content-Type: application/json' -d '{\"x\": 21}' http://127.0.0.1:25252/",
        ],
    },
    "seldon": {
        "system": "Seldon Core",
        "package": "seldon_core",
        "file": "Model.py",
        "command": "seldon-core-microservice Model --service-type MODEL",
        "start": '["seldon-core-microservice", "Model", "--service-type", "MODEL"]',
        "ports": "9000 5000 6000",
        "ask": [
            "curl -H 'Content-Type: application/json' -d '{\"data\": {\"ndarray\": [[21]]}}' "
            "http://127.0.0.1:9000/api/v1.0/predictions",
        ],
    },
    "aipod": {
        "system": "AIPOD",
        "package": "aipod",
        "file": "main.py",
        "command": "python main.py",
        "start": '["python", "main.py"]',
        "ports": "50051",
        "ask": [
            'python -c "from aipod.rpc.client import AIClient; '
            "print(AIClient('127.0.0.1:50051').predict(x=21))\"",
        ],
    },
    "triton": {
        "system": "Triton's Python backend",
        "package": "triton_python_backend_utils",
        "file": "config.pbtxt",
        "command": "asectl serve",
        "start": "[]",  # Its image has more to say, and its README names the model.
        "ports": "8000 8001",
        "ask": [],
    },
}
# Engines in other languages: how each is built, and what that makes.
NATIVE: dict[str, dict[str, Any]] = {
    language: {"build": tools.said, "library": tools.library}
    for language, tools in TOOLCHAINS.items()
}
ENGINE_JAR = "aiges-engine.jar"  # The interface, which is on no repository.
STYLES = ("v1", "v2", "v3")
STYLED = ("once", "stream", "batch")  # Templates that are written in each style.
TEMPLATES = (*STYLED, "cpp", "tasks", *NATIVE, *CONTRACTS)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
NOT_COPIED = shutil.ignore_patterns("target", "tests", "Cargo.lock", "*_test.go")
RENAMED = {"image": "Dockerfile"}  # Named so, a template is not taken for a Dockerfile.
BASE_IMAGE = "aiges-gpu:0.1.0-cuda12.6-ubuntu24.04"
BODIES = {
    "once": '{"text": "hello"}',
    "stream": '{"text": "one two"}',
    "batch": '{"number": 7}',
}
REQUESTS = {
    "once": "text=hello",
    "stream": "text='one two'",
    "batch": "text=7",
    "cpp": "text=hello",
}


@entry(name="create")
@click.argument("name", required=False)
@click.option("-n", "--name", "named", metavar="NAME", help="The same, as an option.")
@click.option("-p", "--path", default=".", help="The folder to make the project in.")
@click.option("-t", "--template", type=click.Choice(TEMPLATES), default="once", show_default=True)
@click.option(
    "--style",
    type=click.Choice(STYLES),
    help="Functions (v1), a class (v2), or a typed predict (v3, the default).",
)
@click.option(
    "--contract",
    type=click.Choice(("tasks", *NATIVE, *CONTRACTS)),
    help="The same as --template.",
)
@click.option("--base", default=BASE_IMAGE, help="Base image of the Dockerfile.")
def command(
    out: Out,
    name: str | None,
    named: str | None,
    path: str,
    template: str,
    style: str | None,
    contract: str | None,
    base: str,
) -> None:
    """Make a project in the folder NAME (default wrapperDemo).

    It has model.py with a typed predict and its test, aiges.toml, requirements.txt and a
    Dockerfile; in the styles v1 and v2 a wrapper with test data and xtest.toml; of tasks hooks for
    OpenAI's API, of java, go and rust an engine in that language with what builds it, and of a
    contract of another system (openbayes, seldon, aipod, triton) the model as its users write it.
    """
    template = contract or template
    if style and template not in STYLED:
        raise CliError(
            f"--style: expected a template of {', '.join(STYLED)}, which are written in several "
            f"styles, got {template}"
        )
    if name and named and name != named:
        raise CliError(f"expected one name, got {name!r} and {named!r}")
    made = create(Path(path), name or named or "wrapperDemo", template, base, style or "v3")
    shown = Path(path) / made.name
    steps = [
        f"cd {shown}",
        *(["make"] if template == "cpp" else []),
        *([NATIVE[template]["build"]] if template in NATIVE else []),
        "asectl check",
        CONTRACTS[template]["command"] if template in CONTRACTS else "asectl serve",
    ]
    out.result(
        {
            "project": str(made),
            "template": template,
            "files": sorted(str(f.relative_to(made)) for f in made.rglob("*") if f.is_file()),
        },
        "\n".join([f"made {shown} ({template}). Next:", *(f"  {step}" for step in steps)]),
    )


def create(
    parent: Path, name: str, template: str, base: str = BASE_IMAGE, style: str = "v3"
) -> Path:
    """Write the project and return its folder. What is there already is never written over."""
    if not NAME.fullmatch(name):
        raise CliError(
            f"name: expected letters, digits, - and _, beginning with a letter, got {name!r}"
        )
    if name.lower() in OWN_SECTIONS:  # The service is a section there, too.
        raise CliError(f"name: {name} is a section of aiges.toml already: choose another")
    folder = (parent / name).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CliError(f"expected no {folder}, found one: choose another name, or remove it")
    engine = templates()
    headers = find_headers() if template in ("cpp", "go") else None
    brings = find_library(ENGINE_JAR) if template == "java" else None
    sdk = find_sdk(template) if template in NATIVE and brings is None else None
    values = {
        "name": name,
        "template": template,
        "base": base,
        "request": REQUESTS.get(template, ""),
        "body": BODIES.get(template, ""),
        "is_python": template != "cpp",
        "version": __version__,
        **CONTRACTS.get(template, NATIVE.get(template, {})),
    }
    typed = template in STYLED and style == "v3"
    own = f"{style}/{template}" if template in STYLED else template
    common = "v3/common" if typed else "contract" if template in CONTRACTS else "common"
    for source in (own,) if template in NATIVE else (common, own):
        for file in sorted((PACKAGE / "tpls" / source).rglob("*.j2")):
            inner = file.relative_to(PACKAGE / "tpls" / source).with_suffix("")
            text = engine.get_template(f"{source}/{inner.as_posix()}.j2").render(values)
            if text.strip():
                _write(folder / (RENAMED.get(inner.name) or inner), text.encode())
    if brings is not None:
        _write(folder / "lib" / brings.name, brings.read_bytes())
    if not typed and template not in (*CONTRACTS, *NATIVE, "tasks"):
        _write(folder / "wrapper" / "test_data" / "test.png", test_picture())
        _write(folder / "wrapper" / "test_data" / "test.txt", b"hello\n")
    if sdk is not None:
        shutil.copytree(sdk, folder / "aiges", ignore=NOT_COPIED)
    if headers is not None:
        place = folder / ("aiges" if sdk is not None else "") / "include" / "aiges"
        for header in ("type.h", "wrapper.h"):
            _write(place / header, (headers / "aiges" / header).read_bytes())
    return folder


def templates() -> jinja2.Environment:
    """Return the engine that fills in what is in the folder tpls."""
    try:
        import jinja2
    except ImportError as error:
        raise need("cli", error) from None
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(PACKAGE / "tpls")),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Python, TOML and C++, no HTML.
    )


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def test_picture(size: int = 64) -> bytes:
    """Return a PNG of ``size`` times ``size`` pixels that goes from black to colours."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    scale = 255 // (size - 1)
    rows = b"".join(
        b"\0" + b"".join(bytes((x * scale, y * scale, 128)) for x in range(size))
        for y in range(size)
    )
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows, 9)),
            chunk(b"IEND", b""),
        ]
    )
