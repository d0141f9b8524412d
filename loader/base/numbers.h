// SPDX-License-Identifier: Apache-2.0
// loader/base/numbers.h: texts of people and peers as numbers.
//
// Pure functions; thread-safe.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace aiges {

// The whole text, in decimal: no space, nothing behind it, a sign only where T has one, in the
// range of T. False: it is none, and *out is as it was.
template <class T>
bool ReadWhole(std::string_view text, T* out) {
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return false;
  *out = value;
  return true;
}

// Its value, in either case; -1: it is none.
inline int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace aiges
