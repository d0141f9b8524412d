// SPDX-License-Identifier: Apache-2.0
// bench/pick.cc: nanoseconds of one choice among 1 000 loaders, 64 calls in hand.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <vector>

#include "xtest/picker.h"

int main() {
  using std::chrono::steady_clock;
  constexpr int kHosts = 1000, kCalls = 2'000'000, kRuns = 5;
  std::vector<aiges::Peer> hosts;
  for (unsigned i = 0; i < kHosts; ++i) hosts.push_back({std::to_string(i), 1 + i % 7});
  std::vector<double> runs;
  for (int run = 0; run < kRuns; ++run) {
    aiges::Picker picker(hosts);
    std::deque<size_t> held;
    const auto begin = steady_clock::now();
    for (int i = 0; i < kCalls; ++i) {
      held.push_back(*picker.Pick(begin));
      if (held.size() < 64) continue;
      picker.Done(held.front(), false, begin);
      held.pop_front();
    }
    const double ns = std::chrono::duration<double, std::nano>(steady_clock::now() - begin).count();
    runs.push_back(ns / kCalls);
  }
  std::sort(runs.begin(), runs.end());
  std::printf("%.1f\n", runs[kRuns / 2]);
}
