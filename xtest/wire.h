// SPDX-License-Identifier: Apache-2.0
// xtest/wire.h: protobuf fields written by hand: a request is put together from parts that were
// made once, and long data is referred to instead of being copied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "loader/base/strings.h"

namespace aiges::wire {

constexpr uint64_t Tag(int field, int type) { return static_cast<uint64_t>(field) << 3 | type; }
constexpr int kVarint = 0, kBytes = 2;  // Wire types.

inline size_t VarintSize(uint64_t value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

inline void AppendVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

inline void AppendNumber(std::string* out, int field, uint64_t value) {
  AppendVarint(out, Tag(field, kVarint));
  AppendVarint(out, value);
}

// Tag and length of a field of bytes; the bytes follow.
inline void AppendHead(std::string* out, int field, size_t length) {
  AppendVarint(out, Tag(field, kBytes));
  AppendVarint(out, length);
}
inline size_t BytesSize(int field, size_t length) {
  return VarintSize(Tag(field, kBytes)) + VarintSize(length) + length;
}

inline void AppendBytes(std::string* out, int field, std::string_view bytes) {
  AppendHead(out, field, bytes.size());
  out->append(bytes);
}

// An entry of map<string, string>.
inline void AppendEntry(std::string* out, int field, std::string_view key, std::string_view value) {
  AppendHead(out, field, BytesSize(1, key.size()) + BytesSize(2, value.size()));
  AppendBytes(out, 1, key);
  AppendBytes(out, 2, value);
}

inline void AppendMap(std::string* out, int field, const Pairs& pairs) {
  for (const auto& [key, value] : pairs) AppendEntry(out, field, key, value);
}

}  // namespace aiges::wire
