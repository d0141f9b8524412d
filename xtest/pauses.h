// SPDX-License-Identifier: Apache-2.0
// xtest/pauses.h: who wants to be woken, and when. Belongs to one thread.
//
// Deadlines are ours instead of gRPC's: with tens of thousands of calls in flight, its timers, on
// both sides, take longer than the calls, and a server that was slow for a moment never catches up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "loader/base/clock.h"

namespace aiges {

class Sleeper {
 public:
  virtual void Wake(TimePoint now) = 0;  // May come early or for nothing: look at the time.

 protected:
  ~Sleeper() = default;
};

class Pauses {
 public:
  void Add(TimePoint at, Sleeper* who) {
    heap_.emplace_back(at, who);
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  bool empty() const { return heap_.empty(); }
  TimePoint next() const { return heap_.empty() ? TimePoint::max() : heap_.front().first; }

  // Wakes all whose time has come. False when there was none.
  bool Run(TimePoint now) {
    bool any = false;
    while (!heap_.empty() && heap_.front().first <= now) {
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      Sleeper* who = heap_.back().second;
      heap_.pop_back();
      who->Wake(now);
      any = true;
    }
    return any;
  }

 private:
  using Entry = std::pair<TimePoint, Sleeper*>;
  static bool Later(const Entry& a, const Entry& b) { return a.first > b.first; }

  std::vector<Entry> heap_;
};

// Something that may take so long and no longer; each time it does it has another number.
class Expiring {
 public:
  virtual bool Waits(uint64_t number) const = 0;
  virtual void Expire() = 0;  // Only while it waits.

 protected:
  ~Expiring() = default;
};

// All have the same time to wait: first in, first out.
class Deadlines {
 public:
  explicit Deadlines(Duration time) : time_(time) {}

  void Add(TimePoint now, Expiring* who, uint64_t number) {
    queue_.push_back({now + time_, who, number});
  }
  TimePoint next() {
    while (!queue_.empty() && !queue_.front().who->Waits(queue_.front().number)) {
      queue_.pop_front();
    }
    return queue_.empty() ? TimePoint::max() : queue_.front().at;
  }
  // False when no time was up.
  bool Run(TimePoint now) {
    bool any = false;
    for (; next() <= now; any = true) {
      Expiring* who = queue_.front().who;
      queue_.pop_front();
      who->Expire();
    }
    return any;
  }

 private:
  struct Entry {
    TimePoint at;
    Expiring* who;
    uint64_t number;
  };

  const Duration time_;
  std::deque<Entry> queue_;
};

}  // namespace aiges
