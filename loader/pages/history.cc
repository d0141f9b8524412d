// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/history.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace aiges {

BucketCounts CountsOf(const LatencyHistogram& histogram) {
  BucketCounts counts{};
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = histogram.count(i);
  return counts;
}

double QuantileMs(const BucketCounts& counts, double q) {
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  if (all == 0) return std::numeric_limits<double>::quiet_NaN();
  const double wanted = q * all;
  double below = 0;
  for (size_t i = 0; i < LatencyHistogram::kBounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const double low = i == 0 ? 0 : LatencyHistogram::kBounds[i - 1];
      const double share = (wanted - below) / here;
      return (low + (LatencyHistogram::kBounds[i] - low) * share) * 1e3;
    }
    below += here;
  }
  return LatencyHistogram::kBounds.back() * 1e3;  // Or more: the last bucket has no end.
}

bool History::Due(TimePoint now) const {
  MutexLock lock(mu_);
  return !begun_ || now - at_ >= kPeriod;
}

void History::Add(TimePoint now, int64_t unix_ms, const QueueReport& queue,
                  const SessionsReport& sessions, const LatencyHistogram& total) {
  Counters counters;
  counters.total = CountsOf(total);
  counters.items = sessions.batches;
  for (const auto& [code, count] : queue.answers) {
    counters.calls += count;
    if (code != 0) counters.errors += count;
  }
  for (const auto& [code, count] : sessions.failures) counters.errors += count;
  MutexLock lock(mu_);
  const Counters before = std::exchange(before_, counters);
  const double seconds = std::chrono::duration<double>(now - std::exchange(at_, now)).count();
  if (!std::exchange(begun_, true) || seconds <= 0) return;
  HistorySample s;
  s.unix_ms = unix_ms;
  s.calls = static_cast<double>(counters.calls - before.calls) / seconds;
  s.errors = static_cast<double>(counters.errors - before.errors) / seconds;
  s.items = static_cast<double>(counters.items - before.items) / seconds;
  BucketCounts fresh{};
  for (size_t i = 0; i < fresh.size(); ++i) fresh[i] = counters.total[i] - before.total[i];
  s.p50_ms = QuantileMs(fresh, 0.5);
  s.p99_ms = QuantileMs(fresh, 0.99);
  s.queued = queue.queued;
  s.in_flight = queue.in_flight;
  s.sessions = sessions.open;
  if (samples_.size() == kSamples) {
    samples_.pop_front();
    ++first_;
  }
  samples_.push_back(s);
}

History::Part History::From(uint64_t number) const {
  MutexLock lock(mu_);
  const uint64_t end = first_ + samples_.size();
  Part part;
  part.first = std::min(std::max(number, first_), end);
  const auto skipped = static_cast<ptrdiff_t>(part.first - first_);
  part.samples.assign(samples_.begin() + skipped, samples_.end());
  return part;
}

}  // namespace aiges
