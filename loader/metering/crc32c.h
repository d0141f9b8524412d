// SPDX-License-Identifier: Apache-2.0
// loader/metering/crc32c.h: the checksum of what lies on disk (Castagnoli, as iSCSI and ext4 have).
//
// A pure function; thread-safe. With the processor's own instruction where it has one.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace aiges {
namespace internal {

inline constexpr std::array<uint32_t, 256> kCrc32cTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}();

inline uint32_t Crc32cByTable(uint32_t crc, const char* at, size_t n) {
  for (; n > 0; --n, ++at) {
    crc = (crc >> 8) ^ kCrc32cTable[(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) inline uint32_t Crc32cByProcessor(uint32_t crc, const char* at,
                                                                    size_t n) {
  for (; n >= 8; n -= 8, at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    crc = static_cast<uint32_t>(__builtin_ia32_crc32di(crc, word));
  }
  for (; n > 0; --n, ++at) crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*at));
  return crc;
}
#endif

}  // namespace internal

// `before`: of what came before these bytes; 0: nothing did.
inline uint32_t Crc32c(std::string_view bytes, uint32_t before = 0) {
  uint32_t crc = ~before;
#if defined(__x86_64__)
  static const bool known = __builtin_cpu_supports("sse4.2") != 0;
  if (known) return ~internal::Crc32cByProcessor(crc, bytes.data(), bytes.size());
#endif
  return ~internal::Crc32cByTable(crc, bytes.data(), bytes.size());
}

}  // namespace aiges
