// SPDX-License-Identifier: Apache-2.0
// loader/front/json_string.h: text of others inside JSON.
//
// JSON is UTF-8 (RFC 8259, section 8.1), and text of engines need not be. Pure functions;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace aiges {

bool IsUtf8(std::string_view text);

// Each byte that belongs to no character of UTF-8 as \xff, as Python's "backslashreplace" writes
// it; all else as it is.
std::string VisibleUtf8(std::string_view text);

// As a JSON string, with the quotes; what is no UTF-8 as VisibleUtf8 shows it. Data that must come
// back as they were go in base64 instead.
void AppendJsonString(std::string* out, std::string_view text);

}  // namespace aiges
