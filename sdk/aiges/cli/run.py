# SPDX-License-Identifier: Apache-2.0
"""``asectl run``: the hooks in this very process, for a debugger."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path

import click

from aiges.cli._drive import Driver
from aiges.cli._findings import ERROR
from aiges.cli._hooks import Given
from aiges.cli._load import Failed
from aiges.cli._module import wrapper_at
from aiges.cli._say import Out, entry
from aiges.cli._signatures import hook_of
from aiges.cli.check import _input, _pair, wrapper_config


@entry(name="run")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--stream/--once", default=None, help="A session, or one call. Default: what it has.")
@click.option("--in", "inputs", multiple=True, metavar="KEY=TEXT|KEY=@FILE", help="Test data.")
@click.option("-p", "--param", multiple=True, metavar="K=V", help="A test parameter.")
def command(
    out: Out, path: Path, stream: bool | None, inputs: tuple[str, ...], param: tuple[str, ...]
) -> None:
    """Run the hooks of the wrapper.py at PATH (default: this folder) with their test values.

    Everything happens in this process and thread: breakpoint() works, and so does
    python -m pdb -m aiges run. A class derived from WrapperBase goes through its own run().
    """
    given, params = dict(map(_input, inputs)), dict(_pair(each, "--param") for each in param)
    quiet = contextlib.redirect_stdout(sys.stderr) if out.as_json else contextlib.nullcontext()
    with quiet:
        plugin, holder, is_class, findings = wrapper_at(path)
        problems = [f.shown(str(plugin.project)) for f in findings.all if f.level == ERROR]
        once = hook_of(holder, "wrapperOnceExec") is not None
        session = any(hook_of(holder, each) for each in ("wrapperStream", "wrapperCreate"))
        own_run = is_class and hasattr(holder, "run") and (once or session)
        if own_run and not given and not params:
            stream = not once if stream is None else stream
            holder.config = wrapper_config(plugin)
            seen = _Seen()
            logging.getLogger("aiges").addHandler(seen)
            holder.run(stream=stream)
            problems += seen.lines
        else:
            wanted = Given(given, params, wrapper_config(plugin))
            with contextlib.suppress(Failed):
                Driver(holder, is_class, findings, wanted).run()
            problems = [f.shown(str(plugin.project)) for f in findings.all if f.level == ERROR]
            for problem in problems:
                out.note(problem)
    out.result(
        {"plugin": str(plugin.file), "ok": not problems, "problems": problems},
        "" if problems else f"{plugin.file.name}: ran without a fault",
    )
    if problems:
        sys.exit(1)


class _Seen(logging.Handler):
    """Keeps what run() says is wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
