// SPDX-License-Identifier: Apache-2.0
#include "loader/api/budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "loader/front/growing_bytes.h"
#include "loader/front/pace.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Budget, WhatDoesNotFitIsRefusedAndWhatWasHeldStays) {
  Account account("max_input_bytes", 100);
  Share share(&account);
  EXPECT_TRUE(share.TrySet(60));
  EXPECT_TRUE(account.Short());
  EXPECT_FALSE(share.TrySet(101));
  EXPECT_EQ(account.used(), 60u);
  EXPECT_EQ(account.refused(), 1u);
  EXPECT_EQ(account.Text(), "[limits] max_input_bytes = 100 is reached");
}

TEST(Budget, WhatIsThereAlreadyIsCountedBeyondTheLimit) {
  Account account("max_output_bytes", 100);
  Share share(&account);
  share.Set(150);
  EXPECT_TRUE(account.Full());
  share.Set(20);
  EXPECT_FALSE(account.Full());
}

TEST(Budget, AShareGoesBackWithItsHolderAlsoAfterAMove) {
  Account account("max_connections", 2);
  {
    Share first(&account);
    ASSERT_TRUE(first.TrySet(1));
    Share second = std::move(first);
    EXPECT_EQ(account.used(), 1u);
    ASSERT_TRUE(first.TrySet(1));  // Still of the account, and holds nothing.
    EXPECT_EQ(account.used(), 2u);
    second = std::move(first);
    EXPECT_EQ(account.used(), 1u);
  }
  EXPECT_EQ(account.used(), 0u);
}

TEST(Budget, ManyThreadsNeverHoldMoreThanTheLimit) {
  Account account("max_connections", 3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&account] {
      for (int i = 0; i < 20'000; ++i) {
        Share share(&account);
        const bool taken = share.TrySet(2);
        EXPECT_TRUE(!taken || account.used() <= 3u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(account.used(), 0u);
}

TEST(Limits, OfBytesFollowTheLargestMessageUnlessTheyAreSet) {
  LimitSettings limits;
  EXPECT_EQ(limits.input_bytes(), 512ull << 20);
  EXPECT_EQ(limits.output_bytes(), 256ull << 20);
  limits.max_message_bytes = 1024;
  EXPECT_EQ(limits.output_bytes(), 64ull << 20);
  limits.max_output_bytes = 5;
  EXPECT_EQ(limits.output_bytes(), 5u);
}

// A body of which this has come, of one that is announced as long as that.
struct Body {
  HeapBuffers pool;
  Account account{"max_input_bytes", 100 << 20};
  GrowingBytes body{&pool, &account};

  Body(uint64_t announced, size_t comes) {
    const uint64_t most = announced != 0 ? announced : 64 << 20;
    body.Announce(announced);
    const std::string piece(16'384, 'x');
    for (size_t n = 0; n < comes; n += piece.size()) {
      EXPECT_TRUE(body.Append({piece.data(), std::min(piece.size(), comes - n)}, most));
    }
  }
};

TEST(GrowingBytes, AnAnnouncedBodyTakesMemoryAsItComes) {
  EXPECT_EQ(Body(64 << 20, 0).account.used(), 0u);
  EXPECT_EQ(Body(64 << 20, 1).account.used(), GrowingBytes::kMostAnnounced);
  EXPECT_LE(Body(64 << 20, 1'000'000).account.used(), 4'000'000u);
  EXPECT_EQ(Body(64 << 20, 64 << 20).account.used(), 64u << 20);
}

TEST(GrowingBytes, ASmallBodyTakesItsLengthAtOnce) {
  Body small(1000, 1000);
  EXPECT_EQ(small.account.used(), 1000u);
  EXPECT_EQ(small.pool.allocations, 1);
}

TEST(GrowingBytes, GrowthCopiesSeldom) {
  Body large(64 << 20, 64 << 20);
  EXPECT_LE(large.pool.allocations, 6);
}

TEST(GrowingBytes, AreCountedUntilTheLastHolderLetsGo) {
  Body chunked(0, 100'000);
  Bytes bytes = chunked.body.Take();
  Bytes copy = bytes;
  bytes = {};
  EXPECT_EQ(copy.view(), std::string(100'000, 'x'));
  EXPECT_GE(chunked.account.used(), 100'000u);
  copy = {};
  EXPECT_EQ(chunked.account.used(), 0u);
}

TEST(GrowingBytes, AreRefusedWhereTheBudgetHasNoRoom) {
  HeapBuffers pool;
  Account account("max_input_bytes", 100);
  GrowingBytes body(&pool, &account);
  body.Announce(101);
  EXPECT_FALSE(body.Append("x", 101));
  EXPECT_EQ(pool.allocations, 0);
}

class PaceTest : public ::testing::Test {
 protected:
  bool TooSlow(milliseconds at, uint64_t moved, bool budget_short = false) {
    return pace_.TooSlow(begin_ + at, moved, seconds(75), budget_short);
  }
  const TimePoint begin_ = TimePoint() + seconds(1000);
  Pace pace_;
};

TEST_F(PaceTest, APeerHasAWindowToMoveItsBytes) {
  pace_.Begin(begin_);
  EXPECT_FALSE(TooSlow(seconds(74), 0));
  EXPECT_TRUE(TooSlow(seconds(75), 75 * Pace::kRate - 1));
  pace_.Begin(begin_);
  EXPECT_FALSE(TooSlow(seconds(75), 75 * Pace::kRate));
}

TEST_F(PaceTest, EarlierBytesDoNotCountForLater) {
  pace_.Begin(begin_);
  EXPECT_FALSE(TooSlow(seconds(75), 1 << 30));  // What the system's buffers took.
  EXPECT_TRUE(TooSlow(seconds(150), (1 << 30) + 100));
}

TEST_F(PaceTest, WhileTheBudgetIsShortTheSlowGoSoon) {
  pace_.Begin(begin_);
  EXPECT_FALSE(TooSlow(seconds(1), 0, true));
  EXPECT_FALSE(TooSlow(seconds(2), 2 * Pace::kShortRate, true));
  EXPECT_TRUE(TooSlow(seconds(4), 2 * Pace::kShortRate + 1, true));
}

TEST_F(PaceTest, SlowForAShortBudgetIsFineWhileThereIsRoom) {
  pace_.Begin(begin_);
  for (int s = 1; s < 70; ++s) EXPECT_FALSE(TooSlow(seconds(s), 0));
}

}  // namespace
}  // namespace aiges
