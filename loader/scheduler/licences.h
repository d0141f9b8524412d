// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/licences.h: [fc] max permissions, shared by once calls and sessions.
//
// Thread-safe. Who took one gives it back when the engine is done with the call or session, not
// when the client has its answer: the licence counts what the engine has in hand.
#pragma once

#include <atomic>
#include <cstdint>

#include "loader/base/status.h"
#include "loader/base/strings.h"

namespace aiges {

class Licences {
 public:
  explicit Licences(uint64_t max) : max_(max) {}

  bool Take() {
    if (used_.fetch_add(1, std::memory_order_relaxed) < max()) return true;
    used_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void Return() { used_.fetch_sub(1, std::memory_order_relaxed); }

  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t max() const { return max_.load(std::memory_order_relaxed); }
  // Fewer than are in use: no new ones until enough have come back.
  void SetMax(uint64_t max) { max_.store(max, std::memory_order_relaxed); }
  Status Refusal() const {
    return Status::Error(StatusKind::kOverloaded, StrCat("service license not enough: all ", max(),
                                                         " of [fc] max are in use"));
  }

 private:
  std::atomic<uint64_t> max_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace aiges
