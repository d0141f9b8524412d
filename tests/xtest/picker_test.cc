// SPDX-License-Identifier: Apache-2.0
#include "xtest/picker.h"

#include <gtest/gtest.h>

#include <set>

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{seconds(1000)};

std::vector<Peer> Hosts(std::vector<unsigned> weights) {
  std::vector<Peer> hosts;
  for (size_t i = 0; i < weights.size(); ++i) {
    hosts.push_back({"10.0.0." + std::to_string(i) + ":1", weights[i]});
  }
  return hosts;
}

void Fail(Picker& picker, size_t host, TimePoint now) {
  for (int failures = 0; failures < Picker::kFailures;) {
    const size_t i = *picker.Pick(now);
    picker.Done(i, i == host, now);
    failures += i == host ? 1 : 0;
  }
}

TEST(Picker, CallsInHandAreSharedByWeight) {
  Picker picker(Hosts({1, 2, 5}), 1);
  for (int i = 0; i < 800; ++i) ASSERT_TRUE(picker.Pick(kStart).has_value());
  EXPECT_NEAR(picker.in_hand(0), 100, 15);
  EXPECT_NEAR(picker.in_hand(1), 200, 15);
  EXPECT_NEAR(picker.in_hand(2), 500, 15);
}

TEST(Picker, IdleHostsAreDrawnByWeight) {
  Picker picker(Hosts({1, 3}), 2);
  int second = 0;
  for (int i = 0; i < 10'000; ++i) {
    const size_t host = *picker.Pick(kStart);
    second += host == 1 ? 1 : 0;
    picker.Done(host, false, kStart);
  }
  // Two draws, the heavier of unequal ones: 1 - (1/4)^2.
  EXPECT_NEAR(second, 9375, 150);
}

TEST(Picker, SlowHostGetsFewerCalls) {
  Picker picker(Hosts({1, 1}), 3);
  for (int i = 0; i < 50; ++i) {  // Host 0 never answers.
    const size_t host = *picker.Pick(kStart);
    if (host == 1) picker.Done(1, false, kStart);
  }
  EXPECT_LE(picker.in_hand(0), 20u);
}

TEST(Picker, HostThatFailsIsOutAndComesBack) {
  Picker picker(Hosts({1, 1, 1}), 4);
  Fail(picker, 1, kStart);
  for (int i = 0; i < 100; ++i) {
    const size_t host = *picker.Pick(kStart + milliseconds(999));
    EXPECT_NE(host, 1u);
    picker.Done(host, false, kStart);
  }
  std::set<size_t> seen;
  for (int i = 0; i < 100; ++i) {
    const size_t host = *picker.Pick(kStart + seconds(1));
    seen.insert(host);
    picker.Done(host, false, kStart);
  }
  EXPECT_EQ(seen.count(1), 1u);
}

TEST(Picker, SecondTimeOutIsLonger) {
  Picker picker(Hosts({1, 1, 1}), 5);
  Fail(picker, 1, kStart);
  const TimePoint again = kStart + seconds(2);
  Fail(picker, 1, again);
  for (int i = 0; i < 100; ++i) {
    const size_t host = *picker.Pick(again + milliseconds(1900));
    EXPECT_NE(host, 1u);
    picker.Done(host, false, again);
  }
}

TEST(Picker, WhenMoreThanHalfAreOutNoneIs) {
  Picker picker(Hosts({1, 1, 1}), 6);
  Fail(picker, 0, kStart);
  Fail(picker, 1, kStart);
  std::set<size_t> seen;
  for (int i = 0; i < 100; ++i) {
    const size_t host = *picker.Pick(kStart);
    seen.insert(host);
    picker.Done(host, false, kStart);
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(Picker, RetryGoesElsewhere) {
  Picker picker(Hosts({1, 1000}), 7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*picker.Pick(kStart, 1), 0u);
  EXPECT_FALSE(Picker(Hosts({1}), 1).Pick(kStart, 0).has_value());
  EXPECT_FALSE(Picker({}, 1).Pick(kStart).has_value());
}

}  // namespace
}  // namespace aiges
