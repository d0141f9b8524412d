// SPDX-License-Identifier: Apache-2.0
// loader/protocols/json_body.h: a body that is a JSON object, for those who read calls out of one.
//
// Errors are kInvalid; their texts name the place, what was expected and what came. Pure functions;
// thread-safe.
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>

#include "loader/api/buffers.h"
#include "loader/base/bytes.h"
#include "loader/base/status.h"

namespace aiges {

// kCodeBodyNotJson where it is none; else what `read` says, which must keep nothing of it.
Status ReadJsonObject(const Bytes& body, const std::function<Status(simdjson::dom::object)>& read);

// kCodeConversion: "<where>: <text>".
Status Conversion(std::string_view where, std::string_view text);
// kCodeInvalidInput: too many parts.
Status TooMany(size_t most, std::string_view parts);
// When a key stands twice: which of them is meant, readers of JSON do not agree on (RFC 8259,
// section 4).
Status CheckJsonKeys(std::string_view where, simdjson::dom::object members);

// "an object", "a number".
const char* KindOf(simdjson::dom::element value);
// The begin of a text, whole characters, in quotes.
std::string BeginOf(std::string_view text);
Bytes CopyOf(std::string_view text, BufferPool* buffers);

// JSON text that may stand in a message as it is. False for what is so long that looking would cost
// more than it helps.
bool IsJson(std::string_view text);

}  // namespace aiges
