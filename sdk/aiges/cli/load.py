# SPDX-License-Identifier: Apache-2.0
"""``asectl load``: xtest on what runs here, without a file."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from aiges.cli import _hints
from aiges.cli._find import find_program
from aiges.cli._metrics import address_of, ask, grpc_of
from aiges.cli._payloads import Payload, pair, payload
from aiges.cli._running import find_running
from aiges.cli._say import CliError, Out, api_key, entry
from aiges.cli.call import HTTP, INPUT

CONNECT_S = 3.0


@entry(name="load")
@click.argument("words", nargs=-1, metavar="[TARGET] [KEY=TEXT|KEY=@FILE].. [-- FLAGS OF XTEST]")
@click.option("-s", "--service", help="Service name. Default: what the loader says.")
@click.option("-p", "--param", multiple=True, metavar="K=V", help="A parameter.")
@click.option("--seconds", default=10.0, show_default=True, help="How long.")
@click.option("--concurrency", default=10, show_default=True, help="Calls in flight.")
@click.option("--rate", help="Calls per second instead: sent when planned, whatever is in flight.")
@click.option("--count", type=int, help="So many calls instead of --seconds.")
@api_key
def command(
    out: Out,
    words: tuple[str, ...],
    service: str | None,
    param: tuple[str, ...],
    seconds: float,
    concurrency: int,
    rate: str | None,
    count: int | None,
) -> None:
    """Send one request many times to TARGET (default: what asectl serve runs here), by xtest.

    TARGET is HOST:PORT or http://HOST:PORT, of several A:PORT,B:PORT; with a path the request goes
    there. Inputs are those of asectl call; without any the request is made from the schema. The
    report is in log/latest. Ends with the exit code of xtest: 0 done, 2 it could not run, 3 no
    call had a good answer.
    """
    program = find_program("xtest")
    flags = [each for each in words if each.startswith("-")]
    rest = [each for each in words if not each.startswith("-")]
    is_target = bool(rest) and not INPUT.match(rest[0])
    address = _address(rest[0] if is_target else "")
    url = urllib.parse.urlsplit(address)
    hosts = url.netloc.split(",")
    _reach(hosts)
    inputs = [payload(each, {}) for each in rest[is_target:]]
    params = dict(pair(each, "--param") for each in param)
    first = f"{url.scheme}://{hosts[0].partition('*')[0]}"
    path, body, kind = _request(first, url, service, inputs, params)
    wanted = [
        str(program),
        "-f=/dev/null",
        f"-target={url.netloc}",
        "-protocol=http",
        f"-path={path}",
    ]
    wanted += ["-ca=system"] if url.scheme == "https" else []
    wanted += [f"-rate={rate}"] if rate else [f"-concurrency={concurrency}"]
    wanted += [f"-count={count}"] if count else ["-count=0", f"-duration={seconds:g}s"]
    with tempfile.TemporaryDirectory(prefix="asectl-") as name:
        folder = Path(name)
        if body is not None:
            (folder / "body").write_bytes(body)
            wanted += [f"-body={folder / 'body'}", f"-header=Content-Type: {kind}"]
        result = folder / "result.json"
        wanted += ["-quiet", f"-json={result}"] if out.as_json else []
        wanted = _without(wanted, flags)
        signal.signal(signal.SIGINT, _leave_to_xtest)
        code = subprocess.call(
            [*wanted, *flags], stdout=subprocess.DEVNULL if out.as_json else None
        )
        if out.as_json and result.is_file():
            out.result(json.loads(result.read_text(encoding="utf-8")))
    sys.exit(code if code >= 0 else 128 - code)


def _leave_to_xtest(_number: int, _frame: object) -> None:
    """Take Ctrl-C, which is for xtest: it reports then."""


def _without(wanted: list[str], flags: Sequence[str]) -> list[str]:
    """Return our flags but those that the user gives, each of which may be there once."""
    given = {each.lstrip("-").partition("=")[0] for each in flags}
    if "count" in given:
        given.add("duration")
    if given & {"rate", "concurrency"}:
        given |= {"rate", "concurrency"}
    return [each for each in wanted if each.lstrip("-").partition("=")[0] not in given]


def _address(target: str) -> str:
    running = find_running()
    if not target:
        return running.http or f"http://{running.grpc}" if running else address_of("")
    if target.startswith(HTTP):
        return target
    if "://" in target:
        raise CliError(f"expected HOST:PORT or http://HOST:PORT, got {target}: see xtest -h")
    return f"http://{target}"


def _reach(hosts: Sequence[str]) -> None:
    """Say at once that nobody is there, rather than by a thousand failed calls."""
    wrong = ""
    for each in hosts:
        host, _, port = each.partition("*")[0].rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
            return
        except ValueError:
            wrong = f"expected HOST:PORT, got {each}"
        except OSError as error:
            wrong = f"cannot connect to {each}: {error.strerror or error}: is the service running?"
    raise CliError(wrong)


def _request(
    address: str,
    url: urllib.parse.SplitResult,
    service: str | None,
    inputs: Sequence[Payload],
    params: Mapping[str, str],
) -> tuple[str, bytes | None, str]:
    """Return path, body and content type; without a body it is a GET."""
    path = url.path + (f"?{url.query}" if url.query else "")
    if path not in ("", "/"):
        values = {**{each.name: _value(each) for each in inputs}, **params}
        return path, json.dumps(values).encode() if values else None, "application/json"
    running = find_running()
    if service is None and running is not None and running.http == address:
        service = running.service
    service = service or grpc_of(address)[1]
    query = urllib.parse.urlencode({f"p.{name}": value for name, value in params.items()})
    if inputs:
        body = json.dumps({each.name: _value(each) for each in inputs}).encode()
        return f"/v1/json/{service}" + (f"?{query}" if query else ""), body, "application/json"
    status, text = ask(f"{address}/-/openapi.json")
    sample = _hints.sample_of(json.loads(text), service) if status == 200 else None
    if sample is None:
        raise CliError("expected inputs, KEY=TEXT or KEY=@FILE: the service declares none")
    return sample.path + (f"?{query}" if query else ""), sample.body, sample.content_type


def _value(each: Payload) -> object:
    """Return data as plain JSON has them."""
    if each.kind == "text":
        return each.data.decode(errors="replace")
    return {"base64": base64.b64encode(each.data).decode(), "type": each.kind}
