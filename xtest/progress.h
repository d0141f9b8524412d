// SPDX-License-Identifier: Apache-2.0
// xtest/progress.h: the one line that shows how a run goes, on a terminal; nothing elsewhere.
//
// Belongs to one thread.
#pragma once

#include <cstdint>
#include <string>

namespace aiges {

struct Live {
  double elapsed_s = 0, total_s = 0;         // Of all steps; 0: unknown.
  uint64_t done = 0, failed = 0, total = 0;  // Calls; total 0: unknown.
  double rate = 0;                           // Calls per second just now,
  double wanted = 0;                         // and in open loop what was planned.
  uint64_t in_flight = 0;
  double p50_ns = 0, p99_ns = 0;  // Of the last second or so.
  bool warmup = false;
};

// At most `columns` wide.
std::string LiveText(const Live& live, size_t columns);

class Progress {
 public:
  // Shows nothing when `fd` is no terminal or `quiet`.
  Progress(int fd, bool quiet);
  ~Progress() { Clear(); }

  bool shown() const { return shown_; }
  void Show(const Live& live);
  // Removes the line, before anything else is printed.
  void Clear();

 private:
  const int fd_;
  const bool shown_;
  bool dirty_ = false;
};

}  // namespace aiges
