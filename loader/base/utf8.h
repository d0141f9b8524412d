// SPDX-License-Identifier: Apache-2.0
// loader/base/utf8.h: text of others where only UTF-8 may stand (RFC 3629). Pure functions;
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiges {

// Bytes of the character that the text begins with; 0: it begins with none.
// REQUIRES: it is not empty.
size_t CharacterLength(std::string_view text);

// Each byte that belongs to no character as U+FFFD (Unicode 15, "U+FFFD Substitution"); all else as
// it is.
void AppendUtf8(std::string* out, std::string_view text);

// As a JSON string, with the quotes (RFC 8259); what is no UTF-8 as above.
void AppendJsonText(std::string* out, std::string_view text);

}  // namespace aiges
