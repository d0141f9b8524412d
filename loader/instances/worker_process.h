// loader/instances/worker_process.h: starts one aiges-worker and holds what belongs to it.
//
// The only place that forks. The child gets three descriptors (channel/frame.h), its stdout and
// stderr go into one pipe, and it dies with the loader (it asks the kernel for that, and sees the
// end of its channel). Resource; belongs to the hub thread after Spawn.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/status.h"
#include "loader/channel/shm.h"

namespace aiges {

struct SpawnPlan {
  std::string binary;
  unsigned instance = 0;
  std::vector<std::string> environment;  // "NAME=value", on top of the loader's own.
  const Arena* request_memory = nullptr;
  size_t result_memory_bytes = 0;
  int numa_node = -1;
  std::string library;               // The plugin; empty: the worker looks for one,
  std::vector<std::string> folders;  // in these, among other places.
};

class WorkerProcess {
 public:
  static std::unique_ptr<WorkerProcess> Spawn(const SpawnPlan& plan, Status* status);
  ~WorkerProcess();  // Kills what still runs, and reaps it.
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  int channel() const { return channel_.get(); }
  int output() const { return output_.get(); }    // Its stdout and stderr, non-blocking.
  int handle() const { return pidfd_.get(); }     // Readable when the process is dead.
  const std::shared_ptr<ArenaMapping>& results() const { return results_; }

  void Kill();
  // "exit status 3", "killed by signal 11 (Segmentation fault)"; reaps. Empty while it runs.
  std::string Reap();

 private:
  WorkerProcess() = default;

  pid_t pid_ = -1;
  bool reaped_ = false;
  Fd channel_, output_, pidfd_;
  std::shared_ptr<ArenaMapping> results_;
};

}  // namespace aiges
