# SPDX-License-Identifier: Apache-2.0
"""``asectl call``: one request from text or files, and what came back."""

from __future__ import annotations

import mimetypes
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiges.cli import _toml
from aiges.cli._metrics import address_of, grpc_of
from aiges.cli._say import CliError, Out, api_key, entry, need

if TYPE_CHECKING:
    from aiges.client import Payload

INPUT = re.compile(r"[\w.-]+=")  # Any other first word is a target.
TYPES = ("text", "audio", "image", "video", "other")
ENDINGS = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".wav",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"fLaC": ".flac",
}
BY_TYPE = {"text": ".txt", "audio": ".pcm", "image": ".img", "video": ".h264", "other": ".bin"}


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

    TARGET is HOST:PORT of gRPC, http://HOST:PORT, consul://SERVICE or file:PATH; without it, the
    service of aiges.toml here is meant. Each input is KEY=TEXT, KEY=@FILE or
    KEY=@- (stdin); the type of a file comes from its name, unless --type says it. Outputs that are
    not text are saved, in the folder result unless --out names another.
    """
    try:
        from aiges.client import AigesError, Client
    except ImportError as error:
        raise need("client", error) from None
    target, inputs = ("", words) if not words or INPUT.match(words[0]) else (words[0], words[1:])
    kinds = dict(_pair(each, "--type") for each in types)
    payloads = [_payload(each, kinds) for each in inputs]
    wanted = [_expected(each) for each in expect]
    given: dict[str, Any] = {
        "params": dict(_pair(each, "--param") for each in param),
        "headers": dict(_pair(each, "--header") for each in header),
        "expect": wanted,
        "timeout_s": timeout,
    }
    if not target or target.startswith(("http://", "https://")):
        target, said = grpc_of(address_of(target))
        service = service or said
    service = service or _service_here()
    begin = time.monotonic()
    try:
        with Client(target, service, timeout_s=timeout, ca=ca, cert=cert, key=key) as client:
            if stream:
                answers, host = _session(client, payloads, given, out, folder), target
            else:
                reply = client.once(payloads, **given)
                answers, host = _shown(_whole(reply), folder), reply.host
    except AigesError as error:
        raise CliError(
            f"{type(error).__name__}: {error}", code=error.code, kind=type(error).__name__
        ) from None
    except (OSError, ValueError) as error:
        raise CliError(str(error)) from None
    took_ms = round((time.monotonic() - begin) * 1000, 3)
    text = "" if stream else "\n".join(_line(each) for each in answers)
    if out.as_json or text:
        out.result({"host": host, "took_ms": took_ms, "outputs": answers}, text)
    out.note(f"{took_ms:.1f} ms, {host}")


def _service_here() -> str:
    """Return the service of the project in this folder."""
    file = Path("aiges.toml")
    return _toml.service_of(_toml.read(file), file) if file.is_file() else "svcName"


def _pair(text: str, what: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise CliError(f"{what}: expected KEY=VALUE, got {text!r}")
    return key, value


def _kind(name: str, what: str) -> Any:
    from aiges.client import DataType

    if name not in TYPES:
        raise CliError(f"{what}: expected one of {', '.join(TYPES)}, got {name!r}")
    return DataType(TYPES.index(name))


def _payload(text: str, kinds: dict[str, str]) -> Payload:
    from aiges.client import Payload

    key, value = _pair(text, "input")
    kind = kinds.get(key, "text")
    if value == "@-":
        data = sys.stdin.buffer.read()
    elif value.startswith("@"):
        file = Path(value[1:])
        data = file.read_bytes()
        guessed = (mimetypes.guess_type(file.name)[0] or "text/plain").partition("/")[0]
        kind = kinds.get(key, guessed if guessed in TYPES else _by_content(data))
    else:
        data = value.encode()
    return Payload(key, data, _kind(kind, f"--type {key}"))


def _by_content(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "other"
    return "text"


def _expected(text: str) -> Payload:
    from aiges.client import Payload

    key, _, kind = text.partition(":")
    return Payload(key, type=_kind(kind or "text", f"--expect {key}"))


def _session(
    client: Any, payloads: list[Payload], given: dict[str, Any], out: Out, folder: Path | None
) -> list[dict[str, Any]]:
    """Send everything at once, and show each answer when it comes; silence has an end."""
    answers: list[dict[str, Any]] = []
    with client.session(**given) as session:
        session.write(payloads, status=3)
        while not session.ended:
            come = session.read(given["timeout_s"])
            if not come and not session.ended:
                raise CliError(
                    f"expected an answer of the session within {given['timeout_s']:g} s, got none",
                    kind="DeadlineExceeded",
                )
            for payload in come:
                if not payload.data and payload.attributes.get("status") == "2":
                    continue  # Only says that the stream is over.
                made = _shown([payload], folder, len(answers))[0]
                answers.append(made)
                if not out.as_json:
                    out.event(made, _line(made))
    return answers


def _whole(reply: Any) -> list[Payload]:
    """Return the outputs of a reply, the text of one key as one."""
    outputs: list[Payload] = []
    for name in reply.payloads:
        try:
            outputs.append(reply.payloads[name])
        except LookupError:  # Several that are not all text.
            outputs += reply.all(name)
    return outputs


def _shown(payloads: Any, folder: Path | None, first: int = -1) -> list[dict[str, Any]]:
    """Return the outputs as JSON values; what is not text is in a file."""
    answers = []
    seen: Counter[str] = Counter()
    for payload in payloads:
        kind = TYPES[int(payload.type)]
        answer: dict[str, Any] = {
            "key": payload.name,
            "type": kind,
            "bytes": len(payload.data),
            "attributes": dict(payload.attributes),
        }
        text = None
        if kind in ("text", "other"):
            try:
                text = payload.data.decode()
            except UnicodeDecodeError:
                pass
        if text is not None:
            answer["text"] = text
        if folder is not None or text is None:
            number = first if first >= 0 else seen[payload.name]
            name = payload.name if first < 0 and not number else f"{payload.name}-{number}"
            seen[payload.name] += 1
            answer["file"] = str(_save(folder or Path("result"), name, payload.data, kind))
        answers.append(answer)
    return answers


def _save(folder: Path, name: str, data: bytes, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ending = next((e for head, e in ENDINGS.items() if data.startswith(head)), BY_TYPE[kind])
    # The name comes from the service: nothing outside of the folder may be meant by it.
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "output"
    file = folder / f"{safe}{ending}"
    file.write_bytes(data)
    return file


def _line(answer: dict[str, Any]) -> str:
    where = f" -> {answer['file']}" if "file" in answer else ""
    if "text" in answer:
        return f"{answer['key']}: {answer['text']}{where}"
    return f"{answer['key']}: {answer['type']}, {answer['bytes']} bytes{where}"
