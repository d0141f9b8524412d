// SPDX-License-Identifier: Apache-2.0
#include "loader/config/toml_guard.h"

#include <algorithm>

#include "loader/base/strings.h"

namespace aiges {
namespace {

bool IsBareKeyByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == ' ' || c == '\t' || static_cast<unsigned char>(c) >= 0x80;
}

// Behind the string that begins at `at`; a broken one ends with its line, which the parser tells.
size_t SkipString(std::string_view text, size_t at) {
  const char quote = text[at];
  const bool basic = quote == '"';
  const std::string three(3, quote);
  const bool block = text.substr(at, 3) == three;
  size_t i = at + (block ? 3 : 1);
  while (i < text.size()) {
    if (basic && text[i] == '\\') {
      i += 2;
    } else if (block) {
      if (text.substr(i, 3) == three) return i + 3;
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    } else if (text[i] == '\n') {
      return i;
    } else {
      ++i;
    }
  }
  return text.size();
}

}  // namespace

std::optional<std::string> TomlRefusal(std::string_view text) {
  if (text.size() > kMostConfigBytes) {
    return StrCat("1: expected a file of at most ", kMostConfigBytes >> 20, " MB, got ",
                  text.size(), " bytes");
  }
  size_t dots = 0;
  const auto line_of = [text](size_t at) {
    return std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n') + 1;
  };
  // Dots between bare or quoted parts of one key. A number has one dot, which does no harm.
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = SkipString(text, i);
      continue;
    }
    if (c == '#') {
      dots = 0;
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (c == '.') {
      if (++dots >= kMostKeyParts) {
        return StrCat(line_of(i), ": expected a key of at most ", kMostKeyParts,
                      " parts, got more");
      }
    } else if (!IsBareKeyByte(c)) {
      dots = 0;
    }
    ++i;
  }
  return std::nullopt;
}

}  // namespace aiges
