# SPDX-License-Identifier: Apache-2.0
"""Where endpoints come from: a fixed list, or a file that is watched. Consul is in ``consul.py``.

A source is started once with a function that gets every snapshot, the first one included; it is
called on the source's thread (the fixed list: in ``start``), one call at a time.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any, Callable, Protocol

from aiges._narrow import is_dict, is_list
from aiges.balance.consul import ConsulSource
from aiges.balance.endpoint import Endpoint, Listed, Snapshot
from aiges.balance.targets import ConsulSpec, FileSpec, Spec, StaticSpec, parse_address

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["ConsulSource", "FileSource", "OnChange", "Source", "StaticSource", "open_source"]

log = logging.getLogger("aiges")

OnChange = Callable[[Snapshot], None]
PEER_KEYS = {"address", "weight", "tags", "service", "id", "http_address"}


class Source(Protocol):
    """What every source can do."""

    def start(self, on_change: OnChange) -> None:
        """Begin to call ``on_change``. Raises OSError or ValueError where nothing can be read."""

    def close(self) -> None:
        """Stop; ``on_change`` is not called after this has returned. May be called twice."""

    def trouble(self) -> str:
        """Return what keeps the source from knowing more, empty when nothing does."""
        ...


class StaticSource:
    """A list that never changes."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._endpoints = endpoints

    def start(self, on_change: OnChange) -> None:
        """Tell the list, once."""
        on_change(Snapshot(tuple(Listed(e) for e in self._endpoints), final=True))

    def close(self) -> None:
        """Do nothing: there is nothing to stop."""

    def trouble(self) -> str:
        """Return nothing: a list that is there has no trouble."""
        return ""


class FileSource:
    """A TOML file with one ``[[peer]]`` table for each loader, looked at every ``poll_s`` seconds.

    A peer has ``address``; it may have ``weight``, ``tags``, ``service``, ``id``, ``http_address``.
    With ``service`` set only peers of that service and peers without one count, with ``tag`` only
    those that have it. A file that becomes unreadable is told in the log, the last list stays.
    """

    def __init__(self, spec: FileSpec, poll_s: float = 1.0) -> None:
        self._spec, self._poll_s = spec, poll_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._on_change: OnChange | None = None
        self._seen: tuple[int, ...] | None = None
        self._trouble = ""

    def start(self, on_change: OnChange) -> None:
        """Read the file, tell what is in it, and watch it from a thread of its own."""
        self._seen = self._mark()
        first = read_peers(self._spec)
        self._on_change = on_change
        on_change(first)
        threading.Thread(target=self._run, name="aiges-peers", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        with self._lock:
            self._on_change = None

    def trouble(self) -> str:
        """Return why the file's present content is not in use."""
        return self._trouble

    def look(self) -> None:
        """Read the file if it has changed since it was last read."""
        with self._lock:
            try:
                mark = self._mark()
                if mark == self._seen or self._on_change is None:
                    return
                snapshot = read_peers(self._spec)
                self._seen = mark
                self._trouble = ""
            except (OSError, ValueError) as error:
                if str(error) != self._trouble:
                    log.warning("peers: the old list stays in use: %s", error)
                self._trouble = str(error)
                return
            self._on_change(snapshot)

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.look()

    def _mark(self) -> tuple[int, ...]:
        stat = os.stat(self._spec.path)
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def read_peers(spec: FileSpec) -> Snapshot:
    """Return what the file says. Raises OSError, or ValueError that names the peer and the key."""
    with open(spec.path, "rb") as file:
        try:
            document: dict[str, Any] = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{spec.path}: {error}") from None
    peers = document.get("peer", [])
    if set(document) - {"peer"} or not is_list(peers):
        raise ValueError(f"{spec.path}: expected [[peer]] tables only, got {sorted(document)}")
    found: dict[str, Listed] = {}
    for number, peer in enumerate(peers, 1):
        try:
            endpoint = _endpoint(peer)
        except ValueError as error:
            raise ValueError(f"{spec.path}: peer {number}: {error}") from None
        if endpoint.address in found:
            raise ValueError(f"{spec.path}: peer {number}: {endpoint.address} is there twice")
        service = peer.get("service", "")
        if (not spec.service or service in ("", spec.service)) and (
            not spec.tag or spec.tag in endpoint.tags
        ):
            found[endpoint.address] = Listed(endpoint)
    return Snapshot(tuple(found.values()), final=True)


def _endpoint(peer: Any) -> Endpoint:
    if not is_dict(peer) or set(peer) - PEER_KEYS:
        raise ValueError(f"expected a table with keys of {sorted(PEER_KEYS)}, got {peer!r}")
    for key in ("address", "service", "id", "http_address"):
        if not isinstance(peer.get(key, ""), str):
            raise ValueError(f"{key}: expected a string, got {peer[key]!r}")
    weight, tags = peer.get("weight", 1), peer.get("tags", [])
    if not isinstance(weight, int) or isinstance(weight, bool) or weight < 1:
        raise ValueError(f"weight: expected an integer of 1 or more, got {weight!r}")
    if not is_list(tags) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"tags: expected a list of strings, got {tags!r}")
    try:
        address = parse_address(peer.get("address", ""))
    except ValueError as error:
        raise ValueError(f"address: {error}") from None
    return Endpoint(
        address,
        weight,
        id=peer.get("id", ""),
        http_address=peer.get("http_address", ""),
        tags=tuple(tags),
    )


def open_source(spec: Spec) -> Source:
    """Return the source for what ``parse_target`` has read; it is not started yet."""
    if isinstance(spec, StaticSpec):
        return StaticSource(spec.endpoints)
    if isinstance(spec, FileSpec):
        return FileSource(spec)
    assert isinstance(spec, ConsulSpec)
    return ConsulSource(spec)
