# SPDX-License-Identifier: Apache-2.0
"""Messages as JSON, arrays as messages, and the environment, for user code."""

import os
from typing import Any

from aiges.contracts.seldon import _values
from aiges.contracts.seldon._errors import SeldonMicroserviceException
from aiges.contracts.seldon._messages import message
from aiges.contracts.seldon._parameters import is_true
from aiges.contracts.seldon._unit import unit_of
from google.protobuf import json_format

__all__ = [
    "array_to_grpc_datadef",
    "array_to_list_value",
    "array_to_rest_datadef",
    "feedback_to_json",
    "get_data_from_proto",
    "get_meta_from_proto",
    "get_request_path",
    "getenv",
    "getenv_as_bool",
    "grpc_datadef_to_array",
    "json_to_feedback",
    "json_to_seldon_message",
    "json_to_seldon_messages",
    "json_to_seldon_model_metadata",
    "seldon_message_to_json",
    "seldon_messages_to_json",
]


def _parsed(plain: Any, name: str) -> Any:
    try:
        return json_format.ParseDict({} if plain is None else plain, message(name)())
    except json_format.ParseError as fault:
        raise SeldonMicroserviceException(f"Invalid JSON: {fault}") from None


def json_to_seldon_message(message_json: Any) -> Any:
    """Return a SeldonMessage of JSON."""
    return _parsed(message_json, "SeldonMessage")


def json_to_seldon_messages(message_json: Any) -> Any:
    """Return a SeldonMessageList of JSON."""
    return _parsed(message_json, "SeldonMessageList")


def json_to_feedback(message_json: Any) -> Any:
    """Return a Feedback of JSON."""
    return _parsed(message_json, "Feedback")


def json_to_seldon_model_metadata(metadata_json: Any) -> Any:
    """Return a SeldonModelMetadata of JSON."""
    return _parsed(metadata_json, "SeldonModelMetadata")


def seldon_message_to_json(message_proto: Any) -> Any:
    """Return a SeldonMessage as JSON."""
    return json_format.MessageToDict(message_proto)


def seldon_messages_to_json(message_protos: Any) -> Any:
    """Return a SeldonMessageList as JSON."""
    return json_format.MessageToDict(message_protos)


def feedback_to_json(message_proto: Any) -> Any:
    """Return a Feedback as JSON."""
    return json_format.MessageToDict(message_proto)


def get_data_from_proto(request: Any) -> Any:
    """Return the payload of a SeldonMessage as predict gets it."""
    return _values.features_of(request)


def get_meta_from_proto(request: Any) -> Any:
    """Return the meta of a SeldonMessage as predict gets it."""
    return _values.meta_of(request)


def grpc_datadef_to_array(datadef: Any) -> Any:
    """Return the array of a DefaultData."""
    return _values.array_of(datadef)


def array_to_grpc_datadef(data_type: str, array: Any, names: Any = ()) -> Any:
    """Return a DefaultData with the array, as tensor, ndarray or tftensor."""
    made = message("DefaultData")(names=list(names))
    _values.fill_array(made, array, data_type)
    return made


def array_to_rest_datadef(data_type: str, array: Any, names: Any = ()) -> Any:
    """Return what stands under "data" in JSON, with the array as tensor or ndarray."""
    made: Any = {"names": list(names)}
    if data_type == "tensor":
        made["tensor"] = {"shape": list(array.shape), "values": array.ravel().tolist()}
    elif data_type == "tftensor":
        made["tftensor"] = json_format.MessageToDict(
            array_to_grpc_datadef("tftensor", array).tftensor
        )
    else:
        made["ndarray"] = array.tolist()
    return made


def array_to_list_value(array: Any, lv: Any = None) -> Any:
    """Return the array as a ListValue."""
    made = array_to_grpc_datadef("ndarray", array).ndarray
    if lv is None:
        return made
    lv.MergeFrom(made)
    return lv


def get_request_path() -> Any:
    """Return the entry of this unit in requestPath."""
    return unit_of(os.environ).path


def getenv(*env_vars: str, default: Any = None) -> Any:
    """Return the first of these variables that is set."""
    for name in env_vars:
        if name in os.environ:
            return os.environ[name]
    return default


def getenv_as_bool(*env_vars: str, default: bool = False) -> bool:
    """Return whether the first of these variables that is set says yes."""
    text = getenv(*env_vars)
    return default if text is None else is_true(str(text))
