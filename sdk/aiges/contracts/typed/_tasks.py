# SPDX-License-Identifier: Apache-2.0
"""Where a typed model fits a task of OpenAI's API, its hook for that (contracts/_tasks).

The model says it by methods of these names (chat, complete, embed, transcribe), or its ``predict``
by what it takes first: ``messages`` is a chat, ``prompt`` a completion, ``aiges.Audio`` a
transcription, and a list of texts with an array or lists of numbers as the result an embedding.
Options of the request go to parameters of their name.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

from aiges.contracts._tasks._hooks import TASKS
from aiges.contracts.typed._compound import ListKind
from aiges.contracts.typed._inputs import Input
from aiges.contracts.typed._kinds import AnyKind, StrKind
from aiges.contracts.typed._media import ArrayKind, AudioKind
from aiges.contracts.typed._model import Model
from aiges.contracts.typed._schema import result_kind
from aiges.contracts.typed._wrong import Wrong, bad_input
from aiges.errors import BadInput

__all__ = ["task_hooks"]

Hook = Callable[..., Any]


def task_hooks(model: Model) -> dict[str, Hook]:
    """Return the hooks by task; none: the model fits no task."""
    own = {
        name: getattr(model.object, name)
        for name in TASKS
        if inspect.isroutine(getattr(model.object, name, None))
    }
    if own or model.batched:
        return own
    inputs = list(model.inputs.all.values())
    if not inputs or any(each.required for each in inputs[1:]):
        return {}
    task = _task_of(inputs[0], model)
    return {task: _hook(model, task, inputs[0])} if task else {}


def _task_of(first: Input, model: Model) -> str:
    kind = first.kind
    if first.name == "messages" and isinstance(kind, (ListKind, AnyKind)):
        return "chat"
    if first.name == "prompt" and isinstance(kind, StrKind):
        return "complete"
    if isinstance(kind, AudioKind):
        return "transcribe"
    if isinstance(kind, ListKind) and isinstance(kind.kind, StrKind) and not model.streams:
        result = result_kind(model)
        numbers = isinstance(result, ListKind) and isinstance(result.kind, ListKind)
        return "embed" if numbers or isinstance(result, ArrayKind) else ""
    return ""


def _hook(model: Model, task: str, first: Input) -> Hook:
    known = model.inputs.all

    def call(asked: Any, **options: Any) -> Any:
        given = {first.name: _read(first, task, asked)}
        for name, value in options.items():
            if name in known and name != first.name:
                given[name] = _at(name, known[name].kind.json, value)
        return model.predict(**given)

    return call


def _read(first: Input, task: str, asked: Any) -> Any:
    if task != "transcribe":
        return _at(first.name, first.kind.json, asked)
    from aiges.audio import Audio

    try:
        return Audio.decode(asked)
    except ValueError as fault:
        raise BadInput(f"file: {fault}") from None


def _at(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except Wrong as wrong:
        raise bad_input(wrong.inside(name)) from None
