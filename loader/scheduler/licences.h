// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/licences.h: [fc] max permissions, shared by once calls and sessions.
//
// Thread-safe. Who took one gives it back when the engine is done with the call or session, not
// when the client has its answer: the licence counts what the engine has in hand.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "loader/base/status.h"
#include "loader/base/strings.h"
#include "loader/scheduler/shares.h"

namespace aiges {

class Licences {
 public:
  // `shares`: of the loader, where it has several models; outlives this.
  explicit Licences(uint64_t max, Shares* shares = nullptr, double weight = 1) : max_(max) {
    if (shares != nullptr) share_.emplace(shares, weight);
  }

  bool Take() {
    if (used_.fetch_add(1, std::memory_order_relaxed) < max() && (!share_ || share_->Take())) {
      return true;
    }
    used_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void Return() {
    used_.fetch_sub(1, std::memory_order_relaxed);
    if (share_) share_->Return();
  }

  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t max() const { return max_.load(std::memory_order_relaxed); }
  // Fewer than are in use: no new ones until enough have come back.
  void SetMax(uint64_t max) { max_.store(max, std::memory_order_relaxed); }
  Status Refusal() const {
    return Status::Error(
        StatusKind::kOverloaded,
        used() >= max() || !share_
            ? StrCat("service license not enough: all ", max(), " of [fc] max are in use")
            : StrCat("service license not enough: this model has its share of [fc] max = ", max(),
                     ", and other models need the rest"));
  }

 private:
  std::atomic<uint64_t> max_;
  std::atomic<uint64_t> used_{0};
  std::optional<Shares::Member> share_;
};

}  // namespace aiges
