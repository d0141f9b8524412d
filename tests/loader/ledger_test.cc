// SPDX-License-Identifier: Apache-2.0
// What the watchdog takes for a hung worker, and what not.
#include "loader/instances/ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace aiges {
namespace {

using std::chrono::seconds;
using Kind = SessionEvent::Kind;

class LedgerTest : public ::testing::Test {
 protected:
  TimePoint at(int s) const { return begin_ + seconds(s); }
  int Stuck(int s) const {
    return static_cast<int>(
        std::chrono::duration_cast<seconds>(ledger.WithoutProgress(at(s))).count());
  }
  static SessionEvent Event(Kind kind, unsigned writes = 1) {
    SessionEvent event;
    event.session = 1;
    event.kind = kind;
    event.writes = writes;
    return event;
  }

  Ledger ledger;

 private:
  const TimePoint begin_ = FromNanos(1'000'000'000'000);
};

TEST_F(LedgerTest, QuietIsNotHung) {
  EXPECT_EQ(Stuck(1000), 0);
  ledger.AddCall(1, 0, at(1000));
  EXPECT_EQ(Stuck(1003), 3) << "since the call came, not since the worker was last heard of";
  ASSERT_TRUE(ledger.EndCall(1, true, at(1003)));
  EXPECT_EQ(Stuck(2000), 0);
}

TEST_F(LedgerTest, OneThatWaitsForAnotherModelIsNotHung) {
  ledger.AddCall(1, 0, at(0));
  ASSERT_TRUE(ledger.AddNested(7, at(2)));
  EXPECT_FALSE(ledger.AddNested(7, at(2))) << "twice";
  EXPECT_EQ(Stuck(1000), 0);
  ASSERT_TRUE(ledger.EndNested(7, at(1000)));
  EXPECT_FALSE(ledger.EndNested(7, at(1000)));
  EXPECT_EQ(Stuck(1003), 3) << "since it has its answer";
}

TEST_F(LedgerTest, EveryAnswerStartsTheClockAgain) {
  ledger.AddCall(1, 0, at(0));
  ledger.AddCall(2, 0, at(1));
  ledger.EndCall(1, true, at(5));
  EXPECT_EQ(Stuck(7), 2);
}

TEST_F(LedgerTest, CallThatHasExpiredIsNoProgress) {
  ledger.AddCall(1, 0, at(0));
  ledger.AddCall(2, 0, at(1));
  EXPECT_TRUE(ledger.EndCall(2, false, at(5)));
  EXPECT_EQ(Stuck(7), 7);
}

TEST_F(LedgerTest, WriteAfterAQuietTimeStartsTheClock) {
  ledger.AddSession(1, 5, at(0));
  ledger.On(Event(Kind::kTaken, 0), at(1));
  EXPECT_EQ(Stuck(500), 0) << "an open session that nobody writes to";
  ledger.Write(1, at(500));
  EXPECT_EQ(Stuck(502), 2);
  ledger.On(Event(Kind::kTaken), at(502));
  EXPECT_EQ(Stuck(900), 0);
}

TEST_F(LedgerTest, SlowClientIsNotTheEnginesFault) {
  ledger.AddSession(1, 1, at(0));
  ledger.On(Event(Kind::kItem), at(1));
  EXPECT_EQ(Stuck(500), 0) << "no room for output: the worker may have to wait";
  ledger.Credit(1, 3, at(500));
  EXPECT_EQ(Stuck(501), 1) << "since there is room again";
}

TEST_F(LedgerTest, EndOfASessionIsWorkWhateverItsClientDoes) {
  ledger.AddSession(1, 0, at(0));
  ledger.Close(1, at(100));
  EXPECT_EQ(Stuck(103), 3);
  ledger.On(Event(Kind::kClosed), at(103));
  EXPECT_EQ(Stuck(500), 0);
  EXPECT_FALSE(ledger.Write(1, at(500)));
}

TEST_F(LedgerTest, ResourceThatIsNeverLoadedIsAHang) {
  ledger.AddLoad(at(10));
  EXPECT_EQ(Stuck(15), 5);
  ledger.EndLoad(at(15));
  EXPECT_EQ(Stuck(500), 0);
}

TEST_F(LedgerTest, LoopThatKeepsSilentIsStuckAlsoWithoutACall) {
  ledger.AddCall(1, 0, at(0));
  ledger.Alive(true, at(1));
  EXPECT_EQ(Stuck(500), 499) << "silence of the loop";
  for (int s = 2; s < 500; ++s) ledger.Alive(true, at(s));
  EXPECT_EQ(Stuck(500), 1) << "a call may lie in a loop that turns as long as it wants";
  ledger.EndCall(1, false, at(500));
  EXPECT_EQ(Stuck(520), 21);
}

TEST_F(LedgerTest, LoopDoesNotSpeakForWhatRunsOutsideOfIt) {
  ledger.AddCall(1, 0, at(0));
  for (int s = 1; s <= 30; ++s) ledger.Alive(false, at(s));
  EXPECT_EQ(Stuck(30), 30);
}

TEST_F(LedgerTest, WhatWasNotSentIsTold) {
  ledger.AddCall(1, 0, at(0));
  ledger.AddCall(2, 100, at(0));
  ledger.AddSession(3, 1, at(0));
  const Ledger::Contents contents = ledger.Take(100);
  EXPECT_EQ(contents.calls, std::vector<uint64_t>{1});
  EXPECT_EQ(contents.unsent, std::vector<uint64_t>{2});
  EXPECT_EQ(contents.sessions, std::vector<uint64_t>{3});
  EXPECT_FALSE(ledger.busy());
}

// Whatever happens: time without progress is 0 without work, and never longer than since the work
// met an idle worker or since the last sign of progress.
TEST_F(LedgerTest, NeverBlamesAWorkerForTimeInWhichItHadNothing) {
  std::mt19937 random(20261129);
  const auto draw = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  for (int round = 0; round < 200; ++round) {
    ledger = Ledger();
    int now = 0, fair_since = 0;
    for (int step = 0; step < 200; ++step) {
      now += draw(5);
      const bool idle = !ledger.busy();
      const auto id = static_cast<uint64_t>(draw(3));
      SessionEvent event = Event(static_cast<Kind>(draw(3)), static_cast<unsigned>(draw(2)));
      event.session = id;
      bool progress = false;
      switch (draw(7)) {
        case 0:
          ledger.AddCall(id, 0, at(now));
          break;
        case 1:
          progress = ledger.EndCall(id, true, at(now));
          break;
        case 2:
          ledger.EndCall(id, false, at(now));
          break;
        case 3:
          ledger.AddSession(id, static_cast<unsigned>(draw(2)), at(now));
          break;
        case 4:
          ledger.Write(id, at(now));
          break;
        case 5:
          ledger.Credit(id, 1, at(now));
          break;
        default:
          progress = ledger.On(event, at(now));
          break;
      }
      if (progress || (idle && ledger.busy())) fair_since = now;
      const int later = now + draw(10);
      ASSERT_EQ(Stuck(later), ledger.busy() ? later - fair_since : 0) << round << ", " << step;
    }
  }
}

}  // namespace
}  // namespace aiges
