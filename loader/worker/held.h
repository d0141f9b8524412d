// SPDX-License-Identifier: Apache-2.0
// loader/worker/held.h: answers of one thread that wait for company, so that those of quick calls
// cross in one write.
//
// Its thread adds to it; the watcher of the runner writes what its thread is too busy to write.
// Thread-safe.
#pragma once

#include <string>

#include "loader/base/mutex.h"
#include "loader/worker/host.h"

namespace aiges {

class HeldAnswers {
 public:
  // Takes all of *frames. Writes what is held when its oldest has waited for longer than most_ns;
  // if that is negative, at once.
  // True: something is held.
  bool Hold(std::string* frames, int64_t now_ns, int64_t most_ns) {
    MutexLock lock(mu_);
    if (held_.empty()) since_ns_ = now_ns;
    if (held_.empty()) {
      held_.swap(*frames);
    } else {
      held_ += *frames;
      frames->clear();
    }
    if (now_ns - since_ns_ > most_ns || held_.size() > kMostBytes) WriteOut();
    return !held_.empty();
  }
  void Flush() {
    MutexLock lock(mu_);
    WriteOut();
  }
  // True: something is held still.
  bool FlushOlder(int64_t most_ns) {
    MutexLock lock(mu_);
    if (!held_.empty() && NowNs() - since_ns_ > most_ns) WriteOut();
    return !held_.empty();
  }

 private:
  static constexpr size_t kMostBytes = 128 * 1024;

  // Under the lock: frames leave in the order in which they were added.
  void WriteOut() REQUIRES(mu_) {
    GetOutbox().Write(held_);
    held_.clear();
  }

  Mutex mu_;
  std::string held_ GUARDED_BY(mu_);
  int64_t since_ns_ GUARDED_BY(mu_) = 0;
};

}  // namespace aiges
