// SPDX-License-Identifier: Apache-2.0
// loader/api/exemplars.h: for each bucket of a latency histogram one call that fell into it, by its
// trace, so that a graph leads to what was slow (OpenMetrics 1.0, "Exemplars").
//
// Thread-safe. Only calls of sampled traces come here, so a lock costs the others nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "loader/base/metrics.h"
#include "loader/base/mutex.h"
#include "loader/base/trace_context.h"

namespace aiges {

struct Exemplar {
  TraceContext trace;  // Not valid: there is none.
  std::chrono::nanoseconds value{0};
  std::chrono::system_clock::time_point at;
};

class Exemplars {
 public:
  using Buckets = std::array<Exemplar, LatencyHistogram::kBounds.size() + 1>;

  // `bucket`: what Observe of the histogram has said.
  void Observe(size_t bucket, const TraceContext& trace, std::chrono::nanoseconds value) {
    const auto now = std::chrono::system_clock::now();
    MutexLock lock(mu_);
    Exemplar& e = buckets_[bucket];
    e.trace = trace;
    e.trace.state.clear();
    e.value = value;
    e.at = now;
  }
  // Of each bucket the newer one.
  void Add(const Exemplars& other) {
    const Buckets theirs = other.Now();
    MutexLock lock(mu_);
    for (size_t i = 0; i < buckets_.size(); ++i) {
      if (theirs[i].trace.valid() && theirs[i].at >= buckets_[i].at) buckets_[i] = theirs[i];
    }
  }
  Buckets Now() const {
    MutexLock lock(mu_);
    return buckets_;
  }

 private:
  mutable Mutex mu_;
  Buckets buckets_ GUARDED_BY(mu_);
};

}  // namespace aiges
