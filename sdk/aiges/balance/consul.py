# SPDX-License-Identifier: Apache-2.0
"""The endpoints of a service in Consul, by blocking queries on its health page.

All instances are asked for, not only the passing ones: a check that fails because the registry
lost its way to a loader says little about our own way to it.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Callable
from urllib.parse import quote, urlencode

from aiges.balance.backoff import Backoff
from aiges.balance.endpoint import Endpoint, Listed, Snapshot, Standing, join_address
from aiges.balance.targets import Agent, ConsulSpec

__all__ = ["ConsulSource", "next_index", "snapshot_of", "standing_of", "tls_context", "trusted_by"]

log = logging.getLogger("aiges")

NOT_READY_WORD = "not ready"  # How the Output of a loader's own check begins.
WAIT_S = 30.0
RESET_PAUSE_S = 0.2
UNHELD_S = 1.0
SLACK_S = 5.0  # Consul lengthens a wait by up to a sixteenth; the rest is for the network.
LONGEST_ANSWER = 64 << 20


def standing_of(row: Mapping[str, Any]) -> Standing:
    """Return how one entry of /v1/health/service/<name> stands."""
    own = f"{row['Service'].get('ID', '')}:ttl"
    doubted = False
    checks: list[dict[str, Any]] = row.get("Checks") or []
    for check in checks:
        if check.get("Status") != "critical":
            continue
        name = check.get("CheckID", "")
        if name == "_node_maintenance" or name.startswith("_service_maintenance"):
            return Standing.NOT_READY
        if name == own and str(check.get("Output", "")).startswith(NOT_READY_WORD):
            return Standing.NOT_READY
        doubted = True
    return Standing.DOUBTED if doubted else Standing.READY


def _endpoint_of(row: Mapping[str, Any]) -> Endpoint:
    service = row["Service"]
    host = service.get("Address") or row["Node"]["Address"]
    meta = dict(service.get("Meta") or {})
    http_port = meta.get("http_port", "")
    checks: list[dict[str, Any]] = row.get("Checks") or []
    warned = any(check.get("Status") == "warning" for check in checks)
    weights: dict[str, Any] = service.get("Weights") or {}
    return Endpoint(
        join_address(host, service["Port"]),
        max(1, int(weights.get("Warning" if warned else "Passing", 1))),
        id=service.get("ID", ""),
        http_address=join_address(host, http_port) if http_port.strip("0") else "",
        tags=tuple(service.get("Tags") or ()),
        meta=meta,
    )


def snapshot_of(rows: list[Mapping[str, Any]]) -> Snapshot:
    """Return what /v1/health/service/<name> says. One address twice: the better standing counts.

    That happens after a restart under another ID, until the old entry is taken away.
    """
    order = [Standing.DOUBTED, Standing.NOT_READY, Standing.READY]
    found: dict[str, Listed] = {}
    for row in rows:
        item = Listed(_endpoint_of(row), standing_of(row))
        other = found.get(item.endpoint.address)
        if other is None or order.index(item.standing) > order.index(other.standing):
            found[item.endpoint.address] = item
    return Snapshot(tuple(found.values()))


def next_index(old: int, new: int) -> int:
    """Return the index for the next blocking query; 0 asks again from the start.

    An index that goes back means that the servers lost their state, and waiting for a number above
    the old one could take for ever.
    """
    return 0 if new < max(old, 1) else new


def tls_context(agent: Agent) -> ssl.SSLContext | None:
    """Return what https to this agent needs; None for http.

    Raises ValueError that names the file when one is missing or is no PEM.
    """
    if agent.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=agent.ca or None)
    except OSError as error:
        raise ValueError(f"{agent}: CA file {agent.ca}: {error}") from None
    if agent.cert or agent.key:
        try:
            context.load_cert_chain(agent.cert, agent.key or None)
        except OSError as error:
            own = f"client certificate {agent.cert or '(none)'}, key {agent.key or '(the same)'}"
            raise ValueError(f"{agent}: {own}: {error}") from None
    return context


def trusted_by(agent: Agent) -> str:
    """Return whose certificates vouch for the agent, for the text of an error."""
    return f"trusted: {f'CA file {agent.ca}' if agent.ca else 'the CA certificates of the system'}"


class TlsConnection(http.client.HTTPSConnection):
    """HTTPSConnection that closes its socket when it cannot connect.

    The original wraps a socket that is connected already. When the other side resets it just
    before that, Python 3.11 drops the SSLSocket it has half made, with a ResourceWarning. Here the
    socket is wrapped first.
    """

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        """Connect to the first of the host's addresses that answers."""
        trouble: OSError = OSError(f"{self.host}: no address")
        for family, kind, proto, _, address in socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        ):
            sock = self._tls.wrap_socket(
                socket.socket(family, kind, proto), server_hostname=self.host
            )
            sock.settimeout(self.timeout)
            try:
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as e:
                sock.close()
                trouble = e
            except BaseException:
                sock.close()
                raise
            else:
                self.sock = sock
                return
        raise trouble


class ConsulSource:
    """Follows one service from a daemon thread.

    While Consul does not answer, the last snapshot stays, and ``trouble`` says why.
    """

    def __init__(self, spec: ConsulSpec, wait_s: float = WAIT_S) -> None:
        self._spec, self._wait_s = spec, wait_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        self._on_change: Callable[[Snapshot], None] | None = None
        self._trouble = f"{spec.agent} has not answered yet"

    def start(self, on_change: Callable[[Snapshot], None]) -> None:
        """Begin to ask; the first snapshot comes when Consul has answered.

        Raises ValueError for a certificate or key that cannot be read.
        """
        self._tls = tls_context(self._spec.agent)
        self._on_change = on_change
        threading.Thread(target=self._run, name="aiges-consul", daemon=True).start()

    def close(self) -> None:
        """Stop, also a query that is waiting."""
        self._stop.set()
        with self._lock:
            self._on_change = None
            if self._socket is not None:
                self._hang_up(self._socket)

    def trouble(self) -> str:
        """Return why the present state of the service is not known; empty when it is."""
        return self._trouble

    def _run(self) -> None:
        backoff = Backoff()
        connection: http.client.HTTPConnection | None = None
        index = 0
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = self._connect()
                asked, began = index, time.monotonic()
                index = self._ask(connection, index)
                if connection.sock is None:  # Somebody between us and the agent wants it so.
                    self._drop(connection)
                    connection = None
                backoff.reset()
                if index == 0:
                    self._stop.wait(RESET_PAUSE_S)
                elif index == asked and time.monotonic() - began < UNHELD_S:
                    self._stop.wait(UNHELD_S)  # It does not hold queries: not a question a moment.
                if self._trouble:
                    log.info("consul: %s: %s is known", self._spec.agent, self._spec.service)
                self._trouble = ""
            except Exception as e:  # Whatever an agent answers, or something in its place.
                if self._stop.is_set():
                    break
                plain = e.strerror if isinstance(e, OSError) and e.strerror else ""
                why = plain or f"{type(e).__name__}: {e}"
                what = f"{self._spec.agent}: {self._spec.service}: {why}"
                if isinstance(e, ssl.SSLCertVerificationError):
                    what += f" ({trusted_by(self._spec.agent)})"
                if what != self._trouble:
                    log.warning("consul: the last list stays in use: %s", what)
                self._trouble = what
                self._drop(connection)
                connection = None
                index = 0  # The agent that answers next may be a new one with its own numbers.
                self._stop.wait(backoff.next_s())
        self._drop(connection)

    def _connect(self) -> http.client.HTTPConnection:
        agent = self._spec.agent
        connection = (
            http.client.HTTPConnection(agent.host, agent.port, timeout=SLACK_S)
            if self._tls is None
            else TlsConnection(agent.host, agent.port, timeout=SLACK_S, context=self._tls)
        )
        connection.connect()
        with self._lock:
            self._socket = connection.sock
        if self._stop.is_set():
            self._hang_up(connection.sock)
        return connection

    def _drop(self, connection: http.client.HTTPConnection | None) -> None:
        with self._lock:
            self._socket = None
        if connection is not None:
            connection.close()

    @staticmethod
    def _hang_up(sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It is closed already.

    def _ask(self, connection: http.client.HTTPConnection, index: int) -> int:
        """One query; it returns when the service has changed, or after ``wait_s``."""
        query = {"index": str(index), "wait": f"{self._wait_s:g}s"} if index else {}
        for key, value in (("tag", self._spec.tag), ("dc", self._spec.dc)):
            if value:
                query[key] = value
        token = self._spec.agent.token
        path = f"/v1/health/service/{quote(self._spec.service, safe='')}?{urlencode(query)}"
        connection.sock.settimeout((self._wait_s * 17 / 16 if index else 0) + SLACK_S)
        connection.request("GET", path, headers={"X-Consul-Token": token} if token else {})
        answer = connection.getresponse()
        body = answer.read(LONGEST_ANSWER)
        if answer.status != 200:
            text = body[:200].decode("utf-8", "replace").strip()
            raise ValueError(f"expected HTTP 200, got {answer.status} {text}")
        told = int(answer.headers["X-Consul-Index"] or 0)
        if told != index or index == 0:
            snapshot = snapshot_of(json.loads(body))
            with self._lock:
                if self._on_change is not None:
                    self._on_change(snapshot)
        return next_index(index, told)
