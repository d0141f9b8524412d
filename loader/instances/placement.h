// SPDX-License-Identifier: Apache-2.0
// loader/instances/placement.h: which GPUs, which CPUs and whose memory an instance has
// ([instances] gpus, cpus, numa). A function of its number alone: a worker that is started again,
// and a spare, get the same.
//
// Errors: "[instances] <key>: .."; text.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"
#include "loader/base/gpu_devices.h"

namespace aiges {

// What is there to be given out.
struct Machine {
  std::vector<GpuDevice> gpus;
  std::string visible;    // CUDA_VISIBLE_DEVICES of the loader, what it may give out of them;
  bool bounded = false;   // only where it is set.
  std::vector<int> cpus;  // That this process may use.
  std::string sys = "/sys";

  // Looks for GPUs only where `settings` speak of them: a driver takes its time.
  static Machine Here(const InstanceSettings& settings);
};

struct Placement {
  std::vector<std::string> environment;  // CUDA_VISIBLE_DEVICES, OMP_NUM_THREADS.
  std::vector<GpuDevice> gpus;
  std::string cpus;  // As ReadCpuList; empty: all.
  int numa_node = -1;
  std::string wrong;  // Empty: it is as said.
};

Placement PlaceInstance(const InstanceSettings& settings, unsigned number, const Machine& machine);

}  // namespace aiges
