// SPDX-License-Identifier: Apache-2.0
// loader/instances/cgroup.h: a control group (v2) for each worker, below a folder that AIService
// may write: memory, CPU and processes of the worker and all that it starts.
//
// The folder is one that somebody has handed over ("delegated"): systemd with Delegate=yes, an
// administrator with mkdir and chown. "own" is the group that AIService itself is in: as a group
// with processes can have no groups with limits below it, AIService then moves to aiges-loader in
// it. Ownership: makes a group before the worker starts, which goes there by itself
// (channel/confinement.h); removes it after, with what is left in it.
// Threads: hub. Errors: "[sandbox] cgroup: <path>: <why>".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct CgroupWish {
  std::string folder;         // A folder, or "own"; empty: no group.
  uint64_t memory_bytes = 0;  // 0: no bound, as the others.
  uint64_t cpu_percent = 0;   // Of one CPU: 150 is one and a half.
  uint64_t pids = 0;          // Processes and threads.
};

class Cgroups {
 public:
  // `proc`, `root`: where the kernel tells which group this process is in, and where groups are.
  explicit Cgroups(std::string proc = "/proc/self/cgroup", std::string root = "/sys/fs/cgroup");

  // A group with these bounds. Out: its folder; empty where none is wished.
  Status Make(const CgroupWish& wish, std::string* folder);
  // Kills what is in it; the folder goes at once or by a later Tidy.
  void Remove(const std::string& folder);
  void Tidy();

 private:
  Status Prepare(const CgroupWish& wish, std::string* base);
  Status MoveToOwn(std::string* base);

  const std::string proc_, root_;
  std::string own_;  // Where "own" is, once this process has made room there.
  unsigned next_ = 0;
  std::vector<std::string> left_;
};

}  // namespace aiges
