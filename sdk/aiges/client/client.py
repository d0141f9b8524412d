# SPDX-License-Identifier: Apache-2.0
"""The blocking client: what it can do, and the choice of who does it (HTTP or gRPC)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aiges.client._closing import Closing
from aiges.client._options import Options, Wanted, is_http
from aiges.client.message import Expect, Payloads, Reply

if TYPE_CHECKING:
    from aiges.balance import Endpoint
    from aiges.client._grpc import Session, Stream

__all__ = ["Client", "ValueStream"]

_Self = TypeVar("_Self", bound="Client")


class ValueStream(Closing, Iterator[Any]):
    """The values of a streamed answer as they come. Belongs to one thread.

    Leaving early (``close``, a ``with``, or dropping it) tells the model to stop; ``close`` also
    from another thread. Reading raises AigesError.
    """

    headers: Mapping[str, str] = {}  # Of the answer, once reading has begun.

    @property
    def request_id(self) -> str:
        """The name of the call in the loader's log, once reading has begun."""
        return self.headers.get("x-request-id", "")

    def __iter__(self) -> ValueStream:
        return self


class Client(Closing):
    """Calls a service of AIGES, wherever its loaders are. Thread-safe; make one and keep it.

    ``target`` says where: ``http://host:port`` or ``https://..`` (which needs no other package),
    ``unix:/path`` (HTTP by a socket of the file system); over gRPC (pip install
    'aiges-host[client]') ``host:port,host:port``, ``consul://svcName`` or ``file:/path/peers.toml``
    (see ``aiges.balance.targets``).
    ``service`` names the model: over gRPC it is what requests carry; over HTTP a loader's only or
    default model needs no name. ``timeout_s`` bounds a call with all its tries (but no stream: that
    says its own). ``retries`` says how many more tries may follow one that was certainly not
    executed (over gRPC each at another loader); with ``idempotent`` also one that may have been.
    Each connection of gRPC is pinged every ``keepalive_s`` seconds (0: never), and given up when no
    answer comes for as long. ``ca`` makes gRPC speak TLS: the PEM file with the certificates that
    vouch for the loaders, or "system" for those of this machine, which https takes by itself;
    ``cert`` and ``key`` are our own, for loaders that ask who we are. ``api_key`` goes with every
    call; without it the environment's AIGES_API_KEY. Raises ValueError and OSError for a target,
    and for files, that cannot be used; ImportError where gRPC is asked for and not installed.

    Do not fork with an open client: gRPC's threads do not come along.
    """

    _options = Options()

    def __new__(cls, target: str = "", *_: Any, **__: Any) -> Client:
        """Make the kind that the target asks for."""
        return object.__new__(_kind_of(target) if cls is Client else cls)

    def __init__(  # pyright: ignore[reportInconsistentConstructor] (__new__ takes any)
        self,
        target: str,
        service: str = "",
        *,
        timeout_s: float = 5.0,
        retries: int = 1,
        idempotent: bool = False,
        keepalive_s: float = 1.0,
        api_key: str | None = None,
        ca: str = "",
        cert: str = "",
        key: str = "",
    ) -> None:
        self._begin(
            Wanted(
                target,
                service,
                timeout_s,
                retries,
                idempotent,
                keepalive_s,
                api_key,
                ca,
                cert,
                key,
            )
        )

    def _begin(self, wanted: Wanted) -> None:
        raise NotImplementedError

    def with_options(
        self: _Self,
        *,
        timeout_s: float | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        request_id: str | None = None,
    ) -> _Self:
        """Return this client for calls of ``predict`` and ``stream`` that have these.

        It shares the connections, and ends with them. ``params``: parameters of the engine beside
        the inputs. ``headers``: fields of HTTP; over gRPC those of the request. ``accept``: the
        media type that is wanted, of HTTP. ``request_id``: the name of the calls in the log.
        """
        made = copy.copy(self)
        made._options = self._options.having(
            {
                "timeout_s": timeout_s,
                "params": params,
                "headers": headers,
                "accept": accept,
                "request_id": request_id,
            }
        )
        return made

    def predict(self, /, **inputs: Any) -> Reply:
        """Call the model with its inputs by name, and wait for the whole answer.

        A value is text, a number, a list, a dict, a dataclass; or a file: a Path, bytes, an open
        file, a PIL image, an array of numpy. None is not sent. For an engine without types (v1, v2)
        numbers are parameters, and everything else is a payload.
        Raises AigesError, of the kind that aiges.client.errors describes.
        """
        raise NotImplementedError

    def stream(self, *args: Any, **inputs: Any) -> Any:
        """Call a model that gives its answer piece by piece: iterating gives each as it comes.

        With inputs by name, as of ``predict``, it returns a ValueStream of what the model yields.
        Over gRPC, with the input as the first argument, it returns a Stream of Payloads, as
        ``stream_payloads`` does.
        """
        raise NotImplementedError

    def stream_payloads(
        self,
        inputs: Any,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> Stream:
        """Return a stream: a session whose output comes as the engine gives it. gRPC only.

        ``inputs`` is the whole input, as for ``once`` (bytes, str, a dict or a list), or an
        iterator of pieces of it, each of such a form or a Payload; it is read on another thread,
        no faster than the engine takes them. It begins with the first reading, and takes as long as
        it takes, unless ``timeout_s`` bounds it. Raises TypeError and BadRequest for a whole input
        that is wrong; all else comes from the reading.
        """
        raise grpc_only("stream_payloads")

    def once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
        timing: bool = False,
    ) -> Reply:
        """Send the whole input, wait for the whole output. gRPC only.

        ``payloads``: bytes or str (named "data"), a dict of them by name, or a list of Payload.
        ``expect``: the outputs to take, as names (of text) or Payloads; none: whatever comes.
        ``timing``: ask where the time went, for ``Reply.timing``.
        Raises AigesError, of the kind that aiges.client.errors describes.
        """
        raise grpc_only("once")

    def session(
        self,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> Session:
        """Open a session at one loader; it stays there. gRPC only. Raises AigesError.

        ``timeout_s`` bounds the opening, and is what each write and close may take.
        """
        raise grpc_only("session")

    def endpoints(self) -> list[Endpoint]:
        """Return the loaders that calls may go to now. gRPC only."""
        raise grpc_only("endpoints")


def grpc_only(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"{name}: over HTTP there are predict() and stream(); for {name}() give the address of the "
        'loader without http://, as in Client("127.0.0.1:5090")'
    )


def _kind_of(target: str) -> type[Client]:
    if is_http(target):
        from aiges.client._http import HttpClient

        return HttpClient
    try:
        from aiges.client._grpc import GrpcClient
    except ImportError as error:
        raise no_grpc(target, error) from error
    return GrpcClient


def no_grpc(target: str, error: ImportError) -> ImportError:
    """Return what to say where gRPC is asked for and not installed."""
    return ImportError(
        f"Client({target!r}): gRPC needs grpcio and protobuf (pip install 'aiges-host[client]'), "
        f"http://host:port needs neither: {error}"
    )
