# SPDX-License-Identifier: Apache-2.0
"""What user code raises, and how the service answers it: in JSON, and as a status of gRPC."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BAD_DATA",
    "BAD_METADATA",
    "BAD_METRIC",
    "INTERNAL",
    "NotDefined",
    "SeldonMicroserviceException",
    "SeldonNotImplementedError",
    "answer_of",
    "bad_data",
    "grpc_of",
]

BAD_DATA, INTERNAL = "MICROSERVICE_BAD_DATA", "MICROSERVICE_INTERNAL_ERROR"
BAD_METRIC, BAD_METADATA = "MICROSERVICE_BAD_METRIC", "MICROSERVICE_BAD_METADATA"

_INVALID_ARGUMENT, _NOT_FOUND, _UNIMPLEMENTED, _INTERNAL = 3, 5, 12, 13
# Of HTTP's status, what gRPC says; others: by their hundred.
_GRPC = {401: 16, 403: 7, 404: _NOT_FOUND, 409: 10, 429: 8, 501: _UNIMPLEMENTED, 503: 14, 504: 4}


class SeldonMicroserviceException(Exception):
    """An error with a status and a reason of its own."""

    status_code = 400

    def __init__(
        self,
        message: Any,
        status_code: int | None = None,
        payload: dict[str, Any] | None = None,
        reason: str = BAD_DATA,
    ) -> None:
        Exception.__init__(self)
        self.message = message
        if status_code is not None:
            self.status_code = status_code
        self.payload = payload
        self.reason = reason

    def __str__(self) -> str:
        return str(self.message)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer."""
        status = {"status": 1, "info": self.message, "code": -1, "reason": self.reason}
        return {"status": status}


class SeldonNotImplementedError(SeldonMicroserviceException):
    """A method that a component has no code for; what the service does then is up to it."""

    status_code = 400

    def __init__(self, message: Any) -> None:
        SeldonMicroserviceException.__init__(self, message)


class NotDefined(SeldonMicroserviceException):
    """A call that the user's object has no method for, and that nothing stands in for."""


def bad_data(message: str) -> SeldonMicroserviceException:
    """Return the error of a request that cannot be taken."""
    return SeldonMicroserviceException(message)


def answer_of(fault: BaseException) -> tuple[int, dict[str, Any]]:
    """Return HTTP's status and the body that tell of what was raised."""
    if isinstance(fault, SeldonMicroserviceException):
        return fault.status_code, fault.to_dict()
    return 500, SeldonMicroserviceException(_text_of(fault), reason=INTERNAL).to_dict()


def grpc_of(fault: BaseException) -> tuple[int, str]:
    """Return the number of gRPC's status, and its text."""
    if isinstance(fault, (NotDefined, SeldonNotImplementedError)):
        return _UNIMPLEMENTED, str(fault.message)
    if isinstance(fault, SeldonMicroserviceException):
        status = fault.status_code
        other = _INVALID_ARGUMENT if 400 <= status < 500 else _INTERNAL
        return _GRPC.get(status, other), str(fault.message)
    return _INTERNAL, _text_of(fault)


def _text_of(fault: BaseException) -> str:
    try:
        return str(fault)
    except Exception:
        return f"{type(fault).__name__} cannot say what happened"
