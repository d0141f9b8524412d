// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/packet_order.h: packets of an ordered session, in the order of their sync_id.
//
// The first packet's sync_id is the base. Older ones than the next are left out, and so is one
// whose number is waiting already; what is missing is waited for until SkipGap. Numbers are
// counted in 64 bits: a client may say any int32, also the last.
// A value without clock and lock: the caller synchronises and bounds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace aiges {

template <class Packet>
class PacketOrder {
 public:
  // Gives the packet back if it is left out.
  std::optional<Packet> Put(int32_t sync_id, Packet packet) {
    if (!next_) next_ = sync_id;
    if (sync_id < *next_ || early_.count(sync_id) > 0) return packet;
    early_.emplace(sync_id, std::move(packet));
    return std::nullopt;
  }

  // The next one in order, if it is there.
  std::optional<Packet> Take() {
    if (early_.empty() || early_.begin()->first != *next_) return std::nullopt;
    ++*next_;
    return std::move(early_.extract(early_.begin()).mapped());
  }

  // What is missing does not come any more: the next is the first that waits.
  void SkipGap() {
    if (!early_.empty()) next_ = early_.begin()->first;
  }

  // Everything that waits, in any case out of order.
  std::map<int64_t, Packet> TakeAll() { return std::exchange(early_, {}); }

  size_t waiting() const { return early_.size(); }

 private:
  std::optional<int64_t> next_;  // None before the first packet.
  std::map<int64_t, Packet> early_;
};

}  // namespace aiges
