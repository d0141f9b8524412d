# SPDX-License-Identifier: Apache-2.0
"""What paddle_serving_client.Client does: predict over baidu_std."""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from aiges.contracts.paddle import _feed
from aiges.contracts.paddle.client import _answers, _channel, _key
from aiges.contracts.paddle.client._configured import Configured

__all__ = ["Client"]

log = logging.getLogger("paddle_serving_client")


class _Variant:
    """Endpoints that get a share of the calls."""

    def __init__(self, tag: str, endpoints: Sequence[str], weight: float) -> None:
        self.tag, self.weight = tag, weight
        self.channel = _channel.Channel(endpoints)


class Client(Configured):
    """Calls of one service. Threads: any, once it is connected.

    ``generation`` says what messages the server speaks: "0.9" (since 0.7) or "0.6" (before).
    """

    def __init__(self, generation: str = "0.9") -> None:
        if generation not in _answers.GENERATIONS:
            known = ", ".join(_answers.GENERATIONS)
            raise ValueError(f"generation: expected one of {known}, got {generation!r}")
        super().__init__()
        self._generation = generation
        self._variants: list[_Variant] = []
        self._added: list[_Variant] = []
        self._timeout_ms = _channel.RPC_TIMEOUT_MS
        self._profiles = os.environ.get("FLAGS_profile_client") == "1"

    def set_rpc_timeout_ms(self, rpc_timeout: int) -> None:
        """Say how long a predict may take, in milliseconds."""
        if isinstance(rpc_timeout, bool) or not isinstance(rpc_timeout, int) or rpc_timeout <= 0:
            raise ValueError(f"rpc_timeout: expected milliseconds above 0, got {rpc_timeout!r}")
        self._timeout_ms = rpc_timeout
        for variant in (*self._variants, *self._added):
            variant.channel.timeout_ms = rpc_timeout

    def add_variant(self, tag: str, cluster: Sequence[str], variant_weight: float) -> None:
        """Add endpoints that get calls by weight; those of ``connect`` do not count then."""
        if not variant_weight > 0:
            raise ValueError(f"variant_weight: expected a number above 0, got {variant_weight!r}")
        self._added.append(_Variant(str(tag), cluster, float(variant_weight)))
        if self._variants:
            self._variants = self._added
        self.set_rpc_timeout_ms(self._timeout_ms)

    def connect(self, endpoints: Sequence[str] | None = None, encryption: bool = False) -> None:
        """Take the endpoints. Connections are opened by calls. Raises ValueError, ServerError."""
        _ = self.conf
        if self._added:
            self._variants = self._added
        else:
            listed = [endpoints] if isinstance(endpoints, str) else list(endpoints or [])
            if not listed:
                raise ValueError("connect: expected endpoints, or add_variant before it")
            if encryption:
                listed = _key.unlocked(listed, self._key, self._timeout_ms)
            self._variants = [_Variant("default_tag", listed, 1.0)]
        self.set_rpc_timeout_ms(self._timeout_ms)

    def predict(
        self,
        feed: Any = None,
        fetch: Any = None,
        batch: bool = False,
        need_variant_tag: bool = False,
        log_id: int = 0,
    ) -> Any:
        """Return ``{alias: array}``, and with a tag ``[that, tag]``; None where the call failed.

        Raises ValueError for what is no feed of this model. A failed call leaves one line in the
        log ``paddle_serving_client``.
        """
        if not self._variants:
            raise ValueError("expected connect before predict")
        began = time.perf_counter()
        values = _feed.values_of(self.conf, feed, batch)
        names = _feed.fetch_names(self.conf, fetch)
        message = _answers.request_pieces(self._generation, values, names, log_id)
        variant = self._variant()
        sent = time.perf_counter()
        try:
            answer = variant.channel.call(message)
            got = time.perf_counter()
            result = _answers.read_response(self._generation, answer, self.conf, names)
        except (_channel.Failure, _answers.ServerError) as fault:
            log.error("predict (log_id %d) has no result: %s", log_id, fault)
            return None
        if self._profiles:
            _print_times(began, sent, got)
        return [result, variant.tag] if need_variant_tag else result

    def _variant(self) -> _Variant:
        if len(self._variants) == 1:
            return self._variants[0]
        weights = [variant.weight for variant in self._variants]
        return random.choices(self._variants, weights)[0]

    def release(self) -> None:
        """Close the connections. ``connect`` opens new ones."""
        for variant in (*self._variants, *self._added):
            variant.channel.close()
        self._variants = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _print_times(began: float, sent: float, got: float) -> None:
    """Say where the time of a call went, in microseconds; on stderr, as stdout is the user's."""
    now = time.perf_counter()
    parts = (("prepare", began, sent), ("call", sent, got), ("read", got, now))
    shown = " ".join(f"{name}:{(end - start) * 1e6:.0f}us" for name, start, end in parts)
    print(f"PROFILE pid:{os.getpid()} {shown}", file=sys.stderr)
