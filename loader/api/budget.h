// SPDX-License-Identifier: Apache-2.0
// loader/api/budget.h: what the loader holds for its clients, counted in one place.
//
// An account counts one kind of thing against one key of aiges.toml. What is held takes a Share of
// it, which goes back with the thing itself, wherever and whenever that is. There are two ways to
// take one: TrySet refuses what does not fit, for what a client only begins; Set does not, for what
// is there already, as an answer: the account may then be over its limit, by no more than what was
// under way, and whoever would add to it asks Full() first. Calls and sessions are counted by the
// scheduler (licences, queue).
// Ownership: the Budget outlives all shares. Threads: accounts are thread-safe, a Share belongs to
// its holder.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "loader/api/settings.h"
#include "loader/base/strings.h"

namespace aiges {

class Account {
 public:
  Account(const char* key, uint64_t limit) : key_(key), limit_(limit) {}

  bool TryTake(uint64_t n) {
    uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used + n > limit()) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    } while (!used_.compare_exchange_weak(used, used + n, std::memory_order_relaxed));
    return true;
  }
  void Take(uint64_t n) { used_.fetch_add(n, std::memory_order_relaxed); }
  void Return(uint64_t n) { used_.fetch_sub(n, std::memory_order_relaxed); }

  // Counts a refusal.
  bool Full() {
    if (used() < limit()) return false;
    refused_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  // More than half is in use: slow peers have had their time.
  bool Short() const { return used() > limit() / 2; }
  // Where the system allows less than the configuration. Before the first share is taken.
  void Lower(uint64_t limit) { limit_.store(std::min(limit, limit_.load())); }

  const char* key() const { return key_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  // What a client is told.
  std::string Text() const { return StrCat("[limits] ", key_, " = ", limit(), " is reached"); }

 private:
  const char* const key_;
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> refused_{0};
};

// Something held. Move-only.
class Share {
 public:
  Share() = default;
  explicit Share(Account* account) : account_(account) {}
  Share(Share&& other) noexcept
      : account_(other.account_), held_(std::exchange(other.held_, uint64_t{0})) {}
  Share& operator=(Share&& other) noexcept {
    if (this == &other) return *this;
    Set(0);
    account_ = other.account_;
    held_ = std::exchange(other.held_, uint64_t{0});
    return *this;
  }
  ~Share() { Set(0); }

  // False: that much does not fit, and what was held still is.
  bool TrySet(uint64_t n) {
    if (n > held_ && account_ != nullptr && !account_->TryTake(n - held_)) return false;
    if (n > held_) held_ = n;
    Set(n);
    return true;
  }
  void Set(uint64_t n) {
    if (account_ == nullptr) return;
    if (n > held_) account_->Take(n - held_);
    if (n < held_) account_->Return(held_ - n);
    held_ = n;
  }
  uint64_t held() const { return held_; }

 private:
  Account* account_ = nullptr;
  uint64_t held_ = 0;
};

struct Budget {
  explicit Budget(const LimitSettings& limits)
      : connections("max_connections", limits.max_connections),
        input("max_input_bytes", limits.input_bytes()),
        output("max_output_bytes", limits.output_bytes()) {}

  Account connections;  // Of clients: HTTP, WebSocket.
  Account input;   // Bytes of requests, from the first that came until the engine has answered.
  Account output;  // Bytes of answers that their clients have not taken.
};

}  // namespace aiges
