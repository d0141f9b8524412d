// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/handles.h: which session has which handle, and which handles had one lately.
//
// A handle of a live session is taken. Those of the last sessions that ended are remembered, for
// the better of two errors. Handles come from clients, so they are hashed with a secret key: each
// look-up takes constant time whatever they are.
// A value without clock and lock: the caller synchronises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "loader/base/keyed_hash.h"

namespace aiges {

class Handles {
 public:
  using Id = uint64_t;
  static constexpr size_t kRemembered = 1000;

  // False: it is that of a live session.
  bool Add(const std::string& handle, Id id) { return live_.try_emplace(handle, id).second; }

  std::optional<Id> Find(const std::string& handle) const {
    const auto found = live_.find(handle);
    return found == live_.end() ? std::nullopt : std::optional(found->second);
  }

  // Its session is over; `remember`: WasReleased says so from now on.
  void Release(const std::string& handle, bool remember) {
    if (live_.erase(handle) == 0 || !remember) return;
    order_.push_back(handle);
    ++released_[handle];
    if (order_.size() <= kRemembered) return;
    const auto oldest = released_.find(order_.front());
    if (--oldest->second == 0) released_.erase(oldest);
    order_.pop_front();
  }

  bool WasReleased(const std::string& handle) const { return released_.count(handle) > 0; }

  size_t live() const { return live_.size(); }

 private:
  std::unordered_map<std::string, Id, KeyedHash> live_;
  std::deque<std::string> order_;                                  // Released, the oldest first.
  std::unordered_map<std::string, unsigned, KeyedHash> released_;  // How often each is in order_.
};

}  // namespace aiges
