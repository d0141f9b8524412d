// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/backoff.h"

#include <gtest/gtest.h>

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart = FromNanos(1'000'000'000);

TEST(Backoff, FirstRestartIsImmediateThenThePausesDouble) {
  Backoff backoff;
  EXPECT_EQ(backoff.Next(kStart, kStart, Duration::zero()), Duration::zero());
  EXPECT_EQ(backoff.Next(kStart, kStart, Duration::zero()), milliseconds(100));
  EXPECT_EQ(backoff.Next(kStart, kStart, Duration::zero()), milliseconds(200));
  EXPECT_EQ(backoff.Next(kStart, kStart, Duration::zero()), milliseconds(400));
  EXPECT_EQ(backoff.failures(), 4u);
}

TEST(Backoff, PauseHasAnUpperBoundHoweverOftenItFails) {
  Backoff backoff;
  Duration last{};
  for (int i = 0; i < 200; ++i) {
    const Duration next = backoff.Next(kStart, kStart, Duration::zero());
    EXPECT_GE(next, last);
    last = next;
  }
  EXPECT_EQ(last, seconds(30));
}

TEST(Backoff, WorkerThatWasUpForLongCountsAsASingleCrash) {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) backoff.Next(kStart, kStart, Duration::zero());
  EXPECT_GT(backoff.Next(kStart, kStart + seconds(59), Duration::zero()), Duration::zero());
  EXPECT_EQ(backoff.Next(kStart, kStart + seconds(60), Duration::zero()), Duration::zero());
}

TEST(Backoff, WorkerThatHasServedForAWhileCountsAsASingleCrash) {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) backoff.Next(kStart, kStart, Duration::zero());
  EXPECT_GT(backoff.Next(kStart, kStart + seconds(2), milliseconds(999)), Duration::zero());
  EXPECT_EQ(backoff.Next(kStart, kStart + seconds(2), seconds(1)), Duration::zero());
}

}  // namespace
}  // namespace aiges
