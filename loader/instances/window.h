// SPDX-License-Identifier: Apache-2.0
// loader/instances/window.h: how many calls may lie in one worker at a time.
//
// Keeps so much in a worker that it never waits for the next write, and so little that a slow call
// delays nobody behind it: about kWork of engine time a thread, but two calls where an engine takes
// up to kSlow (while one is answered, the next one runs) and one where it takes longer. Follows the
// measured time: up at once when the engine gets slower, down slowly when it gets faster.
//
// Threads. A worker that can add threads does so when a call waits in it (channel/frame.h), so
// while it has fewer than the most, one call more than threads lies in it, for kThreadWait at most.
//
// Value; caller synchronises.
#pragma once

#include <algorithm>
#include <chrono>

namespace aiges {

class CreditWindow {
 public:
  static constexpr std::chrono::nanoseconds kWork = std::chrono::microseconds(200);
  static constexpr std::chrono::nanoseconds kSlow = std::chrono::milliseconds(2);
  static constexpr unsigned kMost = 256;  // A thread.

  explicit CreditWindow(unsigned threads, unsigned most_threads = 0) {
    SetThreads(threads, most_threads);
  }
  void SetThreads(unsigned threads, unsigned most_threads) {
    threads_ = std::max(threads, 1u);
    grows_ = most_threads > threads_;
  }

  // The time that one call took in the engine. Not of a call that the engine was not asked.
  void Observe(std::chrono::nanoseconds engine) {
    const auto sample = static_cast<double>(std::max<long long>(engine.count(), 100));
    if (mean_ns_ <= 0) {
      mean_ns_ = sample;
    } else {
      mean_ns_ += (sample - mean_ns_) * (sample > mean_ns_ ? 0.5 : 1.0 / 32);
    }
  }

  // For engines whose work in a worker does not show in the time of one call.
  void Fix(unsigned size) { fixed_ = size; }

  // Before anything is known: one call a thread.
  unsigned size() const {
    if (fixed_ > 0) return fixed_;
    const bool slow = mean_ns_ <= 0 || mean_ns_ > static_cast<double>(kSlow.count());
    if (slow) return threads_ + (grows_ ? 1 : 0);
    const double fit = static_cast<double>(kWork.count()) / mean_ns_;
    return threads_ * static_cast<unsigned>(std::clamp(fit, 2.0, static_cast<double>(kMost)));
  }

 private:
  unsigned threads_ = 1;
  bool grows_ = false;  // It can have more threads than it has.
  unsigned fixed_ = 0;
  double mean_ns_ = 0;
};

}  // namespace aiges
