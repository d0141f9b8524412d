# SPDX-License-Identifier: Apache-2.0
"""``openbayes_serving.run(Predictor)``: in the user's process it becomes the loader."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from aiges.contracts import _handover
from aiges.contracts._command import CONFIG, SERVICE, become_loader
from aiges.contracts.openbayes import _inject, _mode

__all__ = ["run"]

_ANY_HOST = "0.0.0.0"


def run(predictor: Any, started_in: str = "") -> NoReturn:
    """Serve a class, or what makes an object with ``predict`` when it is called.

    ``started_in``: the folder that the program was started in, which it may have left since.
    """
    if _handover.is_worker():
        _handover.hand_over(predictor)
    print("Openbayes Serving 正在启动...", flush=True)
    options = _parsed(_asks_for_onnx(predictor), sys.argv[1:])
    with contextlib.suppress(OSError):
        os.chdir(started_in or ".")
    program = _program()
    first: dict[str, dict[str, Any]] = {}  # What the command line says goes before all else.
    if options.host is not None:
        first.setdefault(SERVICE, {})["host"] = options.host
    if options.port is not None:
        first.setdefault(SERVICE, {})["port"] = options.port
    if getattr(options, "model_path", None):
        first["wrapper"] = {"model_path": str(Path(options.model_path).absolute())}
    host = options.host or _ANY_HOST
    port = _default_port() if options.port is None else options.port
    tables: dict[str, dict[str, Any]] = {SERVICE: {"reuseport": 1}}
    if port != 0 and not Path(CONFIG).is_file():
        shown = f"[{host}]" if ":" in host else host
        line = f"Openbayes Serving 开始服务，本地访问地址：http://{shown}:{port}"
        tables["log"] = {"listening_line": line}
    become_loader(
        "openbayes",
        host,
        port,
        tables,
        folder=program.absolute().parent,
        program=program,
        arguments=sys.argv[1:],
        first=first,
    )


def _program() -> Path:
    """Return the file that workers run, as it was named."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if not main:
        sys.exit("openbayes_serving.run: expected to be called by a program in a file")
    named = sys.argv[0]
    if os.path.isfile(named) and os.path.samefile(named, main):
        return Path(named)
    return Path(main).absolute()


def _default_port() -> int:
    try:
        return _mode.default_port()
    except ValueError as fault:
        sys.exit(str(fault))


def _asks_for_onnx(predictor: Any) -> bool:
    """Look at what the class asks for, before there is a process to ask."""
    try:
        if not callable(predictor):
            raise _inject.Unknown(f"expected a class, got an object of {type(predictor).__name__}")
        name = getattr(predictor, "__name__", "Predictor")
        asked = _inject.wanted(f"{name}.__init__", predictor, _inject.CONSTRUCTOR)
    except _inject.Unknown as fault:
        sys.exit(f"openbayes_serving.run: {fault}")
    return "onnx" in asked.values()


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


_port.__name__ = "port"  # As argparse names it.


def _parsed(onnx: bool, arguments: list[str]) -> argparse.Namespace:
    """Read the command line; what stands behind ``--`` is the user's own."""
    parser = argparse.ArgumentParser("openbayes-serv")
    parser.add_argument("--host", help=f"服务监听地址 ({_ANY_HOST})")
    parser.add_argument("--port", type=_port, help="服务监听端口")
    if onnx:
        parser.add_argument("--model-path", help="ONNX 模型(.onnx 文件)搜索地址")
    own = arguments.index("--") if "--" in arguments else len(arguments)
    return parser.parse_args(arguments[:own])
