// SPDX-License-Identifier: Apache-2.0
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
  // Up for so long, or ready for kProven and of use meanwhile: the crash was a single one.
  static constexpr std::chrono::seconds kQuiet{60};
  static constexpr std::chrono::seconds kProven{1};

  // The worker that started at `started` has died at `now`. `served_for`: how long it was ready,
  // 0 if it has not finished a single call.
  Duration Next(TimePoint started, TimePoint now, Duration served_for) {
    if (now - started >= kQuiet || served_for >= kProven) failures_ = 0;
    const unsigned n = failures_++;
    if (n == 0) return Duration::zero();
    return std::min<Duration>(kFirst * (1u << std::min(n - 1, 16u)), kLongest);
  }
  unsigned failures() const { return failures_; }

 private:
  unsigned failures_ = 0;
};

}  // namespace aiges
