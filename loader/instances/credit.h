// SPDX-License-Identifier: Apache-2.0
// loader/instances/credit.h: which process of a place is the present one, and what it may still be
// given.
//
// A generation names one process: credit that was taken from a process which died meanwhile is
// worth nothing, and returning it changes nothing. Calls count from the moment their credit is
// taken, before they are sent, and sessions from before their first frame is: who waits until a
// process is empty waits for those on the way too.
//
// Value; caller synchronises.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "loader/channel/frame.h"
#include "loader/instances/window.h"

namespace aiges {

class Credit {
 public:
  // A new process, which serves nobody yet. Returns its generation.
  uint64_t Begin() {
    End();
    served_ = 0;
    return generation_;
  }
  // The process is gone, and with it all that was in it.
  void End() {
    ++generation_;
    serves_ = false;
    outstanding_ = sessions_ = 0;
    window_ = CreditWindow(1);
  }
  // `door_calls`: of an engine with doors, that may lie in it.
  void Serve(uint32_t traits, unsigned threads, unsigned most_threads, unsigned batch_size,
             unsigned door_calls = 1) {
    window_ = CreditWindow(threads, most_threads);
    if ((traits & kTraitAsyncOnce) != 0) window_.Fix(CreditWindow::kMost);
    if ((traits & kTraitDoors) != 0) window_.Fix(door_calls);
    // One batch runs, and one waits that runs next.
    if ((traits & kTraitBatch) != 0) window_.Fix(2 * batch_size * threads);
    serves_ = true;
  }
  // It finishes what it has and gets nothing more.
  void Retire() { serves_ = false; }
  void SetThreads(unsigned threads, unsigned most_threads) {
    window_.SetThreads(threads, most_threads);
  }

  unsigned free() const {
    const unsigned window = window_.size();
    return serves_ && window > outstanding_ ? window - outstanding_ : 0;
  }
  std::optional<uint64_t> Take() {
    if (free() == 0) return std::nullopt;
    ++outstanding_;
    return generation_;
  }
  void Return(uint64_t generation) {
    if (generation == generation_) outstanding_ -= std::min(outstanding_, 1u);
  }
  // Of the present process. `engine`: the time in it; nothing if it was not asked.
  void Finish(std::optional<std::chrono::nanoseconds> engine) {
    outstanding_ -= std::min(outstanding_, 1u);
    ++served_;
    if (engine) window_.Observe(*engine);
  }

  bool OpenSession(uint64_t generation) {
    if (!serves_ || generation != generation_) return false;
    ++sessions_;
    return true;
  }
  // It was not sent.
  void GiveUpSession(uint64_t generation) {
    if (generation == generation_) sessions_ -= std::min(sessions_, 1u);
  }
  void CloseSessions(unsigned count) {
    sessions_ -= std::min(sessions_, count);
    served_ += count;
  }

  uint64_t generation() const { return generation_; }
  bool serves() const { return serves_; }
  unsigned outstanding() const { return outstanding_; }
  unsigned load() const { return outstanding_ + sessions_; }
  // Calls and sessions that this process, or the last one, has finished.
  uint64_t served() const { return served_; }
  unsigned window() const { return window_.size(); }

 private:
  uint64_t generation_ = 0;
  bool serves_ = false;
  unsigned outstanding_ = 0, sessions_ = 0;
  uint64_t served_ = 0;
  CreditWindow window_{1};
};

}  // namespace aiges
