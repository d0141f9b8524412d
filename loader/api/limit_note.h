// SPDX-License-Identifier: Apache-2.0
// loader/api/limit_note.h: what the limits of a caller ([access] limits_file) have said of a call,
// for the head of its answer.
//
// Made with the origin of a request where limits are in force; filled by the gate when a call or
// session that comes of it is let in or refused; read when the answer begins. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"

namespace aiges {

enum class LimitUnit : uint8_t { kCalls, kBytes, kConcurrent, kSessions, kSeconds, kMeter };

// A limit as clients are told of it. Constant once it is in force.
struct LimitShown {
  LimitUnit unit = LimitUnit::kCalls;
  std::string meter;      // Of kMeter: its name.
  std::string units;      // What is counted, in printable ASCII.
  std::string name;       // "calls-1m", "model-tokens-1h": of its own within an answer.
  uint64_t quota = 0;     // In the window, or at one time.
  uint64_t window_s = 0;  // 0: at one time.
};

// How much of one is left.
struct LimitLeft {
  std::shared_ptr<const LimitShown> limit;
  uint64_t quota = 0;  // The share of this loader.
  uint64_t left = 0;
  uint64_t full_s = 0;  // Seconds until all of it is there again.
};

class LimitNote {
 public:
  struct Said {
    std::vector<LimitLeft> limits;     // Empty: none is for this caller.
    std::chrono::milliseconds wait{};  // Of what was refused: when it may come again.
    bool refused = false;
    std::string text;  // Of the refusal.
  };

  void Set(Said said) {
    MutexLock lock(mu_);
    said_ = std::move(said);
  }
  Said Get() const {
    MutexLock lock(mu_);
    return said_;
  }
  bool refused() const {
    MutexLock lock(mu_);
    return said_.refused;
  }

 private:
  mutable Mutex mu_;
  Said said_ GUARDED_BY(mu_);
};

}  // namespace aiges
