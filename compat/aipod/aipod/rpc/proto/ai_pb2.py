# SPDX-License-Identifier: Apache-2.0
"""``Input`` and ``Output``, made of their descriptor: what protoc writes suits one protobuf only.

They lie in a pool of their own, beside which code that protoc has made of the same file has room.
"""

from aiges.contracts.aipod._wire import descriptor as _descriptor
from google.protobuf import descriptor_pool as _descriptor_pool
from google.protobuf import message_factory as _message_factory

_POOL = _descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_descriptor())
DESCRIPTOR = _POOL.FindFileByName("aipod/rpc/proto/ai.proto")


def _class_of(name):
    message = DESCRIPTOR.message_types_by_name[name]
    if hasattr(_message_factory, "GetMessageClass"):  # protobuf 4.22 and later.
        return _message_factory.GetMessageClass(message)
    return _message_factory.MessageFactory(_POOL).GetPrototype(message)


Input, Output = _class_of("Input"), _class_of("Output")
