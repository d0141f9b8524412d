// SPDX-License-Identifier: Apache-2.0
// loader/base/gpu_devices.h: which GPUs there are, by NVML, as gpu_memory.h opens it. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace aiges {

struct GpuDevice {
  std::string index;  // As nvidia-smi counts, by the place on the bus; empty: not known (MIG).
  std::string uuid;   // "GPU-..", "MIG-.."
  std::string bus;    // "0000:17:00.0", as /sys/bus/pci/devices has it; empty: not known.
};

// In the order of their indices. Empty: no driver, or no GPU.
std::vector<GpuDevice> ListGpus(const char* library = "libnvidia-ml.so.1");

}  // namespace aiges
