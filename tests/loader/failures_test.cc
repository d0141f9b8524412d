// SPDX-License-Identifier: Apache-2.0
#include "loader/api/failures.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace aiges {
namespace {

FailureEvent Call(int code, std::string_view text, std::string_view sid = "s",
                  std::string_view detail = {}) {
  return {FailureKind::kCall, code, 0, sid, text, detail};
}

TEST(RecentFailures, SameWordsAreOneEntryWithTheNewestSidAndDetail) {
  RecentFailures failures;
  failures.Add(Call(10909, "bad", "first", "old trace"));
  failures.Add(Call(10102, "late"));
  failures.Add(Call(10909, "bad", "second", "new trace"));
  const auto all = failures.Since(0);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].text, "late") << "the newest event is the last";
  EXPECT_EQ(all[1].count, 2u);
  EXPECT_EQ(all[1].sid, "second");
  EXPECT_EQ(all[1].detail, "new trace");
  EXPECT_LT(all[1].id, all[0].id);
}

TEST(RecentFailures, DeathsOfTwoWorkersAreTwoEntriesAndCallsInThemAreOne) {
  RecentFailures failures;
  for (const int instance : {0, 1}) {
    failures.Add({FailureKind::kWorker, 0, instance, {}, "died"});
    failures.Add({FailureKind::kCall, 10909, instance, {}, "bad"});
  }
  const auto all = failures.Since(0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].count, 2u);
  EXPECT_EQ(all[2].instance, 1) << "of the newest";
}

TEST(RecentFailures, SinceGivesOnlyWhatHasChanged) {
  RecentFailures failures;
  failures.Add(Call(1, "a"));
  failures.Add(Call(2, "b"));
  const uint64_t seen = failures.Since(0).back().change;
  EXPECT_TRUE(failures.Since(seen).empty());
  failures.Add(Call(1, "a"));
  const auto fresh = failures.Since(seen);
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0].text, "a");
  EXPECT_TRUE(failures.Since(fresh[0].change).empty());
}

TEST(RecentFailures, FloodOfOneKindLeavesTheOthers) {
  RecentFailures failures;
  failures.Add({FailureKind::kWorker, 0, 1, {}, "died: exit status 3", "last words\n"});
  for (int i = 0; i < 1000; ++i) failures.Add(Call(10110, "busy " + std::to_string(i)));
  const auto all = failures.Since(0);
  EXPECT_EQ(all.size(), RecentFailures::kEntries + 1);
  EXPECT_EQ(all.front().kind, FailureKind::kWorker);
  EXPECT_EQ(all.front().detail, "last words\n");
  EXPECT_EQ(all.back().text, "busy 999");
}

TEST(RecentFailures, TextsAreCutAndLongOnesStillFoundAgain) {
  RecentFailures failures;
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 2; ++i) failures.Add(Call(1, large, large, large));
  const auto all = failures.Since(0);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].count, 2u);
  EXPECT_EQ(all[0].text.size(), RecentFailures::kMostText);
  EXPECT_EQ(all[0].detail.size(), RecentFailures::kMostDetail);
  EXPECT_EQ(all[0].sid.size(), RecentFailures::kMostSid);
}

TEST(RecentFailures, ThreadsAddAndReadAtTheSameTime) {
  RecentFailures failures;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&failures, t] {
      for (int i = 0; i < 500; ++i) {
        failures.Add(Call(t, std::to_string(i % 10)));
        (void)failures.Since(0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t count = 0;
  for (const Failure& f : failures.Since(0)) count += f.count;
  EXPECT_EQ(count, 2000u);
}

}  // namespace
}  // namespace aiges
