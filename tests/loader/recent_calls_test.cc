// SPDX-License-Identifier: Apache-2.0
#include "loader/api/recent_calls.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace aiges {
namespace {

CallRecord Call(int code, std::string_view id = "id") {
  CallRecord record;
  record.code = code;
  record.id = ShortText<47>(id);
  return record;
}

TEST(RecentCalls, KeepsTheLastOnesInOrder) {
  RecentCalls calls;
  EXPECT_TRUE(calls.Since(0).empty());
  for (size_t i = 0; i < RecentCalls::kKept + 5; ++i) calls.Add(Call(0, std::to_string(i)));
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), RecentCalls::kKept);
  EXPECT_EQ(kept.front().number, 6u);
  EXPECT_EQ(kept.back().number, RecentCalls::kKept + 5);
  EXPECT_EQ(kept.back().id.view(), std::to_string(RecentCalls::kKept + 4));
  EXPECT_EQ(calls.Since(kept.back().number - 2).size(), 2u);
  EXPECT_TRUE(calls.Since(kept.back().number).empty());
}

TEST(RecentCalls, AFloodOfGoodOnesDoesNotPushOutOneThatFailed) {
  RecentCalls calls;
  calls.Add(Call(10909, "bad"));
  for (size_t i = 0; i < 3 * RecentCalls::kKept; ++i) calls.Add(Call(0));
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), RecentCalls::kKept + 1);
  EXPECT_EQ(kept.front().id.view(), "bad");
  EXPECT_EQ(calls.Since(1).size(), RecentCalls::kKept) << "the caller knows it";
}

TEST(RecentCalls, FailedOnesAreToldOnceAndAreBounded) {
  RecentCalls calls;
  for (size_t i = 0; i < 2 * RecentCalls::kKept; ++i) calls.Add(Call(1));
  EXPECT_EQ(calls.Since(0).size(), RecentCalls::kKept);
}

TEST(RecentCalls, LongTextsAreCut) {
  RecentCalls calls;
  calls.Add(Call(0, std::string(1000, 'x')));
  EXPECT_EQ(calls.Since(0).at(0).id.view(), std::string(47, 'x'));
  EXPECT_EQ(ShortText<47>("").view(), "");
}

TEST(RecentCalls, ThreadsAddAndReadTogether) {
  RecentCalls calls;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&calls] {
      for (int i = 0; i < 2000; ++i) {
        calls.Add(Call(i % 2));
        if (i % 100 == 0) calls.Since(0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.Since(0).back().number, 6000u);
}

}  // namespace
}  // namespace aiges
