// SPDX-License-Identifier: Apache-2.0
// loader/base/gpu_memory.h: who uses how much memory of the GPUs, by NVML.
//
// NVML belongs to the driver: it is opened where it is there, so that nothing of ours needs one.
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace aiges {

struct GpuUse {
  uint64_t devices = 0;                 // Bytes in use on all of them.
  std::map<pid_t, uint64_t> processes;  // Bytes, of those of which it is known.
  bool by_process = false;              // The driver tells it: 510 and later.
  // Something is used by processes that cannot be told apart: in a container the driver may say
  // the numbers that processes have outside.
  bool foreign = false;
};

class GpuMemory {
 public:
  // nullptr: no driver, or no GPU.
  static std::unique_ptr<GpuMemory> Open(const char* library = "libnvidia-ml.so.1");
  ~GpuMemory();
  GpuMemory(const GpuMemory&) = delete;
  GpuMemory& operator=(const GpuMemory&) = delete;

  GpuUse Read();

 private:
  using Device = void*;
  struct Functions;

  GpuMemory();
  bool OpenLibrary(const char* name);

  void* library_ = nullptr;
  bool ready_ = false;
  const std::unique_ptr<Functions> functions_;
  std::vector<Device> devices_;
};

}  // namespace aiges
