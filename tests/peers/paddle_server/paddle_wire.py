# SPDX-License-Identifier: Apache-2.0
"""Messages of the pipeline's gRPC service by hand, of both numberings: no code of either side."""

import struct

NEW = {"key": 1, "value": 2, "tensors": 3, "name": 4, "method": 5, "logid": 6, "clientip": 7}
OLD = {"key": 1, "value": 2, "name": 3, "method": 4, "logid": 5, "clientip": 6}  # 0.4 to 0.6.
TENSOR = {
    "int64_data": (1, "v"),
    "float_data": (2, "f"),
    "int_data": (3, "v"),
    "float64_data": (4, "d"),
    "uint32_data": (5, "v"),
    "bool_data": (6, "v"),
    "complex64_data": (7, "f"),
    "complex128_data": (8, "d"),
    "str_data": (9, "s"),
    "byte_data": (10, "s"),
    "elem_type": (20, "v"),
    "shape": (21, "v"),
    "lod": (22, "v"),
    "name": (23, "s"),
}


def varint(number):
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number, value):
    """A field as its value says: an int as varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def _tensor(fields):
    """Repeated numbers are packed, as proto3 has them."""
    found = b""
    for name, value in fields.items():
        number, kind = TENSOR[name]
        if kind == "s" or not isinstance(value, list):
            each = value if isinstance(value, list) else [value]
            found += b"".join(field(number, one) for one in each)
        elif kind == "v":
            found += field(number, b"".join(varint(one) for one in value))
        else:
            found += field(number, struct.pack(f"<{len(value)}{kind}", *value))
    return found


def request(numbers, fields):
    """The bytes of a request: {"key": [..], "value": [..], "name": .., "tensors": [{..}]}."""
    found = b""
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            found += field(numbers[name], _tensor(one) if name == "tensors" else one)
    return found


def _varint_at(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at, number, shift = at + 1, number | (byte & 127) << shift, shift + 7
        if byte < 128:
            return number, at


def response(data):
    """A response as the JSON of the gateway shows it."""
    found = {"err_no": 0, "err_msg": "", "key": [], "value": [], "tensors": []}
    at = 0
    while at < len(data):
        tag, at = _varint_at(data, at)
        size, at = _varint_at(data, at)
        if tag == 1 << 3:
            found["err_no"] = size - (1 << 64) if size >= 1 << 63 else size
            continue
        part, at = data[at : at + size], at + size
        name = {2: "err_msg", 3: "key", 4: "value", 5: "tensors"}[tag >> 3]
        if name == "err_msg":
            found[name] = part.decode()
        else:
            found[name].append(part.hex() if name == "tensors" else part.decode())
    return found
