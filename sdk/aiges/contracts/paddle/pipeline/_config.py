# SPDX-License-Identifier: Apache-2.0
"""``config.yml``: read and checked as a whole; every mistake is told, with its place."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Callable, Optional, Union

from aiges.contracts.paddle.engine._options import PRECISIONS

__all__ = ["Config", "DagConf", "LocalConf", "OpConf", "local_keys", "read"]

log = logging.getLogger("pipeline")

_MOST_BYTES = 4 << 20
_PORTS = (1024, 65535)
Check = Callable[[Any], Optional[str]]  # What was expected; None: it is that.


@dataclass(frozen=True)
class LocalConf:
    """``local_service_conf`` of an op. ``model_config`` None: the op has no model."""

    model_config: str | None = None
    client_type: str = "local_predictor"
    fetch_list: list[str] | None = None
    workdir: str = ""
    thread_num: int = 2
    devices: str = ""
    device_type: int = -1
    mem_optim: bool = True
    ir_optim: bool = False
    precision: str = "fp32"
    use_calib: bool = False
    use_mkldnn: bool = False
    mkldnn_cache_capacity: int = 0
    mkldnn_op_list: list[str] | None = None
    mkldnn_bf16_op_list: list[str] | None = None
    min_subgraph_size: int = 3
    concurrency: int | None = None  # Examples have it here; that of the op goes first.


@dataclass(frozen=True)
class OpConf:
    """One op. Times are in milliseconds; of 0 and below: none."""

    concurrency: int | None = None
    timeout: float = -1
    retry: int = 1
    batch_size: int = 1
    auto_batching_timeout: float = -1
    server_endpoints: list[str] = field(default_factory=list)
    client_type: str = ""
    client_config: str | None = None
    fetch_list: list[str] | None = None
    use_encryption_model: bool = False
    encryption_key: str = ""
    local_service_conf: LocalConf = field(default_factory=LocalConf)

    def of_one_process(self) -> OpConf:
        """Return it for one of several processes, each of which does one thing at a time."""
        return replace(self, concurrency=1)


@dataclass(frozen=True)
class DagConf:
    """What holds for the whole graph."""

    is_thread_op: bool = True
    retry: int = 1
    use_profile: bool = False
    channel_size: int = 0
    client_type: str = "brpc"
    interval_s: int = -1
    channel_recv_frist_arrive: bool = False
    enable_prometheus: bool = False
    prometheus_port: int | None = None


@dataclass(frozen=True)
class Config:
    """All of it. An op that is not in ``ops`` has all defaults."""

    rpc_port: int | None = None
    http_port: int | None = None
    worker_num: int = 1
    build_dag_each_worker: bool = False
    dag: DagConf = field(default_factory=DagConf)
    ops: dict[str, OpConf] = field(default_factory=dict)


def _whole(least: int, most: int | None = None) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if fits and (most is None or value <= most):
            return None
        return f"a whole number from {least}" + ("" if most is None else f" to {most}")

    return check


def _time(value: Any) -> str | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return None if fits else "milliseconds, or -1 for none"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else 'text, as "0"'


def _texts(value: Any) -> str | None:
    fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return None if fits else "a list of texts"


def _one_of(*words: str) -> Check:
    return lambda value: None if value in words else "one of " + ", ".join(words)


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


_LOCAL: dict[str, Check] = {
    "model_config": _optional(_text),
    "client_type": _one_of("local_predictor", "brpc", "grpc"),
    "fetch_list": _optional(_texts),
    "workdir": _text,
    "thread_num": _whole(1),
    "devices": _text,
    "device_type": _whole(-1, 6),
    "mem_optim": _flag,
    "ir_optim": _flag,
    "precision": _one_of(*PRECISIONS),
    "use_calib": _flag,
    "use_mkldnn": _flag,
    "mkldnn_cache_capacity": _whole(0),
    "mkldnn_op_list": _optional(_texts),
    "mkldnn_bf16_op_list": _optional(_texts),
    "min_subgraph_size": _whole(1),
    "concurrency": _optional(_whole(1)),
}
_OP: dict[str, Check] = {
    "concurrency": _whole(1),
    "timeout": _time,
    "retry": _whole(1),
    "batch_size": _whole(1, 65536),
    "auto_batching_timeout": _time,
    "server_endpoints": _texts,
    "client_type": _one_of("brpc", "pipeline_grpc", "grpc", "local_predictor"),
    "client_config": _optional(_text),
    "fetch_list": _optional(_texts),
    "use_encryption_model": _flag,
    "encryption_key": _text,
}
_DAG: dict[str, Check] = {
    "is_thread_op": _flag,
    "retry": _whole(1),
    "use_profile": _flag,
    "channel_size": _whole(0),
    "client_type": _one_of("brpc", "grpc"),
    "channel_recv_frist_arrive": _flag,
    "enable_prometheus": _flag,
    "prometheus_port": _optional(_whole(*_PORTS)),
}
_TOP: dict[str, Check] = {
    "rpc_port": _optional(_whole(*_PORTS)),
    "http_port": _optional(_whole(*_PORTS)),
    "worker_num": _whole(1, 1000),
    "build_dag_each_worker": _flag,
}
_NESTED = frozenset(("dag", "op", "tracer", "local_service_conf"))


class _Reader:
    """Takes values that are as they should be, and keeps what is wrong with the others."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def fault(self, place: str, expected: str, got: Any) -> None:
        self.wrong.append(f"[CONF] {place}: expected {expected}; got {got!r}")

    def table(self, place: str, value: Any) -> dict[str, Any]:
        """Return a table; what is empty is one without keys."""
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return dict(value)
        self.fault(place, "keys with values", value)
        return {}

    def taken(self, place: str, given: dict[str, Any], checks: dict[str, Check]) -> dict[str, Any]:
        """Return the values of known keys. A key without a value is as if it were not there."""
        made: dict[str, Any] = {}
        for key, value in given.items():
            check = checks.get(key)
            if check is None:
                if key not in _NESTED:
                    log.warning("[CONF] %s%s: no such key; it has no effect", place, key)
                continue
            if value is None:
                continue
            expected = check(value)
            if expected is None:
                made[key] = value
            else:
                self.fault(f"{place}{key}", expected, value)
        return made

    def op(self, name: str, value: Any) -> OpConf:
        place = f"op.{name}"
        given = self.table(place, value)
        local_place = f"{place}.local_service_conf"
        local = self.table(local_place, given.get("local_service_conf"))
        made = self.taken(f"{place}.", given, _OP)
        return OpConf(
            **made, local_service_conf=LocalConf(**self.taken(f"{local_place}.", local, _LOCAL))
        )

    def dag(self, value: Any) -> DagConf:
        given = self.table("dag", value)
        tracer = self.table("dag.tracer", given.get("tracer"))
        made = self.taken("dag.", given, _DAG)
        made.update(self.taken("dag.tracer.", tracer, {"interval_s": _whole(-1)}))
        dag = DagConf(**made)
        if dag.enable_prometheus and dag.prometheus_port is None:
            self.fault("dag.prometheus_port", "a port, as enable_prometheus is true", None)
        return dag


def read(source: Union[str, Path, Mapping[str, Any], None]) -> Config:  # noqa: UP007 (3.9)
    """Return what a file or a dict says. Raises SystemExit, whose text has all mistakes."""
    given = source if isinstance(source, Mapping) else _loaded(source)
    reader = _Reader()
    top = reader.taken("", dict(given), _TOP)
    names = reader.table("op", given.get("op"))
    config = Config(
        **top,
        dag=reader.dag(given.get("dag")),
        ops={str(name): reader.op(str(name), value) for name, value in names.items()},
    )
    if not reader.wrong and config.rpc_port is None and config.http_port is None:
        reader.wrong.append("[CONF] expected rpc_port, http_port or both; got neither")
    if config.rpc_port is not None and config.rpc_port == config.http_port:
        reader.fault("http_port", "another port than rpc_port", config.http_port)
    if reader.wrong:
        raise SystemExit("\n".join(reader.wrong))
    return config


def local_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what code says in place of ``local_service_conf``. Raises SystemExit."""
    reader = _Reader()
    made = reader.taken("local_service_conf.", dict(given), _LOCAL)
    if reader.wrong:
        raise SystemExit("\n".join(reader.wrong))
    return made


def _loaded(source: str | Path | None) -> Mapping[str, Any]:
    if source is None:
        raise SystemExit("[CONF] expected a file (config.yml) or a dict; got neither")
    file = Path(source)
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise SystemExit(
            f"[CONF] {file}: expected the package PyYAML, which reads it (pip install pyyaml)"
        ) from None
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise SystemExit(f"[CONF] {file}: expected at most {_MOST_BYTES} bytes")
        made = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise SystemExit(f"[CONF] {file}: cannot be read: {fault}") from None
    except yaml.YAMLError as fault:
        raise SystemExit(f"[CONF] {file}: expected YAML: {fault}") from None
    if not isinstance(made, Mapping):
        raise SystemExit(f"[CONF] {file}: expected keys with values; got {made!r}")
    return made


assert {each.name for each in fields(LocalConf)} == set(_LOCAL)
