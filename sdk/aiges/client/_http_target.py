# SPDX-License-Identifier: Apache-2.0
"""Where a client over HTTP calls, and by which TLS."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiges.client._options import Wanted
from aiges.client._tls import SYSTEM, check_pair

__all__ = ["Target", "check_tries", "parse_url", "tls_context"]

FORMS = "http://host:port, https://host:port or unix:/path"


@dataclass(frozen=True)
class Target:
    """``host`` and ``port`` of a server, or the ``socket`` of the file system that it has.

    ``prefix`` stands before every path; ``model`` is that of ``/m/<model>`` at its end.
    """

    secure: bool
    host: str
    port: int
    socket: str
    prefix: str
    model: str

    @property
    def authority(self) -> str:
        """What the field ``Host`` says, and errors."""
        if self.socket:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else self.authority


def parse_url(target: str) -> Target:
    """Return what the user's word for the server means. Raises ValueError."""
    if target.startswith("unix:"):
        path = target[len("unix:") :]
        if not path or "\0" in path:
            raise ValueError(f"target {target!r}: expected unix:/path of a socket")
        return Target(False, "", 0, path, "", "")
    found = urlsplit(target)
    secure = found.scheme == "https"
    try:
        port = found.port
    except ValueError as error:
        raise ValueError(f"target {target!r}: {error}") from None
    if not found.hostname or port == 0 or found.query or found.fragment:
        raise ValueError(f"target {target!r}: expected {FORMS}")
    if found.username is not None or found.password is not None:
        raise ValueError("target: expected no user and password in it; a key goes as api_key=")
    path = found.path.rstrip("/")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"target {target!r}: expected a path with percent signs for what is odd")
    named = re.fullmatch(r"(.*)/m/([^/]+)", path)
    prefix, model = named.groups() if named else (path, "")
    return Target(secure, found.hostname, port or (443 if secure else 80), "", prefix, model)


def tls_context(target: Target, ca: str, cert: str, key: str) -> ssl.SSLContext | None:
    """Return the TLS of the connections; None: they have none. Raises OSError and ValueError."""
    check_pair(cert, key)
    if not target.secure:
        if ca or cert:
            raise ValueError(f"ca, cert: expected an address with https://, got {target}")
        return None
    context = ssl.create_default_context(cafile=None if ca in ("", SYSTEM) else ca)
    context.set_alpn_protocols(["http/1.1"])
    if cert:
        context.load_cert_chain(cert, key)
    return context


def check_tries(wanted: Wanted) -> None:
    """Raise ValueError for numbers of tries and seconds that cannot be."""
    if wanted.timeout_s <= 0 or wanted.retries < 0:
        raise ValueError(
            "expected timeout_s > 0 and retries >= 0, "
            f"got {wanted.timeout_s!r} and {wanted.retries!r}"
        )
