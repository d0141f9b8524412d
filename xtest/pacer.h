// SPDX-License-Identifier: Apache-2.0
// xtest/pacer.h: when calls leave. Time comes by the clock given; nothing here waits.
//
// Open loop: the n-th call has its time whatever became of those before it, and is never skipped;
// Pace::in_flight, when it is not 0, holds calls back, which Held() counts. Closed loop: a call
// leaves when fewer are under way than may be; that number grows to in_flight over linear_ms.
// Belongs to one thread.
#pragma once

#include <cstdint>
#include <random>

#include "loader/base/clock.h"
#include "xtest/plan.h"

namespace aiges {

// What one of several client threads has to do in one step of a run.
struct Pace {
  Arrival arrival = Arrival::kClosed;
  double rate = 0;         // Of all threads together.
  unsigned in_flight = 0;  // Of all threads together.
  uint64_t linear_ms = 0;
  unsigned thread = 0, threads = 1;
  TimePoint begin{};
  uint64_t seed = 1;  // Poisson.
};

Pace PaceOf(const Plan& plan, size_t step, unsigned thread, TimePoint begin);

class Pacer {
 public:
  Pacer(const Pace& pace, const Clock* clock);

  // When the next call leaves, with so many of this thread under way; TimePoint::max(): not before
  // one of them has ended.
  TimePoint Next(unsigned under_way);
  // It leaves: its planned time.
  TimePoint Take();
  // Planned sends that the bound on calls in flight has delayed.
  uint64_t held() const { return held_; }
  unsigned most() const { return most_; }  // Calls of this thread under way; 0: no bound.

 private:
  void Advance();

  const Pace pace_;
  const Clock& clock_;
  unsigned most_;
  TimePoint next_;   // Open loop.
  double at_s_ = 0;  // The same as seconds since the beginning.
  uint64_t taken_ = 0;
  uint64_t held_ = 0;
  bool holding_ = false;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_;
};

}  // namespace aiges
