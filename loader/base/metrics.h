// SPDX-License-Identifier: Apache-2.0
// loader/base/metrics.h: counters that cost a few nanoseconds on the hot path.
//
// Writers only do relaxed atomic adds; a reader (the /metrics page) sees each counter on its own,
// so figures of one scrape may differ by the calls in progress. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aiges {

class LatencyHistogram {
 public:
  // Upper bounds in seconds: 10 us to 100 s, three per decade; the last bucket is +Inf.
  static constexpr std::array<double, 22> kBounds = {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3,
                                                     5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1,
                                                     2,    5,    10,   20,   50,   100};

  // The bucket that it counts in.
  size_t Observe(std::chrono::nanoseconds d) {
    const int64_t ns = d.count() < 0 ? 0 : d.count();
    size_t i = 0;
    while (i < kBounds.size() && static_cast<double>(ns) > kBounds[i] * 1e9) ++i;
    counts_[i].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(ns), std::memory_order_relaxed);
    return i;
  }

  // All that another has counted, too.
  void Add(const LatencyHistogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      counts_[i].fetch_add(other.count(i), std::memory_order_relaxed);
    }
    sum_ns_.fetch_add(other.sum_ns_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum_seconds() const {
    return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
  }

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace aiges
