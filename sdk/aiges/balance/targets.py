# SPDX-License-Identifier: Apache-2.0
"""What a user writes to say where the loaders are, and what it means.

127.0.0.1:1888,10.0.0.7:1888*3          a fixed list; *3 is a weight
file:/etc/aiges/peers.toml              a file, read again when it changes
consul://svcName?tag=v1&agent=http://127.0.0.1:8500&dc=dc1
consul://svcName?agent=https://127.0.0.1:8501&ca=/etc/aiges/ca.pem&cert=/etc/..&key=/etc/..
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union
from urllib.parse import parse_qsl, urlsplit

from aiges.balance.endpoint import Endpoint, join_address

__all__ = [
    "Agent",
    "ConsulSpec",
    "FileSpec",
    "Spec",
    "StaticSpec",
    "parse_address",
    "parse_agent",
    "parse_target",
]

DEFAULT_AGENT = "http://127.0.0.1:8500"
FORMS = "consul://<service>, file:<path> or host:port,host:port"


@dataclass(frozen=True)
class Agent:
    """Where a Consul agent listens. ``token`` is the ACL token, empty for none.

    For https, as paths of PEM files: ``ca`` has the certificates that vouch for the agent (empty:
    those of the system), ``cert`` and ``key`` are our own, for an agent that asks who we are.
    """

    scheme: str
    host: str
    port: int
    token: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{join_address(self.host, self.port)}"


@dataclass(frozen=True)
class StaticSpec:
    """A fixed list of endpoints."""

    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class FileSpec:
    """A TOML file with ``[[peer]]`` tables; empty ``service`` and ``tag`` take all of them."""

    path: str
    service: str = ""
    tag: str = ""


@dataclass(frozen=True)
class ConsulSpec:
    """The endpoints of one service in Consul."""

    service: str
    agent: Agent
    tag: str = ""
    dc: str = ""


Spec = Union[StaticSpec, FileSpec, ConsulSpec]


def parse_address(text: str) -> str:
    """Check ``host:port`` and return it without spaces. Raises ValueError."""
    address = text.strip()
    host, colon, port = address.rpartition(":")
    named = host.startswith("[") and host.endswith("]") if ":" in host else bool(host)
    if not colon or not named or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"expected host:port, got {text!r}")
    return address


def parse_agent(
    text: str | None = None,
    token: str | None = None,
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
) -> Agent:
    """Return the agent to talk to: ``text``, else CONSUL_HTTP_ADDR, else 127.0.0.1:8500.

    ``text`` is ``http://host:port``, ``https://host:port`` or ``host:port``. What is None comes
    from CONSUL_HTTP_TOKEN, CONSUL_CACERT, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY. Raises
    ValueError for anything else.
    """
    given = text or os.environ.get("CONSUL_HTTP_ADDR") or DEFAULT_AGENT
    parts = urlsplit(given if "://" in given else f"http://{given}")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 8500)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise ValueError(f"Consul agent: expected http://host:port, got {given!r}")
    return Agent(
        parts.scheme,
        parts.hostname,
        port,
        _given(token, "CONSUL_HTTP_TOKEN"),
        _given(ca, "CONSUL_CACERT"),
        _given(cert, "CONSUL_CLIENT_CERT"),
        _given(key, "CONSUL_CLIENT_KEY"),
    )


def _given(value: str | None, name: str) -> str:
    return os.environ.get(name, "") if value is None else value


def _options(query: str, known: tuple[str, ...], target: str) -> Mapping[str, str]:
    found = dict(parse_qsl(query, keep_blank_values=True))
    for name in found:
        if name not in known:
            raise ValueError(
                f"target {target!r}: expected one of the options {', '.join(known)}, got {name!r}"
            )
    return found


def _peer(text: str, target: str) -> Endpoint:
    address, star, weight = text.strip().partition("*")
    try:
        if star and (not weight.isdecimal() or int(weight) < 1):
            raise ValueError(f"expected a weight of 1 or more after *, got {weight!r}")
        return Endpoint(parse_address(address), int(weight) if star else 1)
    except ValueError as error:
        raise ValueError(f"target {target!r}: {error} (a target is {FORMS})") from None


def parse_target(text: str) -> Spec:
    """Return what ``text`` asks for. Raises ValueError, which says what was expected instead."""
    target = text.strip()
    if target.startswith("consul:"):
        parts = urlsplit(target)
        options = _options(parts.query, ("tag", "agent", "dc", "ca", "cert", "key"), target)
        if not target.startswith("consul://") or not parts.netloc or parts.path.strip("/"):
            raise ValueError(f"target: expected consul://<service>, got {text!r}")
        files = {name: options.get(name) for name in ("ca", "cert", "key")}
        agent = parse_agent(options.get("agent"), **files)
        return ConsulSpec(parts.netloc, agent, options.get("tag", ""), options.get("dc", ""))
    if target.startswith("file:"):
        path, _, query = target[len("file:") :].partition("?")
        if path.startswith("//"):
            path = path[2:]
        if not path:
            raise ValueError(f"target: expected file:<path>, got {text!r}")
        options = _options(query, ("service", "tag"), target)
        return FileSpec(path, options.get("service", ""), options.get("tag", ""))
    peers = [_peer(item, target) for item in target.split(",") if item.strip()]
    if not peers:
        raise ValueError(f"target: expected {FORMS}, got {text!r}")
    return StaticSpec(tuple(peers))
