// loader/instances/backoff.h: how long to wait before a worker that keeps dying is started again.
//
// The first restart after a quiet time is immediate: a single crash costs only the engine's own
// loading time. Value; caller synchronises.
#pragma once

#include <algorithm>
#include <chrono>

#include "loader/base/clock.h"

namespace aiges {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kLongest{30'000};
  static constexpr std::chrono::seconds kQuiet{60};  // Up for so long: the crash was a single one.

  // The worker that started at `started` has died at `now`.
  Duration Next(TimePoint started, TimePoint now) {
    if (now - started >= kQuiet) failures_ = 0;
    const unsigned n = failures_++;
    if (n == 0) return Duration::zero();
    return std::min<Duration>(kFirst * (1u << std::min(n - 1, 16u)), kLongest);
  }
  unsigned failures() const { return failures_; }

 private:
  unsigned failures_ = 0;
};

}  // namespace aiges
