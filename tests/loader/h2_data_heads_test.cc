// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h2_data_heads.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiges {
namespace {

constexpr size_t kBefore = 5;

std::string Frame(char type, int32_t stream, size_t size) {
  std::string frame = {0, static_cast<char>(size >> 8), static_cast<char>(size), type, 0};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + std::string(size, '\0');  // Which looks like heads of data.
}

using Found = std::vector<std::pair<int32_t, size_t>>;

// Stream and place of each head that is found in pieces of `size` bytes.
Found In(const std::string& all, size_t size) {
  Found found;
  DataHeads heads(kBefore);
  for (size_t begin = 0; begin < all.size(); begin += size) {
    const std::string_view piece = std::string_view(all).substr(begin, size);
    size_t at = 0;
    for (int32_t id; (id = heads.Next(piece, &at)) >= 0;) found.emplace_back(id, begin + at);
  }
  return found;
}

TEST(DataHeads, EachIsFoundOnceHoweverItsBytesCome) {
  std::string all(kBefore, '\0');
  Found expected;
  for (const size_t size : {0, 30, 300}) {
    for (const auto& [type, stream] : {std::pair<char, int32_t>{4, 0}, {0, 0x7fffffff}, {0, 1}}) {
      if (type == 0) expected.emplace_back(stream, all.size() + 9);
      all += Frame(type, stream, size);
    }
  }
  for (size_t size = 1; size <= all.size(); ++size) EXPECT_EQ(In(all, size), expected) << size;
}

TEST(DataHeads, ReservedBitIsNotPartOfTheStream) {
  const std::string all = std::string(kBefore, 'x') + Frame(0, static_cast<int32_t>(0x80000003), 1);
  EXPECT_EQ(In(all, all.size()), (Found{{3, kBefore + 9}}));
}

}  // namespace
}  // namespace aiges
