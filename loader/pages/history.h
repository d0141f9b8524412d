// SPDX-License-Identifier: Apache-2.0
// loader/pages/history.h: the last minutes of the loader, a sample a second, for the status page.
//
// Samples are differences of the counters that exist anyway, so calls pay nothing for them. The
// memory is fixed. A page opened now shows what was before; a page that is open asks for what it
// does not have yet. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "loader/api/report.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"

namespace aiges {

using BucketCounts = std::array<uint64_t, LatencyHistogram::kBounds.size() + 1>;
BucketCounts CountsOf(const LatencyHistogram& histogram);
// What the share q of the times is below, in ms: linear inside a bucket, so good to about the
// bucket's width. NaN without times.
double QuantileMs(const BucketCounts& counts, double q);

struct HistorySample {
  int64_t unix_ms = 0;            // Its end.
  double calls = 0, errors = 0;   // Per second: once calls answered; failed calls and sessions.
  double items = 0;               // Per second: session outputs given to clients.
  double p50_ms = 0, p99_ms = 0;  // Of the calls answered in it, from arrival; NaN without calls.
  uint64_t queued = 0, in_flight = 0, sessions = 0;  // At its end.
};

class History {
 public:
  static constexpr size_t kSamples = 300;
  static constexpr std::chrono::milliseconds kPeriod{1000};

  // A period has passed since the last sample.
  bool Due(TimePoint now) const;
  // The first one only starts the differences. `unix_ms`: the same moment for people.
  void Add(TimePoint now, int64_t unix_ms, const QueueReport& queue, const SessionsReport& sessions,
           const LatencyHistogram& total);

  struct Part {
    uint64_t first = 0;  // Number of the first sample; they count from 1.
    std::vector<HistorySample> samples;
  };
  // The samples that are kept from that number on.
  Part From(uint64_t number) const;

 private:
  struct Counters {
    uint64_t calls = 0, errors = 0, items = 0;
    BucketCounts total{};
  };

  mutable Mutex mu_;
  bool begun_ GUARDED_BY(mu_) = false;
  TimePoint at_ GUARDED_BY(mu_);
  Counters before_ GUARDED_BY(mu_);
  uint64_t first_ GUARDED_BY(mu_) = 1;
  std::deque<HistorySample> samples_ GUARDED_BY(mu_);
};

}  // namespace aiges
