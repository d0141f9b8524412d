# SPDX-License-Identifier: Apache-2.0
"""``asectl package``: what `docker build` needs, in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from aiges.cli import _toml
from aiges.cli._build import freshen, toolchain_of
from aiges.cli._find import Plugin, find_engine, find_plugin
from aiges.cli._say import CliError, Out, entry
from aiges.cli.create import BASE_IMAGE, templates

LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "*.pyc", ".git", ".venv", ".asectl", ".aiges", "*.log", "log", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", "Dockerfile", ".dockerignore", "image",
)  # fmt: skip


@entry(name="package")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", "folder", default="image", type=click.Path(path_type=Path), show_default=True
)
@click.option("--base", default=BASE_IMAGE, show_default=True, help="Base image (docker/gpu).")
@click.option("--apt", multiple=True, metavar="PACKAGE", help="A package of the distribution.")
@click.option("--force", is_flag=True, help="Replace the folder.")
def command(
    out: Out, path: Path, folder: Path, base: str, apt: tuple[str, ...], force: bool
) -> None:
    """Write Dockerfile and build context for the plugin at PATH (default: this folder).

    In the image the plugin lies beside AIService; the addresses in its aiges.toml are open to
    other hosts.
    """
    freshen(path, out.note)
    plugin = find_engine(path)
    if plugin.contract not in ("", "tasks", "typed"):
        plugin = find_plugin(path)  # It says whose that is.
    target = folder.absolute()
    if target.exists():
        if not force:
            raise CliError(f"expected no {target}, found one: choose with --out, or --force")
        if not (target / "Dockerfile").is_file():
            raise CliError(f"--force: expected {target} to be an earlier package, it is not")
        shutil.rmtree(target)
    service = package(plugin, target, base, apt)
    files = sorted(str(f.relative_to(target)) for f in target.rglob("*") if f.is_file())
    out.result(
        {"folder": str(target), "service": service, "base": base, "files": files},
        f"wrote {folder}: {', '.join(files)}\n"
        f"docker build -t {service.lower()}:0.1.0 {folder}\n"
        f"docker run -p 5090:5090 -p 1888:1888 {service.lower()}:0.1.0",
    )


def package(plugin: Plugin, target: Path, base: str, apt: tuple[str, ...]) -> str:
    """Write the build context into ``target``, and return the name of the service."""
    file = plugin.project / "aiges.toml"
    tables = _toml.read(file) if file.is_file() else {"svcName": {"port": 5090}}
    service = _toml.service_of(tables, file)
    made = _toml.overlay(
        tables,
        {
            service: {"host": "0.0.0.0", "port": 5090},
            "wrapper": {"http_listen": "0.0.0.0:1888"},
            "instances": {"python": "python3"},
        },
    )
    for key in ("pythonpath", "library"):
        made["instances"].pop(key, None)
    if plugin.said:
        made = _toml.overlay(made, {"aiges": plugin.said})
    if plugin.is_python:
        # The base image's own shim; wrapper.py is beside AIService, which is on PYTHONPATH.
        made["instances"]["library"] = "/home/aiges/library/libwrapper.so"
    else:
        made["instances"]["library"] = "/home/aiges/plugin/libwrapper.so"
    tools = toolchain_of(plugin.project)
    if tools is None:
        shutil.copytree(plugin.folder, target / "plugin", ignore=LEFT_OUT)
    else:  # The library, and what lies beside its sources: models, lists of words.
        sources = shutil.ignore_patterns(*tools.sources)

        def left_out(place: str, names: list[str]) -> set[str]:
            at_top = Path(place) == plugin.project  # Below it such names are the model's data.
            return {*LEFT_OUT(place, names), *(sources(place, names) if at_top else ())}

        shutil.copytree(plugin.project, target / "plugin", ignore=left_out)
        shutil.copy(plugin.file, target / "plugin" / "libwrapper.so")
    if tools is not None or plugin.folder == plugin.project:
        for name in ("aiges.toml", "xtest.toml", "requirements.txt", "README.md"):
            (target / "plugin" / name).unlink(missing_ok=True)
    requirements = plugin.project / "requirements.txt"
    has_requirements = plugin.is_python and requirements.is_file()
    if has_requirements:
        shutil.copy(requirements, target / "requirements.txt")
    (target / "aiges.toml").write_text(_toml.dump(made), encoding="utf-8")
    (target / "Dockerfile").write_text(
        templates()
        .get_template("package/image.j2")
        .render(
            base=base,
            service=service,
            apt=sorted(apt),
            requirements=has_requirements,
            is_python=plugin.is_python,
        ),
        encoding="utf-8",
    )
    return service
