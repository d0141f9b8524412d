# SPDX-License-Identifier: Apache-2.0
"""``asectl call``: one request from text or files, and what came back."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click

from aiges.cli import _call_grpc, _call_http, _toml
from aiges.cli._metrics import address_of, grpc_of
from aiges.cli._payloads import TYPES, line, pair, payload, shown, wanted
from aiges.cli._request import Request
from aiges.cli._running import find_running
from aiges.cli._say import CliError, Out, api_key, entry

INPUT = re.compile(r"[\w.-]+=")  # Any other first word is a target.
HTTP = ("http://", "https://")


@entry(name="call")
@click.argument("words", nargs=-1, metavar="[TARGET] [KEY=TEXT|KEY=@FILE]..")
@click.option("-s", "--service", help="Service name. Default: that of aiges.toml here, or svcName.")
@click.option("-p", "--param", multiple=True, metavar="K=V", help="A parameter.")
@click.option("--header", multiple=True, metavar="K=V", help="A header.")
@click.option("--expect", multiple=True, metavar="KEY[:TYPE]", help="An output to take.")
@click.option("--type", "types", multiple=True, metavar="KEY=TYPE", help=" ".join(TYPES))
@click.option(
    "--timeout", default=30.0, show_default=True, help="Seconds; of a session, for each answer."
)
@click.option("--ca", default="", envvar="AIGES_CA", help="TLS: who vouches for the loader (PEM).")
@click.option("--cert", default="", envvar="AIGES_CERT", help="Our own certificate (PEM).")
@click.option("--key", default="", envvar="AIGES_KEY", help="Its private key (PEM).")
@click.option("--stream", is_flag=True, help="As a session: show answers as they come.")
@click.option("--out", "folder", type=click.Path(path_type=Path), help="Save every output there.")
@api_key
def command(
    out: Out,
    words: tuple[str, ...],
    service: str | None,
    param: tuple[str, ...],
    header: tuple[str, ...],
    expect: tuple[str, ...],
    types: tuple[str, ...],
    timeout: float,
    ca: str,
    cert: str,
    key: str,
    stream: bool,
    folder: Path | None,
) -> None:
    """Send one request to TARGET and show the answer.

    TARGET is http://HOST:PORT, HOST:PORT or grpc://HOST:PORT, consul://SERVICE or file:PATH;
    without it, what asectl serve runs in this folder, else the service of aiges.toml here.
    HOST:PORT is asked by gRPC where that is installed, else by HTTP. A URL with a path is sent a
    form, as of a contract's own.

    Each input is KEY=TEXT, KEY=@FILE or KEY=@- (stdin); the type of a file comes from its name,
    unless --type says it. Outputs that are not text are saved, in the folder result unless --out
    names another.
    """
    target, inputs = ("", words) if not words or INPUT.match(words[0]) else (words[0], words[1:])
    kinds = dict(pair(each, "--type") for each in types)
    target, service = _place(target, service)
    request = Request(
        target,
        service,
        [payload(each, kinds) for each in inputs],
        dict(pair(each, "--param") for each in param),
        dict(pair(each, "--header") for each in header),
        [wanted(each) for each in expect],
        timeout,
        stream,
        ca,
        cert,
        key,
    )
    begin = time.monotonic()
    way = _call_http if target.startswith(HTTP) else _call_grpc
    outputs, host = way.call(request)
    answers: list[dict[str, Any]] = []
    if stream:
        for each in outputs:
            if not each.data and each.attributes.get("status") == "2":
                continue  # Only says that the stream is over.
            made = shown([each], folder, len(answers))[0]
            answers.append(made)
            if not out.as_json:
                out.event(made, line(made))
    else:
        answers = shown(outputs, folder)
    took_ms = round((time.monotonic() - begin) * 1000, 3)
    text = "" if stream else "\n".join(map(line, answers))
    if out.as_json or text:
        out.result({"host": host, "took_ms": took_ms, "outputs": answers}, text)
    out.note(f"{took_ms:.1f} ms, {host}")


def _place(target: str, service: str | None) -> tuple[str, str]:
    """Return a URL, or what gRPC is to be asked at; and the service."""
    running = find_running()
    if not target:
        if running is not None:
            target = running.http or running.grpc
            service = service or running.service
        else:
            target = address_of("")
    if target.startswith(HTTP):
        has_path = target.count("/") > 2 and not target.endswith("/")
        if service is None and not has_path:
            service = _service_at(target)
        return target, service or _service_here()
    if target.startswith("grpc://"):
        return target[len("grpc://") :], service or _service_here()
    if "://" not in target and not target.startswith("file:") and not _call_grpc.is_there():
        return f"http://{target}", service or _service_here()
    return target, service or _service_here()


def _service_at(address: str) -> str | None:
    """Return the service of a loader that says it, to those who may look."""
    try:
        return grpc_of(address.rstrip("/"))[1]
    except CliError as error:
        if "Is it running?" in str(error):
            raise
        return None


def _service_here() -> str:
    """Return the service of the project in this folder."""
    running = find_running()
    if running is not None:
        return running.service
    file = Path("aiges.toml")
    return _toml.service_of(_toml.read(file), file) if file.is_file() else "svcName"
