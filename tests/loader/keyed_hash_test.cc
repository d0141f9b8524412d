// SPDX-License-Identifier: Apache-2.0
#include "loader/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace aiges {
namespace {

// CPython hashes bytes with the same function, and with a key of zeros if PYTHONHASHSEED is 0.
TEST(KeyedHash, IsSipHash13AsCPythonHasIt) {
  const KeyedHash hash(0, 0);
  EXPECT_EQ(hash("a"), 0x407448d2b89b1813u);
  EXPECT_EQ(hash("abcdefg"), 0x6db12aae9070f506u);
  EXPECT_EQ(hash("abcdefgh"), 0x3f7b849c0b8e35eau);
  EXPECT_EQ(hash("a handle of 26 characters."), 0x41563d0f520e7bdfu);
}

TEST(KeyedHash, EveryBitCounts) {
  const KeyedHash hash;
  const std::string text(21, 'x');
  std::set<size_t> seen{hash(text)};
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      EXPECT_TRUE(seen.insert(hash(other)).second);
    }
  }
}

TEST(KeyedHash, TwoTablesHaveDifferentKeys) {
  EXPECT_NE(KeyedHash()("handle"), KeyedHash()("handle"));
  const KeyedHash one;
  EXPECT_EQ(one("handle"), KeyedHash(one)("handle"));
}

}  // namespace
}  // namespace aiges
