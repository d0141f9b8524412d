// SPDX-License-Identifier: Apache-2.0
#include "xtest/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace aiges {

// Values below 2^kBits have a bucket of their own. Above, each power of two has 2^(kBits-1)
// buckets: `shift` bits are dropped, so that what stays is in 2^(kBits-1) .. 2^kBits - 1.
size_t Histogram::IndexOf(uint64_t value) {
  const auto width = static_cast<int>(std::bit_width(value));
  if (width <= kBits) return static_cast<size_t>(value);
  const int shift = width - kBits;
  const size_t half = size_t{1} << (kBits - 1);
  return static_cast<size_t>(shift) * half + static_cast<size_t>(value >> shift);
}

uint64_t Histogram::UpperOf(size_t index) {
  const size_t half = size_t{1} << (kBits - 1);
  if (index < 2 * half) return index;
  const size_t shift = index / half - 1;
  const uint64_t kept = index - shift * half;
  // For the last bucket of all, kept + 1 << shift wraps to 0, and 0 - 1 is the largest value.
  return ((kept + 1) << shift) - 1;
}

// Makes place for the buckets first .. last, a power of two at a time so that it settles soon.
void Histogram::Cover(size_t first, size_t last) {
  constexpr size_t kBlock = size_t{1} << (kBits - 1);
  const size_t from = first / kBlock * kBlock, to = (last / kBlock + 1) * kBlock;
  if (counts_.empty()) base_ = from;
  if (from < base_) {
    counts_.insert(counts_.begin(), base_ - from, 0);
    base_ = from;
  }
  if (to > base_ + counts_.size()) counts_.resize(to - base_);
}

void Histogram::Add(uint64_t value, uint64_t count) {
  if (count == 0) return;
  const size_t index = IndexOf(value);
  if (index - base_ >= counts_.size()) Cover(index, index);  // Also when index < base_: it wraps.
  counts_[index - base_] += count;
  count_ += count;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  const double v = static_cast<double>(value), n = static_cast<double>(count);
  sum_ += v * n;
  squares_ += v * v * n;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  Cover(other.base_, other.base_ + other.counts_.size() - 1);
  for (size_t i = 0; i < other.counts_.size(); ++i) {
    counts_[other.base_ - base_ + i] += other.counts_[i];
  }
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  squares_ += other.squares_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double Histogram::deviation() const {
  if (count_ == 0) return 0;
  const double m = mean();
  return std::sqrt(std::max(0.0, squares_ / static_cast<double>(count_) - m * m));
}

uint64_t Histogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100;
  // Against 99.9 % of 1000 values being 999.0000000001 and so the 1000th.
  const double exact = share * static_cast<double>(count_);
  uint64_t wanted = static_cast<uint64_t>(std::ceil(exact - 1e-9 * exact));
  wanted = std::clamp<uint64_t>(wanted, 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(UpperOf(base_ + i), max_);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> result;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] != 0) result.push_back({UpperOf(base_ + i), counts_[i]});
  }
  return result;
}

}  // namespace aiges
