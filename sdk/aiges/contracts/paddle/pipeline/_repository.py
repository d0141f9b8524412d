# SPDX-License-Identifier: Apache-2.0
"""A pipeline whose ops have processes, as a repository of models: one more for each op.

The folder is a temporary one. Versions in it are links to the folder that the user has started
the service in, so that each process is there.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from aiges.contracts.paddle.pipeline._plan import Plan

__all__ = ["remove_at_end", "write"]

# Waits until nobody has the other end of its input any more; its work is not for a terminal's keys.
_REMOVER = 'trap "" INT TERM HUP; read -r _; rm -rf -- "$1"'


def write(plan: Plan, here: Path) -> Path:
    """Write it, and return the folder."""
    from aiges.cli import _toml

    folder = Path(tempfile.mkdtemp(prefix="paddle-pipeline-"))
    _add(folder, plan.name, here, "")
    for name, op in plan.ops.items():
        conf = op.conf_over(plan.conf_of(name))
        instances: dict[str, Any] = {"count": conf.concurrency or 1, "threads": conf.batch_size}
        text = _toml.dump({"instances": instances})
        _add(folder, plan.model_of(name), here, f"internal = true\n{text}")
    return folder


def _add(folder: Path, model: str, here: Path, text: str) -> None:
    place = folder / model
    place.mkdir()
    (place / "1").symlink_to(here, target_is_directory=True)
    (place / "model.toml").write_text(f'contract = "paddle_pipeline"\n{text}', encoding="utf-8")


def remove_at_end(folder: Path) -> None:
    """Let it be removed when this process, which becomes another program, has ended."""
    end, kept = os.pipe()
    os.set_inheritable(kept, True)
    command = ["/bin/sh", "-c", _REMOVER, "remover", str(folder)]
    subprocess.Popen(command, stdin=end, start_new_session=True, cwd="/")
    os.close(end)
