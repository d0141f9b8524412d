// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/packet_order.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace aiges {
namespace {

constexpr int32_t kLast = std::numeric_limits<int32_t>::max();
constexpr int32_t kFirst = std::numeric_limits<int32_t>::min();

using Order = PacketOrder<int>;

std::vector<int> TakeAllInOrder(Order* order) {
  std::vector<int> taken;
  while (const std::optional<int> packet = order->Take()) taken.push_back(*packet);
  return taken;
}

TEST(PacketOrder, TheFirstNumberIsTheBase) {
  for (const int32_t base : {0, 7, -3, kFirst}) {
    Order order;
    EXPECT_FALSE(order.Put(base, 1));
    EXPECT_EQ(TakeAllInOrder(&order), std::vector<int>{1});
    EXPECT_FALSE(order.Put(base + 2, 3));
    EXPECT_EQ(TakeAllInOrder(&order), std::vector<int>{});
    EXPECT_FALSE(order.Put(base + 1, 2));
    EXPECT_EQ(TakeAllInOrder(&order), (std::vector<int>{2, 3}));
  }
}

// The next number was counted in an int: undefined behaviour that any client could ask for.
TEST(PacketOrder, NothingComesAfterTheLastNumberThereIs) {
  Order order;
  EXPECT_FALSE(order.Put(kLast - 1, 1));
  EXPECT_FALSE(order.Put(kLast, 2));
  EXPECT_EQ(TakeAllInOrder(&order), (std::vector<int>{1, 2}));
  EXPECT_TRUE(order.Put(kLast, 3));
  EXPECT_TRUE(order.Put(kFirst, 3));
  EXPECT_TRUE(order.Put(0, 3));
}

TEST(PacketOrder, APacketThatIsLeftOutIsGivenBack) {
  PacketOrder<std::unique_ptr<int>> order;
  order.Put(5, std::make_unique<int>(5));
  EXPECT_EQ(**order.Take(), 5);
  order.Put(7, std::make_unique<int>(7));
  for (const int32_t left_out : {5, 7}) {  // Too old, and twice.
    const auto back = order.Put(left_out, std::make_unique<int>(left_out));
    ASSERT_TRUE(back);
    EXPECT_EQ(**back, left_out);
  }
  EXPECT_EQ(order.waiting(), 1u);
}

TEST(PacketOrder, AGapIsSkippedToTheFirstThatWaits) {
  Order order;
  order.SkipGap();  // Nothing is there: nothing changes.
  order.Put(1, 1);
  order.Take();
  order.Put(9, 9);
  order.Put(4, 4);
  order.SkipGap();
  EXPECT_EQ(TakeAllInOrder(&order), std::vector<int>{4});
  EXPECT_TRUE(order.Put(3, 3)) << "it came after all";
  EXPECT_EQ(order.TakeAll().size(), 1u);
  EXPECT_EQ(order.waiting(), 0u);
}

// Whatever comes in whatever order: numbers go up, none comes twice, none is made up, and without
// gaps skipped none is missing.
TEST(PacketOrder, AnyArrivalComesOutInOrderAndOnce) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
    Order order;
    std::set<int> put;
    std::vector<int> taken;
    for (int i = 0; i < 100; ++i) {
      const int number = 1000 + pick(60);
      if (!order.Put(number, number)) {
        EXPECT_TRUE(put.insert(number).second) << "seed " << seed;
      }
      if (seed % 2 == 1 && pick(20) == 0) order.SkipGap();
      for (const int packet : TakeAllInOrder(&order)) {
        EXPECT_TRUE(taken.empty() || packet > taken.back()) << "seed " << seed;
        EXPECT_TRUE(seed % 2 == 1 || taken.empty() || packet == taken.back() + 1);
        EXPECT_EQ(put.count(packet), 1u);
        taken.push_back(packet);
      }
    }
    EXPECT_EQ(taken.size() + order.waiting(), put.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace aiges
