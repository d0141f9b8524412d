// SPDX-License-Identifier: Apache-2.0
#include "xtest/pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace aiges {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

const TimePoint kBegin = FromNanos(1'000'000'000);

class HandClock : public Clock {
 public:
  TimePoint Now() const override { return now; }
  TimePoint now = kBegin;
};

Pace Constant(double rate) {
  Pace pace;
  pace.arrival = Arrival::kConstant;
  pace.rate = rate;
  pace.begin = kBegin;
  return pace;
}

double Ms(TimePoint at) { return std::chrono::duration<double, std::milli>(at - kBegin).count(); }

TEST(Pacer, ConstantRateIsExactAfterAMillionCalls) {
  HandClock clock;
  Pacer pacer(Constant(3000), &clock);
  TimePoint last;
  for (int i = 0; i <= 3'000'000; ++i) last = pacer.Take();
  EXPECT_NEAR(Ms(last), 1'000'000, 1e-3);
}

TEST(Pacer, NoPlannedCallIsSkippedWhenAnswersAreLate) {
  HandClock clock;
  Pacer pacer(Constant(100), &clock);
  clock.now += std::chrono::seconds(1);  // A stall: a hundred calls are due.
  for (unsigned i = 0; i < 100; ++i) {
    ASSERT_LE(pacer.Next(i), clock.now) << i;
    EXPECT_NEAR(Ms(pacer.Take()), 10.0 * i, 1e-6);
  }
  EXPECT_NEAR(Ms(pacer.Next(100)), 1000, 1e-6);
  EXPECT_EQ(pacer.held(), 0);
}

TEST(Pacer, BoundHoldsCallsBackAndCountsThem) {
  HandClock clock;
  Pace pace = Constant(100);
  pace.in_flight = 2;
  Pacer pacer(pace, &clock);
  EXPECT_EQ(pacer.Next(2), TimePoint::max());
  clock.now += milliseconds(15);
  EXPECT_EQ(pacer.Next(2), TimePoint::max());
  EXPECT_EQ(pacer.Next(2), TimePoint::max());
  EXPECT_EQ(pacer.held(), 1);  // Once per call.
  EXPECT_EQ(pacer.Next(1), kBegin);
  EXPECT_EQ(pacer.Take(), kBegin);  // Planned as if there were no bound.
  EXPECT_EQ(pacer.Next(2), TimePoint::max());
  EXPECT_EQ(pacer.held(), 2);
}

TEST(Pacer, ThreadsShareAConstantRateEvenly) {
  HandClock clock;
  std::vector<double> all;
  for (unsigned t = 0; t < 3; ++t) {
    Pace pace = Constant(300);
    pace.thread = t;
    pace.threads = 3;
    Pacer pacer(pace, &clock);
    for (int i = 0; i < 100; ++i) all.push_back(Ms(pacer.Take()));
  }
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_NEAR(all[i], 1000.0 / 300 * static_cast<double>(i), 1e-5);
  }
}

TEST(Pacer, PoissonGapsHaveTheMeanAndDeviationOfTheRate) {
  HandClock clock;
  for (unsigned threads : {1u, 4u}) {
    std::vector<double> all;
    for (unsigned t = 0; t < threads; ++t) {
      Pace pace = Constant(1000);
      pace.arrival = Arrival::kPoisson;
      pace.thread = t;
      pace.threads = threads;
      pace.seed = t + 1;
      Pacer pacer(pace, &clock);
      for (double at = 0; at < 100'000; all.push_back(at)) at = Ms(pacer.Take());
    }
    std::sort(all.begin(), all.end());
    double sum = 0, squares = 0;
    for (size_t i = 1; i < all.size(); ++i) {
      const double gap = all[i] - all[i - 1];
      sum += gap;
      squares += gap * gap;
    }
    const double n = static_cast<double>(all.size() - 1);
    EXPECT_NEAR(sum / n, 1, 0.02) << threads;  // 1 ms; and so is the deviation of an exponential.
    EXPECT_NEAR(std::sqrt(squares / n - sum / n * (sum / n)), 1, 0.03) << threads;
  }
}

TEST(Pacer, PoissonIsTheSameForTheSameSeed) {
  HandClock clock;
  Pace pace = Constant(1000);
  pace.arrival = Arrival::kPoisson;
  Pacer a(pace, &clock), b(pace, &clock);
  pace.seed = 2;
  Pacer c(pace, &clock);
  bool other = false;
  for (int i = 0; i < 100; ++i) {
    const TimePoint at = a.Take();
    EXPECT_EQ(at, b.Take());
    other = other || at != c.Take();
  }
  EXPECT_TRUE(other);
}

TEST(Pacer, ClosedLoopSendsWhenOneHasEnded) {
  HandClock clock;
  Pace pace;
  pace.in_flight = 3;
  pace.begin = kBegin;
  Pacer pacer(pace, &clock);
  for (unsigned i = 0; i < 3; ++i) EXPECT_LE(pacer.Next(i), clock.now);
  EXPECT_EQ(pacer.Next(3), TimePoint::max());
  clock.now += milliseconds(7);
  EXPECT_EQ(pacer.Take(), clock.now);  // Its plan is to leave now.
}

TEST(Pacer, ClosedLoopGrowsLinearly) {
  HandClock clock;
  Pace pace;
  pace.in_flight = 10;
  pace.linear_ms = 1000;
  pace.begin = kBegin;
  Pacer pacer(pace, &clock);
  for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(pacer.Next(i), kBegin + milliseconds(100 * i));
  EXPECT_EQ(pacer.Next(10), TimePoint::max());
}

TEST(Pacer, ThreadsShareTheRampInTurn) {
  HandClock clock;
  for (unsigned t = 0; t < 2; ++t) {
    Pace pace;
    pace.in_flight = 5;
    pace.linear_ms = 500;
    pace.thread = t;
    pace.threads = 2;
    pace.begin = kBegin;
    Pacer pacer(pace, &clock);
    EXPECT_EQ(pacer.most(), t == 0 ? 3 : 2);
    EXPECT_EQ(pacer.Next(1), kBegin + milliseconds(100 * (2 + t)));
  }
}

TEST(PaceOf, SweepTakesOneRateAfterTheOther) {
  Plan plan;
  plan.arrival = Arrival::kPoisson;
  plan.rates = {100, 200, 300};
  plan.in_flight = 0;
  plan.threads = 2;
  for (size_t step = 0; step < 3; ++step) {
    const Pace pace = PaceOf(plan, step, 1, kBegin);
    EXPECT_EQ(pace.rate, 100.0 * static_cast<double>(step + 1));
    EXPECT_EQ(pace.arrival, Arrival::kPoisson);
    EXPECT_NE(pace.seed, PaceOf(plan, step, 0, kBegin).seed);
    EXPECT_NE(pace.seed, PaceOf(plan, step + 1, 1, kBegin).seed);
  }
  plan.rates.clear();
  EXPECT_EQ(PaceOf(plan, 0, 0, kBegin).arrival, Arrival::kClosed);
}

}  // namespace
}  // namespace aiges
