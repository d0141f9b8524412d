// SPDX-License-Identifier: Apache-2.0
// loader/base/strings.h: text without streams and without fmt headers.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace aiges {

// Ordered key/value text: parameters, attributes, headers, engine configuration.
using Pairs = std::vector<std::pair<std::string, std::string>>;

inline const std::string* Find(const Pairs& pairs, std::string_view key) {
  for (const auto& [k, v] : pairs) {
    if (k == key) return &v;
  }
  return nullptr;
}

namespace internal {
inline void Append(std::string& out, std::string_view part) { out.append(part); }
inline void Append(std::string& out, char part) { out.push_back(part); }
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
void Append(std::string& out, T part) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    char text[24];
    out.append(text, std::to_chars(text, text + sizeof text, part).ptr);
  } else {
    out.append(std::to_string(part));
  }
}
}  // namespace internal

template <class... Parts>
void StrAppend(std::string* out, const Parts&... parts) {
  (internal::Append(*out, parts), ...);
}

template <class... Parts>
std::string StrCat(const Parts&... parts) {
  std::string out;
  StrAppend(&out, parts...);
  return out;
}

std::string Join(const std::vector<std::string>& parts, std::string_view between = "; ");
// A to Z in lower case, other bytes as they are.
std::string Lowered(std::string_view text);
// Without spaces and tabs at both ends.
std::string_view Trimmed(std::string_view text);
// At most `most` bytes of a text in UTF-8, cut between two characters.
std::string_view CutUtf8(std::string_view text, size_t most);

// The text of an errno value. Thread-safe.
std::string ErrnoText(int error);

// Text of others as one line that does nothing to a terminal: control characters as \x1b, \n;
// colours (ESC [ digits m) are left out.
void AppendVisible(std::string* out, std::string_view text);

}  // namespace aiges
