// SPDX-License-Identifier: Apache-2.0
// xtest/picker.h: which of several loaders gets the next call.
//
// Two are drawn by weight; the one with fewer calls in hand for its weight gets it (Mitzenmacher,
// "The Power of Two Choices in Randomized Load Balancing", 2001; the score (in hand + 1) / weight
// is that of Envoy's least request balancer). A host that failed kFailures times in a row is out
// for a while, longer each time; when more than half would be out, none is. sdk/aiges/balance
// follows the same rules. Caller synchronises; time only by the argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "loader/base/clock.h"

namespace aiges {

struct Peer {
  std::string address;  // host:port.
  unsigned weight = 1;
};

class Picker {
 public:
  static constexpr int kFailures = 3;
  static constexpr std::chrono::seconds kOut{1};          // Doubled each time,
  static constexpr std::chrono::seconds kLongestOut{30};  // up to this.

  explicit Picker(std::vector<Peer> hosts, uint64_t seed = std::random_device{}());

  // The index of a host; it has one more call in hand until Done. `not_this`: one that has just
  // refused. Empty when there is none.
  std::optional<size_t> Pick(TimePoint now, std::optional<size_t> not_this = std::nullopt);
  // `failed`: the host did not answer, as opposed to answering with an error of its engine.
  void Done(size_t host, bool failed, TimePoint now);

  const Peer& host(size_t i) const { return hosts_[i].host; }
  size_t size() const { return hosts_.size(); }
  unsigned in_hand(size_t i) const { return hosts_[i].in_hand; }

 private:
  struct State {
    Peer host;
    unsigned in_hand = 0;
    int failures = 0;  // In a row.
    int ejections = 0;
    TimePoint out_until{};
  };

  void MakeTable();
  size_t Draw();
  size_t Better(size_t a, size_t b) const;

  std::vector<State> hosts_;
  std::mt19937_64 random_;
  size_t out_ = 0;  // Hosts with out_until in the future, as last counted.
  TimePoint recount_{};
  // Vose's alias method: a weighted draw with one random number.
  std::vector<uint64_t> keep_;
  std::vector<size_t> alias_;
};

}  // namespace aiges
