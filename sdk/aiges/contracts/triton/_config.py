# SPDX-License-Identifier: Apache-2.0
"""config.pbtxt: read, completed with its defaults, and written as JSON."""

from __future__ import annotations

import glob
import importlib
import json
from pathlib import Path
from typing import Any

from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._messages import message_class

__all__ = ["Config", "from_dict", "normalised", "read", "to_dict"]

CONFIG = "config.pbtxt"
_MOST_BYTES = 16 << 20
Config = dict[str, Any]


def read(file: Path) -> Any:
    """Return the message that a file says, an empty one where there is none. Raises LoadError."""
    text_format: Any = importlib.import_module("google.protobuf.text_format")
    message = message_class()()
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return message
    if len(text) > _MOST_BYTES:
        raise LoadError(f"{file}: expected at most {_MOST_BYTES} bytes, got {len(text)}")
    try:
        text_format.Parse(text, message)
    except (text_format.ParseError, UnicodeDecodeError) as fault:
        raise LoadError(f"failed to read text proto from {file}: {fault}") from None
    return message


def from_dict(config: Any, where: str) -> Any:
    """Return the message of a JSON object. Raises LoadError; ``where`` says whose it is."""
    json_format: Any = importlib.import_module("google.protobuf.json_format")
    try:
        found = json.loads(config) if isinstance(config, (str, bytes)) else config
        return json_format.ParseDict(found, message_class()())
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as fault:
        raise LoadError(f"{where}: expected a model configuration, got {fault}") from None


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return to_dict(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return value


def _is_repeated(field: Any) -> bool:
    said = getattr(field, "is_repeated", None)  # Since protobuf 6, which does away with label.
    return bool(field.label == field.LABEL_REPEATED if said is None else said)


def to_dict(message: Any) -> Config:
    """Return a message as JSON says it: all scalars, and the messages in it that are set."""
    made: Config = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            entry = kind.fields_by_name["value"]
            made[field.name] = {str(key): _value(entry, value[key]) for key in sorted(value)}
        elif _is_repeated(field):
            made[field.name] = [_value(field, each) for each in value]
        elif kind is None and field.containing_oneof is None:
            made[field.name] = _value(field, value)
        elif message.HasField(field.name):
            made[field.name] = _value(field, value)
    return made


def _gpus() -> list[int]:
    return sorted(int(path[11:]) for path in glob.glob("/dev/nvidia[0-9]*"))


def _complete_instances(message: Any) -> None:
    unnamed = not message.instance_group
    if unnamed:
        message.instance_group.add()
    gpus = _gpus()
    for number, group in enumerate(message.instance_group):
        if not group.name:
            group.name = message.name if unnamed else f"{message.name}_{number}"
        if group.kind == 0:  # KIND_AUTO
            group.kind = 1 if group.gpus or gpus else 2
        if group.kind == 1 and not group.gpus:
            group.gpus.extend(gpus)
        group.count = max(group.count, 1)


def _complete_scheduling(message: Any) -> None:
    choice = message.WhichOneof("scheduling_choice")
    if choice == "dynamic_batching":
        batching = message.dynamic_batching
        if not batching.preferred_batch_size and message.max_batch_size > 0:
            batching.preferred_batch_size.append(message.max_batch_size)
    elif choice == "sequence_batching":
        batching = message.sequence_batching
        batching.max_sequence_idle_microseconds = batching.max_sequence_idle_microseconds or 1000000
        if batching.WhichOneof("strategy_choice") is None:
            batching.direct.SetInParent()
        if batching.HasField("oldest") and not batching.oldest.preferred_batch_size:
            batching.oldest.preferred_batch_size.append(max(message.max_batch_size, 1))


def normalised(message: Any, name: str, is_python: bool) -> Any:
    """Return a copy with what is not said: names, one instance, the defaults of each part."""
    made = type(message)()
    made.CopyFrom(message)
    made.name = made.name or name
    if made.HasField("ensemble_scheduling"):
        made.platform = made.platform or "ensemble"
    elif is_python and not made.backend and not made.platform:
        made.backend = "python"
    if not made.default_model_filename and made.backend == "python":
        made.default_model_filename = "model.py"
    if made.version_policy.WhichOneof("policy") is None:
        made.version_policy.latest.num_versions = 1
    if made.version_policy.HasField("latest"):
        latest = made.version_policy.latest
        latest.num_versions = latest.num_versions or 1
    if made.platform == "ensemble":
        made.model_transaction_policy.SetInParent()
    else:
        made.optimization.input_pinned_memory.enable = True
        made.optimization.output_pinned_memory.enable = True
        _complete_instances(made)
    _complete_scheduling(made)
    for sample in made.model_warmup:
        sample.count = sample.count or 1
    return made
