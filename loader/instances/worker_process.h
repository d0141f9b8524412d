// SPDX-License-Identifier: Apache-2.0
// loader/instances/worker_process.h: starts aiges-worker, and holds what belongs to one.
//
// The only place that forks, and the only one that waits for children: as PID 1 of a container for
// those of others, too. A worker gets three descriptors (channel/frame.h), its stdout and stderr go
// into one pipe, and it dies with the loader (it asks the kernel for that, and sees the end of its
// channel). What it starts is ended when it is dead: its group by Reap, the rest by the guard.
// Ownership, threads and errors as process.h says.
#pragma once

#include <sys/types.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "loader/instances/guard.h"
#include "loader/instances/process.h"

namespace aiges {

class WorkerProcesses : public ProcessFactory {
 public:
  WorkerProcesses() = default;
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  std::unique_ptr<Process> Spawn(const SpawnPlan& plan, Status* status) override;
  void Tidy() override;

 private:
  friend class WorkerProcess;
  void OnReaped(pid_t pid);
  void Tell(const SpawnPlan& plan, const std::vector<std::string>& held_back);

  Guard guard_;
  Cgroups cgroups_;
  std::set<pid_t> living_;    // Started and not reaped: only their owner takes their end.
  std::vector<pid_t> dying_;  // Those of them whose owner is gone.
  std::string told_names_;    // Variables that the log has named.
  bool told_landlock_ = false;
};

}  // namespace aiges
