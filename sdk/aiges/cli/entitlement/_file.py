# SPDX-License-Identifier: Apache-2.0
"""Entitlement files, and the openssl command that signs them (Ed25519, OpenSSL 3)."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from aiges._narrow import is_dict
from aiges.cli._say import CliError

BEGIN = "-----BEGIN AIGES ENTITLEMENT-----"
END = "-----END AIGES ENTITLEMENT-----"
PREFIX = "aiges-entitlement-1\n"


def openssl(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run openssl; what it said comes back."""
    program = shutil.which("openssl")
    if program is None:
        raise CliError("expected the command openssl (3.0 or newer), found none")
    return subprocess.run([program, *words], capture_output=True, check=False)


def said(done: subprocess.CompletedProcess[bytes], what: str) -> bytes:
    """Return what openssl printed, where it went well."""
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()
        raise CliError(f"{what}: openssl: {last[-1] if last else done.returncode}")
    return done.stdout


def sign(terms: dict[str, Any], key: Path) -> str:
    """Return the file with these terms, signed by a private key (PEM)."""
    line = base64.b64encode(json.dumps(terms, ensure_ascii=False).encode()).decode()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        text.write_bytes((PREFIX + line).encode())
        done = openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(text))
    signature = base64.b64encode(said(done, str(key))).decode()
    return "\n".join([BEGIN, line, signature, END, ""])


def read(file: Path) -> tuple[dict[str, Any], str, bytes]:
    """Return the terms of a file, the line that is signed, and the signature; unchecked."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) != 4 or (lines[0], lines[3]) != (BEGIN, END):
        raise CliError(f"{file}: expected four lines, from {BEGIN} to {END}")
    try:
        terms = json.loads(base64.b64decode(lines[1], validate=True))
        signature = base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise CliError(f"{file}: {error}") from None
    if not is_dict(terms):
        raise CliError(f"{file}: expected an object of JSON in it")
    return terms, lines[1], signature


def is_signed_by(line: str, signature: bytes, public_key: Path) -> bool:
    """Tell whether a line was signed by whose public key (PEM) that is."""
    with tempfile.TemporaryDirectory() as folder:
        text, signed = Path(folder) / "text", Path(folder) / "signature"
        text.write_bytes((PREFIX + line).encode())
        signed.write_bytes(signature)
        words = ["-rawin", "-pubin", "-inkey", str(public_key), "-in", str(text)]
        return openssl("pkeyutl", "-verify", *words, "-sigfile", str(signed)).returncode == 0


def seconds_of(day: str) -> int:
    """Return the Unix time of 2026-01-31 or 2026-01-31T12:00:00Z, in UTC."""
    try:
        when = datetime.datetime.fromisoformat(day.replace("Z", "+00:00"))
    except ValueError:
        raise CliError(f"expected a day as 2026-01-31, got {day}") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp())


def day_of(seconds: int) -> str:
    """Return a Unix time for people."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return when.strftime("%Y-%m-%d %H:%M UTC")
