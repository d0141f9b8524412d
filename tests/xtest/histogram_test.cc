// SPDX-License-Identifier: Apache-2.0
#include "xtest/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace aiges {
namespace {

constexpr double kPercents[] = {0, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};

// The definition, without buckets.
uint64_t Sorted(const std::vector<uint64_t>& sorted, double percent) {
  const double exact = percent / 100 * static_cast<double>(sorted.size());
  const auto rank = static_cast<size_t>(std::ceil(exact - 1e-9 * exact));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

void ExpectLikeSorted(std::vector<uint64_t> values) {
  Histogram histogram;
  for (const uint64_t v : values) histogram.Add(v);
  std::sort(values.begin(), values.end());
  ASSERT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
  for (const double p : kPercents) {
    const double exact = static_cast<double>(Sorted(values, p));
    const double told = static_cast<double>(histogram.Percentile(p));
    EXPECT_GE(told, exact) << p;  // An upper bound.
    EXPECT_LE(told, exact * 1.001) << p;
  }
}

TEST(Histogram, AgreesWithSortedValuesToThreeDigits) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> usual(13, 2);
  std::uniform_int_distribution<uint64_t> flat(0, 10'000'000'000);
  std::vector<uint64_t> a, b;
  for (int i = 0; i < 100'000; ++i) {
    a.push_back(static_cast<uint64_t>(usual(random)));
    b.push_back(flat(random));
  }
  ExpectLikeSorted(a);
  ExpectLikeSorted(b);
  ExpectLikeSorted({7});
  ExpectLikeSorted({0, 0, 1, 2047, 2048, 2049, 4095, 4096, 4097});
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t v = 1; v <= 1000; ++v) histogram.Add(v);
  EXPECT_EQ(histogram.Percentile(50), 500);
  EXPECT_EQ(histogram.Percentile(99.9), 999);
  EXPECT_EQ(histogram.Percentile(100), 1000);
  EXPECT_EQ(histogram.mean(), 500.5);
  EXPECT_NEAR(histogram.deviation(), 288.675, 0.001);
}

TEST(Histogram, TakesTheLargestValue) {
  Histogram histogram;
  histogram.Add(UINT64_MAX);
  histogram.Add(UINT64_MAX / 2);
  EXPECT_EQ(histogram.Percentile(100), UINT64_MAX);
  ASSERT_EQ(histogram.Buckets().size(), 2);
  EXPECT_EQ(histogram.Buckets()[0].upper, UINT64_MAX / 2);
  EXPECT_EQ(histogram.Buckets()[1].upper, UINT64_MAX);
}

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Percentile(99), 0);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.deviation(), 0);
  EXPECT_TRUE(histogram.Buckets().empty());
}

TEST(Histogram, MergedPartsAreTheWhole) {
  std::mt19937_64 random(2);
  std::exponential_distribution<double> wait(1e-6);
  Histogram whole, merged;
  std::vector<Histogram> parts(7);
  for (int i = 0; i < 50'000; ++i) {
    const auto v = static_cast<uint64_t>(wait(random));
    whole.Add(v);
    parts[random() % parts.size()].Add(v);
  }
  for (const Histogram& part : parts) merged.Merge(part);
  merged.Merge(Histogram{});
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_EQ(merged.min(), whole.min());
  EXPECT_EQ(merged.max(), whole.max());
  EXPECT_NEAR(merged.mean(), whole.mean(), 1e-6 * whole.mean());
  const auto a = merged.Buckets(), b = whole.Buckets();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].upper, b[i].upper);
    EXPECT_EQ(a[i].count, b[i].count);
  }
  for (const double p : kPercents) EXPECT_EQ(merged.Percentile(p), whole.Percentile(p));
}

TEST(Histogram, EveryBucketHoldsItsUpperBoundAndNotTheNext) {
  for (uint64_t v = 1; v < UINT64_MAX / 3; v = v * 3 / 2 + 1) {
    Histogram histogram;
    histogram.Add(v);
    const uint64_t upper = histogram.Buckets()[0].upper;
    ASSERT_GE(upper, v);
    histogram.Add(upper);
    EXPECT_EQ(histogram.Buckets().size(), 1) << v;
    histogram.Add(upper + 1);
    EXPECT_EQ(histogram.Buckets().size(), 2) << v;
  }
}

TEST(Histogram, CountAddsManyAtOnce) {
  Histogram once, many;
  once.Add(123456, 5);
  for (int i = 0; i < 5; ++i) many.Add(123456);
  EXPECT_EQ(once.count(), many.count());
  EXPECT_EQ(once.mean(), many.mean());
  once.Add(1, 0);
  EXPECT_EQ(once.min(), 123456);
}

}  // namespace
}  // namespace aiges
