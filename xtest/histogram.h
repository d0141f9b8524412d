// SPDX-License-Identifier: Apache-2.0
// xtest/histogram.h: a high dynamic range histogram (after Gil Tene's HdrHistogram): counts in
// log-linear buckets, three significant digits over the whole range, no memory per value.
//
// Merging adds counts, so percentiles over threads are exact to the same three digits. Memory is
// taken in blocks as values reach them. Caller synchronises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aiges {

class Histogram {
 public:
  void Add(uint64_t value, uint64_t count = 1);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  uint64_t max() const { return max_; }
  double mean() const;
  double deviation() const;  // Standard deviation.
  // The smallest value that at least this share (0..100) of all values do not exceed, as the upper
  // bound of its bucket, never above max(). 0 when empty.
  uint64_t Percentile(double percent) const;

  struct Bucket {
    uint64_t upper;  // Largest value of the bucket.
    uint64_t count;
  };
  std::vector<Bucket> Buckets() const;  // Those that are not empty, in order.

 private:
  static constexpr int kBits = 11;  // 2048 buckets per power of two: 0.05 %.

  static size_t IndexOf(uint64_t value);
  static uint64_t UpperOf(size_t index);
  void Cover(size_t first, size_t last);

  std::vector<uint64_t> counts_;
  size_t base_ = 0;  // The bucket of counts_[0]: many histograms of one second hold few powers.
  uint64_t count_ = 0, min_ = UINT64_MAX, max_ = 0;
  double sum_ = 0, squares_ = 0;
};

}  // namespace aiges
