// SPDX-License-Identifier: Apache-2.0
// loader/instances/process.h: one worker process as the rest of instances/ sees it, and who starts
// them.
//
// The wall to the operating system: everything about a worker's life goes through it, so that the
// rest can be tested without processes (tests/fakes/fake_process.h). The implementation is
// worker_process.h.
// Ownership: a Process belongs to who spawned it; destroying it kills what still runs of it and
// never waits, the factory reaps it later. The factory outlives its processes.
// Threads: all on the hub thread, or before it starts and after it has ended.
// Errors: a process that cannot be started says why, and what to do, in the status.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "loader/base/gpu_devices.h"
#include "loader/base/status.h"
#include "loader/channel/confinement.h"
#include "loader/channel/shm.h"
#include "loader/instances/cgroup.h"

namespace aiges {

struct SpawnPlan {
  std::string binary;
  unsigned instance = 0;
  std::vector<std::string> environment;  // "NAME=value", on top of the loader's own:
  const Arena* request_memory = nullptr;
  size_t result_memory_bytes = 0;
  std::vector<std::string> passes;  // What of the loader's own ([sandbox] environment).
  Confinement confinement;
  CgroupWish cgroup;
  std::vector<GpuDevice> gpus;       // What environment and confinement give it, for reports.
  std::string wrong;                 // Why it cannot be started as it should be; empty: it can.
  std::string folder;                // Where it runs; empty: where the loader does.
  std::string library;               // The plugin; empty: the worker looks for one,
  std::vector<std::string> folders;  // in these, among other places.
};

class Process {
 public:
  virtual ~Process() = default;

  virtual pid_t pid() const = 0;
  virtual int channel() const = 0;
  virtual int output() const = 0;  // Its stdout and stderr, non-blocking.
  virtual int handle() const = 0;  // Readable when the process is dead.
  virtual const std::shared_ptr<ArenaMapping>& results() const = 0;

  // It and what it has started. Again is no error.
  virtual void Kill() = 0;
  // "exit status 3", "killed by signal 11 (Segmentation fault)"; empty while it is not dead. Never
  // waits: a death can take seconds (a core is written, a GPU's context is torn down).
  virtual std::string Reap() = 0;
  // The same of a process that is sure to die but is not dead; empty if that is not known.
  virtual std::string Dying() const = 0;
};

class ProcessFactory {
 public:
  virtual ~ProcessFactory() = default;

  // Null, with *status set, when it cannot be started.
  virtual std::unique_ptr<Process> Spawn(const SpawnPlan& plan, Status* status) = 0;
  // Now and then: reaps what has died since its Process was destroyed. Never waits.
  virtual void Tidy() = 0;
};

}  // namespace aiges
