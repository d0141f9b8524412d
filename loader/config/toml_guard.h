// SPDX-License-Identifier: Apache-2.0
// loader/config/toml_guard.h: refuses TOML text that would take a parser's stack or memory.
//
// The parser makes a table for each part of a dotted key, and its tree is taken down by recursion:
// a key of a few hundred thousand parts ends the process. This looks at the text before the parser
// does. Pure function, linear.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aiges {

inline constexpr size_t kMostConfigBytes = 16u << 20;
inline constexpr size_t kMostKeyParts = 32;

// "3: expected ..., got ...", where 3 is the line; nothing when the text may be parsed.
std::optional<std::string> TomlRefusal(std::string_view text);

}  // namespace aiges
