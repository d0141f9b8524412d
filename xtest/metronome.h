// SPDX-License-Identifier: Apache-2.0
// xtest/metronome.h: wakes a thread that waits for something else, to the microsecond. gRPC's own
// waits count in milliseconds; looking at the clock all the time would take a core from the server,
// and on a busy machine the system puts a thread that does so behind all others.
//
// Ring and the constructor belong to one thread. The bell rings on another, at most once per Ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "loader/base/clock.h"

namespace aiges {

class Metronome {
 public:
  explicit Metronome(std::function<void()> bell);
  ~Metronome();
  // Rings at `at` instead of whenever it was to ring before. Never earlier than the last time that
  // was asked for, unless that has rung.
  void Ring(TimePoint at);

 private:
  void Run();

  const std::function<void()> bell_;
  std::atomic<int64_t> at_ns_;
  std::thread thread_;
};

// To the microsecond, once the thread's timer slack is that small (PreciseTimers).
void SleepUntil(TimePoint at);
// For the calling thread: sleeps end when they should instead of 50 us later.
void PreciseTimers();

}  // namespace aiges
