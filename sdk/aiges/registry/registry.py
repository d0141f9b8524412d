# SPDX-License-Identifier: Apache-2.0
"""The config centre in Consul: files for services, pushed as a whole, kept with their history.

aiges/<scope>/<path>               the files; loaders watch them
aiges-status/<scope>/<id>          what each loader made of them
aiges-history/<scope>/<revision>   every push: when, who, why, and the files
aiges-history/<scope>/HEAD         who pushed last; every push changes it, so of two pushes at
                                   once, whatever files they touch, one is refused
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Callable

from aiges._narrow import is_dict
from aiges.balance.backoff import Backoff
from aiges.balance.consul import next_index, snapshot_of
from aiges.balance.targets import Agent, parse_agent
from aiges.registry._store import MAX_OPERATIONS, Store, Value, fresh_id, keep, put, remove
from aiges.registry.model import (
    Config,
    Conflict,
    Entry,
    LoaderStatus,
    RegistryError,
    Scope,
    Service,
    diff,
    revision_of,
)

__all__ = ["Registry", "Watch"]

log = logging.getLogger("aiges")

HEAD = "HEAD"
WATCH_S = 30.0
RESET_PAUSE_S = 0.2


def _tree(scope: Scope) -> str:
    return f"aiges/{scope}/"


def _history(scope: Scope) -> str:
    return f"aiges-history/{scope}/"


def _status(scope: Scope) -> str:
    return f"aiges-status/{scope}/"


def _config(scope: Scope, found: Mapping[str, Value]) -> Config:
    files: dict[str, str] = {}
    for name, value in found.items():
        try:
            files[name] = value.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RegistryError(f"{scope}: {name}: expected UTF-8 text: {error}") from None
    return Config.of(files)


class Registry:
    """One agent of Consul. Every method is one or two requests, and raises RegistryError.

    ``agent`` is ``http://host:port`` or ``https://..`` (default: CONSUL_HTTP_ADDR, else
    127.0.0.1:8500), ``token`` an ACL token (default: CONSUL_HTTP_TOKEN). For https ``ca``, ``cert``
    and ``key`` are PEM files (default: CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY; no
    ``ca``: the certificates of the system). Raises ValueError for what cannot be used. Belongs to
    one thread; watches have their own.
    """

    def __init__(
        self,
        agent: str | None = None,
        token: str | None = None,
        *,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
    ) -> None:
        self._agent: Agent = parse_agent(agent, token, ca=ca, cert=cert, key=key)
        self._store = Store(self._agent)

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the agent; watches go on."""
        self._store.close()

    def pull(self, scope: Scope) -> Config:
        """Return the files as they are now; no files: an empty Config with an empty revision."""
        return _config(scope, self._store.tree(_tree(scope))[1])

    def push(
        self,
        scope: Scope,
        files: Mapping[str, str],
        *,
        message: str,
        author: str,
        expect_revision: str | None = None,
    ) -> str:
        """Make ``files`` the whole content of the scope, and return its revision.

        All of it happens at once or not at all; files that are not among them are deleted. Raises
        Conflict when the content is not ``expect_revision`` ("": no files), or when it changed
        while this ran. Raises ValueError for a push that Consul could not take.
        """
        _check(files)
        head = self._store.value(_history(scope) + HEAD)
        _, old = self._store.tree(_tree(scope))
        before = _config(scope, old).revision
        if expect_revision is not None and expect_revision != before:
            raise Conflict(scope, expect_revision, before)
        revision = revision_of(files)
        operations = (
            []
            if not old
            else [
                remove(_tree(scope) + name, value.index)
                for name, value in old.items()
                if name not in files
            ]
        )
        for name, text in files.items():
            key, data, value = _tree(scope) + name, text.encode("utf-8"), old.get(name)
            if value is not None and value.data == data:
                operations.append(keep(key, value.index))
            else:
                operations.append(put(key, data, 0 if value is None else value.index))
        note = {"time": time.time(), "author": author, "message": message, "files": dict(files)}
        stamp = {"revision": revision, "push": fresh_id()}
        operations.append(put(_history(scope) + revision, _json(note)))
        operations.append(put(_history(scope) + HEAD, _json(stamp), head.index if head else 0))
        if len(operations) > MAX_OPERATIONS:
            raise ValueError(
                f"{scope}: expected at most {MAX_OPERATIONS - 2} files old and new, "
                f"got {len(operations) - 2}"
            )
        if not self._store.change(operations):
            raise Conflict(scope, before, self.pull(scope).revision)
        return revision

    def diff(self, a: Config, b: Config) -> str:
        """Return what changes from ``a`` to ``b``, as a unified diff."""
        return diff(a, b)

    def history(self, scope: Scope) -> list[Entry]:
        """Return all pushes, the newest first; one content pushed twice is there once."""
        _, found = self._store.tree(_history(scope))
        entries: list[Entry] = []
        for revision, value in found.items():
            if revision == HEAD:
                continue
            note = _object(f"{_history(scope)}{revision}", value.data)
            entries.append(
                Entry(
                    revision,
                    float(note.get("time", 0)),
                    str(note.get("author", "")),
                    str(note.get("message", "")),
                    dict(note.get("files", {})),
                )
            )
        return sorted(entries, key=lambda entry: entry.time, reverse=True)

    def rollback(
        self, scope: Scope, revision: str, *, author: str = "", message: str | None = None
    ) -> str:
        """Push the files of a revision again. Raises LookupError when the history has it not."""
        for entry in self.history(scope):
            if entry.revision == revision:
                text = f"rollback to {revision}" if message is None else message
                return self.push(scope, entry.files, message=text, author=author)
        raise LookupError(f"{scope}: the history has no revision {revision!r}")

    def status(self, scope: Scope) -> list[LoaderStatus]:
        """Return what each loader said about the files, by its ID. Loaders that went may remain."""
        _, found = self._store.tree(_status(scope))
        said: list[LoaderStatus] = []
        for name, value in sorted(found.items()):
            word = _object(_status(scope) + name, value.data)
            said.append(
                LoaderStatus(
                    name,
                    str(word.get("revision", "")),
                    str(word.get("result", "")),
                    tuple(map(str, word.get("errors", ()))),
                    tuple(map(str, word.get("restart", ()))),
                    float(word.get("time", 0)),
                )
            )
        return said

    def services(self, name: str | None = None) -> list[Service]:
        """Return the loaders that are registered; ``name``: those of one service only.

        Without a name these are the services whose meta says which protocols they speak.
        """
        with self._store.told("list services"):
            names: list[str] = [name] if name else sorted(self._store.api.catalog.services()[1])
            found: list[Service] = []
            for each in names:
                rows = self._store.api.health.service(each)[1]
                for item in snapshot_of(rows).listed:
                    loader = item.endpoint
                    if name is None and ("protocols" not in loader.meta or each.endswith("-http")):
                        continue
                    found.append(
                        Service(
                            each,
                            loader.id,
                            loader.address,
                            loader.http_address,
                            item.standing.value,
                            loader.tags,
                            loader.meta,
                        )
                    )
        return found

    def watch(self, scope: Scope, on_change: Callable[[Config], None]) -> Watch:
        """Call ``on_change`` with the files as they are, and whenever their revision changes.

        It is called on a thread of the watch. While Consul is away nothing is called.
        """
        return Watch(self._agent, scope, on_change)


class Watch:
    """A running watch; ``close`` ends it. Thread-safe."""

    def __init__(self, agent: Agent, scope: Scope, on_change: Callable[[Config], None]) -> None:
        self._store, self._scope, self._on_change = Store(agent), scope, on_change
        self._stop = threading.Event()
        self._lock = threading.RLock()
        threading.Thread(target=self._run, name="aiges-watch", daemon=True).start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop: ``on_change`` is not called after this has returned."""
        self._stop.set()
        with self._lock:
            pass  # A call that is running has ended now.

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            self._store.close()

    def _follow(self) -> None:
        backoff, index, last = Backoff(), 0, None
        while not self._stop.is_set():
            try:
                told, found = self._store.tree(_tree(self._scope), index, WATCH_S)
                index = next_index(index, told)
                config = _config(self._scope, found)
                backoff.reset()
                if index == 0:
                    self._stop.wait(RESET_PAUSE_S)
            except RegistryError as error:
                log.warning("watch: %s", error)
                index = 0
                self._stop.wait(backoff.next_s())
                continue
            if config.revision == last:
                continue
            last = config.revision
            with self._lock:
                if not self._stop.is_set():
                    self._tell(config)

    def _tell(self, config: Config) -> None:
        try:
            self._on_change(config)
        except Exception:
            log.exception("watch: %s: the function for changes raised", self._scope)


def _check(files: Mapping[str, str]) -> None:
    if not files:
        raise ValueError("push: expected at least one file, got none")
    for name, text in files.items():
        parts = name.split("/")
        if not all(parts) or "." in parts or ".." in parts:
            raise ValueError(f"push: expected a relative path, got {name!r}")
        if not isinstance(text, str):
            raise TypeError(f"push: {name}: expected str, got {type(text).__name__}")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8")


def _object(key: str, data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise RegistryError(f"{key}: expected JSON: {error}") from None
    if not is_dict(value):
        raise RegistryError(f"{key}: expected a JSON object, got {type(value).__name__}")
    return value
