// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/roll.h"

#include <gtest/gtest.h>

#include <random>

namespace aiges {
namespace {

using Seats = std::vector<size_t>;

TEST(Roll, ReloadStartsOneAfterTheOtherAndSwapsAllAtOnce) {
  Roll roll;
  EXPECT_EQ(roll.Reload(3).start, 0u);
  for (size_t seat = 0; seat < 2; ++seat) {
    const Roll::Step step = roll.OnUp(seat);
    EXPECT_EQ(step.start, seat + 1);
    EXPECT_TRUE(step.swap.empty());
  }
  const Roll::Step last = roll.OnUp(2);
  EXPECT_EQ(last.swap, (Seats{0, 1, 2}));
  EXPECT_TRUE(last.reloaded);
  EXPECT_FALSE(roll.reloading());
  EXPECT_FALSE(roll.idle()) << "the old ones are still leaving";
  for (size_t seat = 0; seat < 3; ++seat) roll.OnEmpty(seat);
  EXPECT_TRUE(roll.idle());
}

TEST(Roll, OneThatDoesNotStartLeavesAllAsTheyWere) {
  Roll roll;
  roll.Reload(3);
  roll.OnUp(0);
  const Roll::Step step = roll.OnEmpty(1);
  EXPECT_TRUE(step.failed);
  EXPECT_EQ(step.drop, Seats{0});
  EXPECT_TRUE(step.swap.empty());
  EXPECT_FALSE(step.start);
  EXPECT_FALSE(roll.idle()) << "the one that was up is still leaving";
  roll.OnEmpty(0);
  EXPECT_TRUE(roll.idle());
}

TEST(Roll, OneThatDiesWhileItStandsByFailsTheReload) {
  Roll roll;
  roll.Reload(3);
  roll.OnUp(0);
  const Roll::Step step = roll.OnEmpty(0);
  EXPECT_TRUE(step.failed);
  EXPECT_EQ(step.drop, Seats{1}) << "the one that is on its way up";
}

TEST(Roll, RecyclesOneSeatAtATime) {
  Roll roll;
  EXPECT_EQ(roll.Recycle(1).start, 1u);
  EXPECT_FALSE(roll.Recycle(0).start);
  EXPECT_EQ(roll.OnUp(1).swap, Seats{1});
  EXPECT_FALSE(roll.Recycle(0).start) << "the old worker is still there";
  EXPECT_FALSE(roll.OnEmpty(1).failed);
  EXPECT_EQ(roll.Recycle(0).start, 0u);
}

TEST(Roll, ReloadWaitsForThePlaceOfWhatIsLeaving) {
  Roll roll;
  roll.Recycle(0);
  roll.OnUp(0);
  EXPECT_EQ(roll.Reload(2).start, 1u) << "an old worker is still in the place of seat 0";
  EXPECT_FALSE(roll.OnUp(1).start);
  EXPECT_EQ(roll.OnEmpty(0).start, 0u);
  EXPECT_EQ(roll.OnUp(0).swap, (Seats{1, 0}));
}

TEST(Roll, ReloadReplacesARecyclingThatHasOldSettings) {
  Roll roll;
  roll.Recycle(0);
  const Roll::Step step = roll.Reload(1);
  EXPECT_EQ(step.drop, Seats{0});
  EXPECT_FALSE(step.start);
  EXPECT_EQ(roll.OnEmpty(0).start, 0u);
  EXPECT_TRUE(roll.OnUp(0).reloaded);
}

// Whatever comes: a seat's spare place is started only when it is empty, a reload swaps all seats
// or none, and it always ends.
TEST(Roll, IsAllOrNothing) {
  std::mt19937 random(20261129);
  const auto draw = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 2000; ++round) {
    Roll roll;
    const size_t seats = 1 + draw(4);
    enum class Spare { kEmpty, kStarting, kUp, kLeaving };
    std::vector<Spare> spares(seats, Spare::kEmpty);
    bool reloading = false;
    const auto apply = [&](const Roll::Step& step) {
      for (const size_t seat : step.drop) {
        ASSERT_TRUE(spares[seat] == Spare::kStarting || spares[seat] == Spare::kUp);
        spares[seat] = Spare::kLeaving;
      }
      if (reloading && !step.swap.empty()) {
        ASSERT_TRUE(step.reloaded);
        ASSERT_EQ(step.swap.size(), seats);
      }
      for (const size_t seat : step.swap) {
        ASSERT_EQ(spares[seat], Spare::kUp);
        spares[seat] = Spare::kLeaving;
      }
      if (step.reloaded || step.failed) reloading = false;
      if (step.start) {
        ASSERT_EQ(spares[*step.start], Spare::kEmpty);
        spares[*step.start] = Spare::kStarting;
      }
    };
    for (int i = 0; i < 60; ++i) {
      const size_t seat = draw(seats);
      if (draw(10) == 0 && !roll.reloading()) {
        reloading = true;
        apply(roll.Reload(seats));
      } else if (draw(5) == 0) {
        apply(roll.Recycle(seat));
      } else if (spares[seat] == Spare::kStarting && draw(4) != 0) {
        spares[seat] = Spare::kUp;
        apply(roll.OnUp(seat));
      } else if (spares[seat] == Spare::kLeaving ||
                 (spares[seat] != Spare::kEmpty && draw(4) == 0)) {
        spares[seat] = Spare::kEmpty;
        apply(roll.OnEmpty(seat));
      }
      ASSERT_EQ(roll.reloading(), reloading);
    }
    for (int i = 0; i < 100 && !roll.idle(); ++i) {
      for (size_t seat = 0; seat < seats; ++seat) {
        if (spares[seat] == Spare::kStarting) {
          spares[seat] = Spare::kUp;
          apply(roll.OnUp(seat));
        } else if (spares[seat] == Spare::kLeaving) {
          spares[seat] = Spare::kEmpty;
          apply(roll.OnEmpty(seat));
        }
      }
    }
    ASSERT_TRUE(roll.idle()) << round;
  }
}

}  // namespace
}  // namespace aiges
