// loader/instances/window.h: how many calls may lie in one worker at a time.
//
// Keeps about kWork of engine time inside a worker: enough that a microsecond engine never waits
// for the next write, little enough that a slow engine holds only the call it runs, so that a
// slow call delays nobody behind it. Follows the measured service time: up at once when the engine
// gets slower, down slowly when it gets faster. Value; caller synchronises.
#pragma once

#include <algorithm>
#include <chrono>

namespace aiges {

class CreditWindow {
 public:
  static constexpr std::chrono::nanoseconds kWork = std::chrono::microseconds(200);
  static constexpr unsigned kMost = 256;

  explicit CreditWindow(unsigned threads) : threads_(threads) {}

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
    if (mean_ns_ <= 0) return threads_;
    const double fit = static_cast<double>(kWork.count()) / mean_ns_;
    return threads_ * static_cast<unsigned>(std::clamp(fit, 1.0, static_cast<double>(kMost)));
  }

 private:
  unsigned threads_;
  unsigned fixed_ = 0;
  double mean_ns_ = 0;
};

}  // namespace aiges
