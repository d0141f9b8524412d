// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/shares.h: [fc] max over the models of a loader, by weight.
//
// A member that asks for licences has its share of them, max * weight / (the weights of all that
// ask), and beyond that what no other one that asks has a claim to. So a model that is flooded
// takes nothing from its neighbours, and one alone has everything. Who has asked within kActive, or
// holds some, asks. Nothing is taken back: a member that comes again has its share as soon as the
// others' calls end.
// Threads: thread-safe. A Member outlives no Shares.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "loader/base/clock.h"
#include "loader/base/mutex.h"

namespace aiges {

class Shares {
 public:
  static constexpr std::chrono::milliseconds kActive{1000};

  Shares(uint64_t max, const Clock* clock) : max_(max), clock_(*clock) {}

  class Member {
   public:
    Member(Shares* shares, double weight) : shares_(*shares), weight_(weight) {
      MutexLock lock(shares_.mu_);
      shares_.members_.push_back(this);
    }
    ~Member() {
      MutexLock lock(shares_.mu_);
      shares_.total_ -= used_;
      std::erase(shares_.members_, this);
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    bool Take() { return shares_.Take(this); }
    void Return() {
      MutexLock lock(shares_.mu_);
      --used_;
      --shares_.total_;
    }

   private:
    friend class Shares;
    Shares& shares_;
    const double weight_;
    // Under the lock of the shares.
    uint64_t used_ = 0;
    TimePoint asked_{};
  };

  // Fewer than are in use: no new ones until enough have come back.
  void SetMax(uint64_t max) {
    MutexLock lock(mu_);
    max_ = max;
  }

 private:
  bool Take(Member* who) {
    const TimePoint now = clock_.Now();
    MutexLock lock(mu_);
    who->asked_ = now;
    if (total_ >= max_) return false;
    double weights = 0;
    for (const Member* m : members_) weights += Asks(*m, now) ? m->weight_ : 0;
    const auto share = [max = static_cast<double>(max_), weights](const Member& m) {
      return static_cast<uint64_t>(max * m.weight_ / weights);
    };
    if (who->used_ >= share(*who)) {
      uint64_t claimed = 0;  // By others.
      for (const Member* m : members_) {
        if (m == who || !Asks(*m, now)) continue;
        claimed += share(*m) - std::min(share(*m), m->used_);
      }
      if (total_ + claimed >= max_) return false;
    }
    ++who->used_;
    ++total_;
    return true;
  }
  static bool Asks(const Member& m, TimePoint now) {
    return m.used_ > 0 || (m.asked_ != TimePoint{} && now - m.asked_ < kActive);
  }

  Mutex mu_;
  uint64_t max_ GUARDED_BY(mu_);
  uint64_t total_ GUARDED_BY(mu_) = 0;
  std::vector<Member*> members_ GUARDED_BY(mu_);
  const Clock& clock_;
};

}  // namespace aiges
