// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/window.h"

#include <gtest/gtest.h>

#include "loader/instances/credit.h"

namespace aiges {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(CreditWindow, BeforeAnythingIsKnownItIsOneCallAThread) {
  EXPECT_EQ(CreditWindow(1).size(), 1u);
  EXPECT_EQ(CreditWindow(4).size(), 4u);
}

TEST(CreditWindow, SlowEngineHoldsOnlyTheCallItRuns) {
  CreditWindow window(1);
  window.Observe(milliseconds(100));
  EXPECT_EQ(window.size(), 1u);
}

TEST(CreditWindow, NextCallLiesReadyWhereOneTakesUpToTwoMilliseconds) {
  for (const auto engine : {microseconds(150), microseconds(500), microseconds(2000)}) {
    CreditWindow window(3);
    window.Observe(engine);
    EXPECT_EQ(window.size(), 6u) << engine.count();
  }
  CreditWindow window(3);
  window.Observe(microseconds(2001));
  EXPECT_EQ(window.size(), 3u);
}

TEST(CreditWindow, FastEngineGetsAboutTwoHundredMicrosecondsOfWork) {
  CreditWindow window(1);
  window.Observe(microseconds(10));
  EXPECT_EQ(window.size(), 20u);
}

TEST(CreditWindow, HasAnUpperBoundPerThread) {
  for (const nanoseconds engine : {nanoseconds(-5), nanoseconds(0), nanoseconds(1)}) {
    CreditWindow window(2);
    window.Observe(engine);
    EXPECT_EQ(window.size(), 2 * CreditWindow::kMost);
  }
}

TEST(CreditWindow, ClosesAtOnceWhenTheEngineGetsSlower) {
  CreditWindow window(1);
  for (int i = 0; i < 1000; ++i) window.Observe(microseconds(1));
  EXPECT_GT(window.size(), 100u);
  window.Observe(milliseconds(10));
  EXPECT_EQ(window.size(), 1u);
}

TEST(CreditWindow, OpensSlowlyWhenTheEngineGetsFaster) {
  CreditWindow window(1);
  window.Observe(milliseconds(10));
  window.Observe(microseconds(1));
  EXPECT_EQ(window.size(), 1u);
  for (int i = 0; i < 1000; ++i) window.Observe(microseconds(1));
  EXPECT_GT(window.size(), 100u);
}

TEST(CreditWindow, OneCallMoreThanThreadsShowsAWorkerThatItMayAddOne) {
  CreditWindow window(1, 3);
  EXPECT_EQ(window.size(), 2u) << "also before anything is known";
  window.Observe(milliseconds(10));
  EXPECT_EQ(window.size(), 2u);
  window.SetThreads(2, 3);
  EXPECT_EQ(window.size(), 3u);
  window.SetThreads(3, 3);
  EXPECT_EQ(window.size(), 3u) << "nothing waits behind a slow call when no thread can come";
}

TEST(Credit, OfADeadProcessIsWorthNothing) {
  Credit credit;
  const uint64_t first = credit.Begin();
  EXPECT_EQ(credit.free(), 0u) << "it does not serve yet";
  credit.Serve(0, 2, 2, 1);
  EXPECT_EQ(credit.Take(), first);
  credit.End();
  EXPECT_FALSE(credit.Take());
  const uint64_t second = credit.Begin();
  credit.Serve(0, 1, 1, 1);
  ASSERT_EQ(credit.Take(), second);
  credit.Return(first);
  EXPECT_EQ(credit.outstanding(), 1u) << "the call of the second is still in it";
  EXPECT_FALSE(credit.OpenSession(first));
}

TEST(Credit, RetiringGetsNothingMoreAndIsEmptyWhenAllHasEnded) {
  Credit credit;
  const uint64_t process = credit.Begin();
  credit.Serve(0, 1, 1, 1);
  ASSERT_TRUE(credit.Take());
  ASSERT_TRUE(credit.OpenSession(process));
  credit.Retire();
  EXPECT_EQ(credit.free(), 0u);
  EXPECT_FALSE(credit.OpenSession(process));
  EXPECT_EQ(credit.load(), 2u);
  credit.Finish(milliseconds(1));
  credit.CloseSessions(1);
  EXPECT_EQ(credit.load(), 0u);
  EXPECT_EQ(credit.served(), 2u);
}

TEST(Credit, CallsThatTheEngineWasNotAskedDoNotMakeItLookFast) {
  Credit credit;
  credit.Begin();
  credit.Serve(0, 1, 1, 1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(credit.Take());
    credit.Finish(std::nullopt);
  }
  EXPECT_EQ(credit.window(), 1u);
}

TEST(Credit, BatcherHoldsTheNextBatchToo) {
  Credit credit;
  credit.Begin();
  credit.Serve(kTraitBatch, 1, 1, 8);
  EXPECT_EQ(credit.free(), 16u);
}

}  // namespace
}  // namespace aiges
