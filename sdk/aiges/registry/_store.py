# SPDX-License-Identifier: Apache-2.0
"""Consul's key-value store as the registry uses it: read, wait, and change as one transaction."""

from __future__ import annotations

import base64
import json
import ssl
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import consul  # type: ignore[import-untyped]
import requests  # type: ignore[import-untyped,unused-ignore]

from aiges.balance.consul import tls_context, trusted_by
from aiges.balance.targets import Agent
from aiges.registry.model import RegistryError

__all__ = ["MAX_OPERATIONS", "Store", "Value"]

# Of one transaction, by Consul.
MAX_OPERATIONS = 64
MAX_BYTES = 512 * 1024


@dataclass(frozen=True)
class Value:
    """A value and the index of its last change."""

    data: bytes
    index: int


def _reason(error: BaseException) -> str:
    """Return the system's words for a connection that failed: they lie under three layers."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return f"{inner.strerror} (is Consul there?)"
        inner = inner.__cause__ or inner.__context__
    return str(error)


class Store:
    """One agent's API. Thread-safe only for calls that do not overlap: make one for each thread.

    Raises ValueError for a certificate or key that cannot be read.
    """

    def __init__(self, agent: Agent) -> None:
        tls_context(agent)  # Says what is wrong with a file; requests would not say which one.
        paths = ssl.get_default_verify_paths()
        self._agent = agent
        self.api: Any = consul.Consul(
            host=agent.host,
            port=agent.port,
            scheme=agent.scheme,
            verify=agent.ca or paths.cafile or paths.capath or True,
            cert=(agent.cert, agent.key) if agent.key else agent.cert or None,
        )
        self.api.token = agent.token  # Set here: py-consul prefers the environment's to ours.

    @contextmanager
    def told(self, what: str) -> Generator[None, None, None]:
        """Turn the errors below into RegistryError with ``what`` was tried."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise RegistryError(
                f"{what} at {self._agent}: {error} ({trusted_by(self._agent)})"
            ) from error
        except (consul.ConsulException, requests.RequestException) as error:
            raise RegistryError(f"{what} at {self._agent}: {_reason(error)}") from error

    def tree(self, prefix: str, index: int = 0, wait_s: float = 0) -> tuple[int, dict[str, Value]]:
        """Return the index and everything under ``prefix``, which the keys come without.

        With an index it waits up to ``wait_s`` seconds until there is a newer one.
        """
        with self.told(f"read {prefix}"):
            options: dict[str, Any] = {"index": index, "wait": f"{wait_s:g}s"} if index else {}
            told, rows = self.api.kv.get(prefix, recurse=True, **options)
        found = {
            row["Key"][len(prefix) :]: Value(row["Value"] or b"", row["ModifyIndex"])
            for row in rows or ()
            if not row["Key"].endswith("/")  # A folder, as the web console makes them.
        }
        return int(told), found

    def value(self, key: str) -> Value | None:
        """Return what is at ``key``."""
        with self.told(f"read {key}"):
            _, row = self.api.kv.get(key)
        return None if row is None else Value(row["Value"] or b"", row["ModifyIndex"])

    def close(self) -> None:
        """Close the connections."""
        self.api.http.session.close()

    def change(self, operations: Sequence[Mapping[str, Any]]) -> bool:
        """Do all of them or none; False: a value is not at the index that was named.

        Raises ValueError for more than Consul takes at once.
        """
        lost = False

        def read(answer: Any) -> None:
            nonlocal lost
            if answer.code == 409:
                lost = True
            elif answer.code != 200:
                raise consul.ConsulException(f"{answer.code} {str(answer.body).strip()}")

        body = json.dumps([{"KV": dict(operation)} for operation in operations])
        if len(body) > MAX_BYTES:
            raise ValueError(
                f"write {operations[-1]['Key']}: expected at most {MAX_BYTES} bytes in one "
                f"transaction, got {len(body)} (each file is in it twice, as base64)"
            )
        # Not api.txn: that sends no token.
        with self.told(f"write {operations[-1]['Key']}"):
            self.api.http.put(read, "/v1/txn", data=body, headers=self.api.prepare_headers())
        return not lost


def put(key: str, data: bytes, index: int | None = None) -> dict[str, Any]:
    """Return the operation that sets a value; with an index only if that is its own (0: none)."""
    made = {"Verb": "set", "Key": key, "Value": base64.b64encode(data).decode()}
    return made if index is None else {**made, "Verb": "cas", "Index": index}


def remove(key: str, index: int) -> dict[str, Any]:
    """Return the operation that deletes a value if it is still the one of that index."""
    return {"Verb": "delete-cas", "Key": key, "Index": index}


def keep(key: str, index: int) -> dict[str, Any]:
    """Return the operation that demands that a value is still the one of that index."""
    return {"Verb": "check-index", "Key": key, "Index": index}


def fresh_id() -> str:
    """Return a text that no other push has."""
    return uuid.uuid4().hex
