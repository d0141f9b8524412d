// SPDX-License-Identifier: Apache-2.0
// loader/front/pace.h: how fast a peer must give or take bytes, so that none holds memory for as
// long as it likes by moving one now and then.
//
// In every window something must move: kRate bytes a second. While the budget is short the window
// is small and the rate high: then the slow ones go, and not those who come next. Belongs to its
// holder's thread; knows no clock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "loader/base/clock.h"
#include "loader/base/random.h"

namespace aiges {

class Pace {
 public:
  static constexpr uint64_t kRate = 1024;  // Bytes a second.
  static constexpr uint64_t kShortRate = 64 * 1024;
  static constexpr std::chrono::seconds kShortWindow{2};

  void Begin(TimePoint now) {
    window_ = short_window_ = now;
    moved_ = short_moved_ = 0;
  }
  // `moved`: bytes since Begin. Called from time to time.
  bool TooSlow(TimePoint now, uint64_t moved, Duration window, bool budget_short) {
    const bool slow = Missed(now, moved, window, kRate, &window_, &moved_);
    const bool slow_for_short = Missed(now, moved, std::min<Duration>(window, kShortWindow),
                                       kShortRate, &short_window_, &short_moved_);
    return slow || (budget_short && slow_for_short);
  }

 private:
  static bool Missed(TimePoint now, uint64_t moved, Duration window, uint64_t rate,
                     TimePoint* begin, uint64_t* before) {
    const Duration out = now - *begin;
    if (out < window) return false;
    const double wanted = static_cast<double>(rate) * std::chrono::duration<double>(out).count();
    if (static_cast<double>(moved - std::min(moved, *before)) < wanted) return true;
    *begin = now;
    *before = moved;
    return false;
  }

  TimePoint window_, short_window_;
  uint64_t moved_ = 0, short_moved_ = 0;
};

// Nine tenths to eleven of it: connections that began together do not end together.
inline Duration WithJitter(Duration age) {
  return age / 10 * 9 + age / 1000 * static_cast<int64_t>(RandomBits() % 201);
}

}  // namespace aiges
