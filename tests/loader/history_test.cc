// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/history.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HistoryTest : public ::testing::Test {
 protected:
  void Add(Duration later) {
    now += later;
    history.Add(now, ToNanos(now) / 1'000'000, queue, sessions, total);
  }

  TimePoint now = FromNanos(1'000'000'000);
  QueueReport queue;
  SessionsReport sessions;
  LatencyHistogram total;
  History history;
};

TEST_F(HistoryTest, SampleIsTheDifferencePerSecond) {
  queue.answers = {{0, 1000}};
  Add(seconds(0));
  EXPECT_TRUE(history.From(0).samples.empty()) << "the first look has nothing to compare with";
  queue.answers = {{0, 1090}, {10909, 10}};
  queue.queued = 3;
  queue.in_flight = 7;
  sessions.failures = {{10109, 4}};
  sessions.batches = 50;
  sessions.open = 2;
  Add(seconds(2));
  const auto part = history.From(0);
  ASSERT_EQ(part.samples.size(), 1u);
  const HistorySample& s = part.samples[0];
  EXPECT_EQ(part.first, 1u);
  EXPECT_DOUBLE_EQ(s.calls, 50);
  EXPECT_DOUBLE_EQ(s.errors, 7);
  EXPECT_DOUBLE_EQ(s.items, 25);
  EXPECT_EQ(s.queued, 3u);
  EXPECT_EQ(s.in_flight, 7u);
  EXPECT_EQ(s.sessions, 2u);
  EXPECT_EQ(s.unix_ms, 3000);
  EXPECT_TRUE(std::isnan(s.p50_ms)) << "no call, no latency";
}

TEST_F(HistoryTest, PercentilesAreThoseOfTheLastPeriodOnly) {
  for (int i = 0; i < 1000; ++i) total.Observe(seconds(15));
  Add(seconds(0));
  for (int i = 0; i < 99; ++i) total.Observe(milliseconds(4));
  total.Observe(milliseconds(80));
  Add(seconds(1));
  const HistorySample s = history.From(0).samples.at(0);
  EXPECT_GT(s.p50_ms, 2);
  EXPECT_LE(s.p50_ms, 5) << "4 ms lies in the bucket from 2 to 5";
  EXPECT_LE(s.p99_ms, 5) << "99 of 100";
}

TEST_F(HistoryTest, IsDueOncePerPeriod) {
  EXPECT_TRUE(history.Due(now));
  Add(seconds(0));
  EXPECT_FALSE(history.Due(now + milliseconds(999)));
  EXPECT_TRUE(history.Due(now + History::kPeriod));
}

TEST_F(HistoryTest, OldSamplesGoAndNumbersStay) {
  for (size_t i = 0; i < History::kSamples + 21; ++i) {
    queue.answers[0] += i;
    Add(seconds(1));
  }
  const auto all = history.From(0);
  EXPECT_EQ(all.samples.size(), History::kSamples);
  EXPECT_EQ(all.first, 21u);
  const auto rest = history.From(all.first + 298);
  ASSERT_EQ(rest.samples.size(), 2u);
  EXPECT_EQ(rest.samples[1].calls, all.samples.back().calls);
  EXPECT_EQ(history.From(321).first, 321u);
  EXPECT_TRUE(history.From(321).samples.empty());
  EXPECT_TRUE(history.From(UINT64_MAX).samples.empty()) << "a number of another process";
}

TEST(Quantile, IsLinearInsideABucketAndBoundedAtTheEnd) {
  BucketCounts counts{};
  EXPECT_TRUE(std::isnan(QuantileMs(counts, 0.5)));
  counts[6] = 100;  // 0.5 to 1 ms.
  EXPECT_DOUBLE_EQ(QuantileMs(counts, 0.5), 0.75);
  EXPECT_DOUBLE_EQ(QuantileMs(counts, 1), 1);
  counts = {};
  counts.back() = 1;
  EXPECT_DOUBLE_EQ(QuantileMs(counts, 0.99), 100'000);
}

}  // namespace
}  // namespace aiges
