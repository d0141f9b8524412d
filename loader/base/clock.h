// SPDX-License-Identifier: Apache-2.0
// loader/base/clock.h: time as an object, so that the scheduler can be tested without sleeping.
//
// Deadlines are absolute points on CLOCK_MONOTONIC, made once where a call comes in; the same clock
// is read by the workers (same machine), so a deadline crosses the process wall as a number.
#pragma once

#include <chrono>
#include <cstdint>

namespace aiges {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;  // Thread-safe.
};

class SteadyClock : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
};

inline int64_t ToNanos(TimePoint t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}
inline TimePoint FromNanos(int64_t ns) { return TimePoint(std::chrono::nanoseconds(ns)); }

// By the calendar, for what others read: licences, tokens, answers.
inline int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace aiges
