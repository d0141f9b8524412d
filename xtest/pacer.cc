// SPDX-License-Identifier: Apache-2.0
#include "xtest/pacer.h"

#include <algorithm>

namespace aiges {
namespace {

// This thread's share of something that all threads have together; never 0 unless `all` is.
unsigned Share(unsigned all, unsigned thread, unsigned threads) {
  if (all == 0) return 0;
  return std::max(1u, all / threads + (thread < all % threads ? 1 : 0));
}

}  // namespace

Pace PaceOf(const Plan& plan, size_t step, unsigned thread, TimePoint begin) {
  Pace pace;
  pace.arrival = plan.rates.empty() ? Arrival::kClosed : plan.arrival;
  pace.rate = step < plan.rates.size() ? plan.rates[step] : 0;
  pace.in_flight = plan.in_flight;
  pace.linear_ms = plan.linear_ms;
  pace.thread = thread;
  pace.threads = std::max(1u, plan.threads);
  pace.begin = begin;
  pace.seed = step * 1000 + thread + 1;
  return pace;
}

Pacer::Pacer(const Pace& pace, const Clock* clock)
    : pace_(pace),
      clock_(*clock),
      most_(Share(pace.in_flight, pace.thread, pace.threads)),
      random_(pace.seed),
      gap_(pace.rate > 0 ? pace.rate / pace.threads : 1) {
  if (pace.arrival == Arrival::kClosed) most_ = std::max(1u, most_);
  Advance();
}

// A constant rate is computed from the number of the call, so that errors do not add up.
void Pacer::Advance() {
  if (pace_.arrival == Arrival::kClosed) return;
  if (pace_.arrival == Arrival::kConstant) {
    at_s_ = static_cast<double>(taken_ * pace_.threads + pace_.thread) / pace_.rate;
  } else {
    at_s_ += gap_(random_);  // The sum of Poisson processes is one of the sum of their rates.
  }
  next_ = pace_.begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(at_s_));
}

TimePoint Pacer::Next(unsigned under_way) {
  if (pace_.arrival != Arrival::kClosed) {
    if (most_ == 0 || under_way < most_) return next_;
    if (!holding_ && clock_.Now() >= next_) {
      holding_ = true;
      ++held_;
    }
    return TimePoint::max();
  }
  if (under_way >= most_) return TimePoint::max();
  // Number `under_way` of this thread's share, counted over all threads in turn.
  const uint64_t number = uint64_t{under_way} * pace_.threads + pace_.thread;
  const auto after =
      std::chrono::microseconds(pace_.linear_ms * 1000 * number / std::max(1u, pace_.in_flight));
  return pace_.begin + after;
}

TimePoint Pacer::Take() {
  holding_ = false;
  ++taken_;
  if (pace_.arrival == Arrival::kClosed) return clock_.Now();
  const TimePoint planned = next_;
  Advance();
  return planned;
}

}  // namespace aiges
