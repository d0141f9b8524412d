// SPDX-License-Identifier: Apache-2.0
// loader/base/keyed_hash.h: a hash of text whose collisions clients cannot make up.
//
// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), with a secret key for
// each object: for tables whose keys come from outside. Immutable after construction.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "loader/base/random.h"

namespace aiges {

class KeyedHash {
 public:
  using is_transparent = void;

  KeyedHash() : KeyedHash(RandomBits(), RandomBits()) {}
  // With a known key; for tests.
  KeyedHash(uint64_t key0, uint64_t key1) : key0_(key0), key1_(key1) {}

  size_t operator()(std::string_view text) const {
    State s{key0_ ^ 0x736f6d6570736575u, key1_ ^ 0x646f72616e646f6du, key0_ ^ 0x6c7967656e657261u,
            key1_ ^ 0x7465646279746573u};
    const size_t whole = text.size() & ~size_t{7};
    for (size_t at = 0; at < whole; at += 8) s.Add(Word(text.data() + at, 8));
    s.Add(Word(text.data() + whole, text.size() - whole) | uint64_t{text.size()} << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; ++i) s.Round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  }

 private:
  static_assert(std::endian::native == std::endian::little);

  struct State {
    uint64_t v0, v1, v2, v3;

    void Round() {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
    void Add(uint64_t word) {
      v3 ^= word;
      Round();
      v0 ^= word;
    }
  };

  static uint64_t Word(const char* at, size_t bytes) {
    uint64_t word = 0;
    if (bytes > 0) std::memcpy(&word, at, bytes);
    return word;
  }

  uint64_t key0_, key1_;
};

}  // namespace aiges
