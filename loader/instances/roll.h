// SPDX-License-Identifier: Apache-2.0
// loader/instances/roll.h: which worker is replaced next, and when the new one takes its place.
//
// An instance is a seat with two places, of which one serves; the other is for its replacement.
// Recycling replaces one seat at a time, as soon as its new worker is up. A reload is all or
// nothing: the new workers of all seats are started, one after the other, and stand by; when the
// last is up all take their places at once, and when one does not come up, or goes meanwhile, all
// are dropped and no seat has changed. So for its time there is room for twice the workers.
//
// A value that is told what happens and answers with what is to be done; it knows no process and
// no clock. Threads: caller synchronises (the hub thread).
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace aiges {

class Roll {
 public:
  // What is to be done now, in this order. A number is a seat; `start` and `drop` mean its spare
  // place, and so does what swap leaves there: when it is empty again, OnEmpty is told.
  struct Step {
    std::vector<size_t> swap;     // The new worker takes over, the old one is to leave.
    std::vector<size_t> drop;     // The new worker is ended; it has served nobody.
    std::optional<size_t> start;  // A new worker is started.
    bool reloaded = false;        // The reload is complete.
    bool failed = false;          // The reload, or the replacement of a seat, has come to nothing.
  };

  bool reloading() const { return reload_; }
  // Nothing is replaced, and nothing that was replaced is left.
  bool idle() const { return !reload_ && !starting_ && waiting_.empty() && leaving_.empty(); }

  // All of `seats` seats. Not while a reload is running; a recycling under way becomes part of it.
  Step Reload(size_t seats) {
    Step step;
    reload_ = true;
    if (starting_) Drop(*std::exchange(starting_, std::nullopt), &step);  // It has old settings.
    waiting_.clear();
    for (size_t seat = 0; seat < seats; ++seat) waiting_.push_back(seat);
    return Next(std::move(step));
  }
  // Nothing happens unless idle: one seat is replaced at a time.
  Step Recycle(size_t seat) {
    if (!idle()) return {};
    waiting_.push_back(seat);
    return Next({});
  }

  // The new worker of a seat is up.
  Step OnUp(size_t seat) {
    if (seat != starting_) return {};
    starting_.reset();
    Step step;
    standing_by_.push_back(seat);
    if (reload_ && !waiting_.empty()) return Next(std::move(step));
    step.swap = std::exchange(standing_by_, {});
    leaving_.insert(step.swap.begin(), step.swap.end());
    step.reloaded = std::exchange(reload_, false);
    return step;
  }
  // The spare place of a seat is empty: what had to leave has left, or the new worker has gone or
  // could not be started.
  Step OnEmpty(size_t seat) {
    if (leaving_.erase(seat) > 0) return Next({});
    const bool stood_by = std::erase(standing_by_, seat) > 0;
    if (seat == starting_) {
      starting_.reset();
    } else if (!stood_by) {
      return {};
    }
    return Fail();
  }
  // No more replacements; a reload that runs has failed.
  Step Stop() { return Fail(); }

 private:
  void Drop(size_t seat, Step* step) {
    step->drop.push_back(seat);
    leaving_.insert(seat);
  }
  // Begins with the next seat whose spare place is free, unless one is under way.
  Step Next(Step step) {
    if (starting_) return step;
    const auto free = std::find_if(waiting_.begin(), waiting_.end(),
                                   [this](size_t seat) { return leaving_.count(seat) == 0; });
    if (free == waiting_.end()) return step;
    step.start = starting_ = *free;
    waiting_.erase(free);
    return step;
  }
  Step Fail() {
    Step step;
    step.failed = true;
    for (const size_t seat : std::exchange(standing_by_, {})) Drop(seat, &step);
    if (starting_) Drop(*std::exchange(starting_, std::nullopt), &step);
    waiting_.clear();
    reload_ = false;
    return step;
  }

  bool reload_ = false;
  std::vector<size_t> waiting_;      // Seats that are still to be begun.
  std::optional<size_t> starting_;   // The one whose new worker is on its way up.
  std::vector<size_t> standing_by_;  // Those whose new worker is up, in a reload.
  std::set<size_t> leaving_;         // Those with a worker that is on its way out.
};

}  // namespace aiges
