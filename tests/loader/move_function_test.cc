// SPDX-License-Identifier: Apache-2.0
#include "loader/base/move_function.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <utility>

namespace aiges {
namespace {

TEST(MoveFunction, OwnsWhatCannotBeCopied) {
  auto owned = std::make_unique<int>(4);
  MoveFunction<int(int)> add = [owned = std::move(owned)](int n) { return *owned += n; };
  EXPECT_EQ(add(1), 5);
  MoveFunction<int(int)> moved = std::move(add);
  EXPECT_FALSE(add);
  EXPECT_EQ(moved(1), 6);
}

TEST(MoveFunction, SmallAndLargeTargetsEndOnceWhoeverHasThem) {
  const auto lives = std::make_shared<int>();
  const auto check = [&](auto make) {
    {
      MoveFunction<void()> first = make();
      MoveFunction<void()> second = std::move(first);
      first = std::move(second);
      MoveFunction<void()>& same = first;
      first = std::move(same);
      first();
      EXPECT_EQ(lives.use_count(), 2);
      first = nullptr;
      EXPECT_EQ(lives.use_count(), 1);
      EXPECT_FALSE(first);
    }
    EXPECT_EQ(lives.use_count(), 1);
  };
  check([&lives] { return [lives] {}; });
  check([&lives] { return [lives, room = std::array<char, 200>{}] { (void)room; }; });
}

TEST(MoveFunction, ReferencesArePassedOn) {
  MoveFunction<void(std::unique_ptr<int>, int&)> put = [](std::unique_ptr<int> from, int& to) {
    to = *from;
  };
  int to = 0;
  put(std::make_unique<int>(3), to);
  EXPECT_EQ(to, 3);
}

}  // namespace
}  // namespace aiges
