// SPDX-License-Identifier: Apache-2.0
#include "xtest/picker.h"

#include <algorithm>
#include <utility>

namespace aiges {
namespace {

constexpr int kTries = 8;  // Draws that may hit a host that is out.

}  // namespace

Picker::Picker(std::vector<Peer> hosts, uint64_t seed) : random_(seed) {
  for (Peer& host : hosts) {
    host.weight = std::max(host.weight, 1u);
    hosts_.push_back({std::move(host)});
  }
  MakeTable();
}

// Each cell of the table keeps its own host for the first keep_[i] of 2^32 values, and gives the
// rest to alias_[i].
void Picker::MakeTable() {
  const size_t n = hosts_.size();
  double sum = 0;
  for (const State& s : hosts_) sum += s.host.weight;
  keep_.assign(n, uint64_t{1} << 32);
  alias_.resize(n);
  std::vector<double> share(n);
  std::vector<size_t> small, large;
  for (size_t i = 0; i < n; ++i) {
    alias_[i] = i;
    share[i] = hosts_[i].host.weight * static_cast<double>(n) / sum;
    (share[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const size_t less = small.back(), more = large.back();
    small.pop_back();
    keep_[less] = static_cast<uint64_t>(share[less] * 4294967296.0);
    alias_[less] = more;
    share[more] -= 1 - share[less];
    if (share[more] < 1) {
      large.pop_back();
      small.push_back(more);
    }
  }
}

size_t Picker::Draw() {
  const uint64_t value = random_();
  const size_t cell = static_cast<size_t>((value >> 32) * hosts_.size() >> 32);
  return (value & 0xffffffffu) < keep_[cell] ? cell : alias_[cell];
}

size_t Picker::Better(size_t a, size_t b) const {
  const State &x = hosts_[a], &y = hosts_[b];
  const uint64_t mine = uint64_t{x.in_hand + 1} * y.host.weight;
  const uint64_t its = uint64_t{y.in_hand + 1} * x.host.weight;
  return mine <= its ? a : b;
}

std::optional<size_t> Picker::Pick(TimePoint now, std::optional<size_t> not_this) {
  if (hosts_.empty() || (hosts_.size() == 1 && not_this == size_t{0})) return std::nullopt;
  if (out_ > 0 && now >= recount_) {
    out_ = 0;
    recount_ = TimePoint::max();
    for (const State& s : hosts_) {
      if (s.out_until <= now) continue;
      ++out_;
      recount_ = std::min(recount_, s.out_until);
    }
  }
  const bool heed = out_ * 2 <= hosts_.size();
  std::optional<size_t> best;
  int found = 0;
  for (int i = 0; i < kTries && found < 2; ++i) {
    const size_t drawn = Draw();
    if (drawn == not_this || (heed && hosts_[drawn].out_until > now)) continue;
    best = best ? Better(*best, drawn) : drawn;
    ++found;
  }
  for (size_t i = 0; !best && i < hosts_.size(); ++i) {  // Bad luck, or very few are in.
    if (i != not_this && (!heed || hosts_[i].out_until <= now)) best = i;
  }
  if (!best) best = not_this == size_t{0} ? 1 : 0;  // All others are out: better than nothing.
  ++hosts_[*best].in_hand;
  return best;
}

void Picker::Done(size_t host, bool failed, TimePoint now) {
  State& s = hosts_[host];
  --s.in_hand;
  if (!failed) {
    s.failures = 0;
    s.ejections = 0;
    return;
  }
  if (++s.failures < kFailures) return;
  s.failures = 0;
  if (s.out_until <= now) ++out_;
  const auto pause = kOut * (1 << std::min(s.ejections++, 10));
  s.out_until = now + std::min<Duration>(pause, kLongestOut);
  recount_ = out_ == 1 ? s.out_until : std::min(recount_, s.out_until);
}

}  // namespace aiges
