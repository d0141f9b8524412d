// SPDX-License-Identifier: Apache-2.0
// GPU memory of the server's processes.
#include "loader/base/gpu_memory.h"
#include "xtest/resources.h"

namespace aiges {
namespace {

class Nvml : public GpuMeter {
 public:
  explicit Nvml(std::unique_ptr<GpuMemory> gpus) : gpus_(std::move(gpus)) {}

  double UsedMb(const std::set<pid_t>& processes) override {
    const GpuUse use = gpus_->Read();
    uint64_t own = 0;
    for (const auto& [pid, bytes] : use.processes) {
      if (processes.count(pid) != 0) own += bytes;
    }
    // Where processes cannot be told apart, the figure is that of the devices.
    const bool whole = !use.by_process || (own == 0 && use.foreign);
    return static_cast<double>(whole ? use.devices : own) / (1 << 20);
  }

 private:
  const std::unique_ptr<GpuMemory> gpus_;
};

}  // namespace

std::unique_ptr<GpuMeter> OpenNvml() {
  std::unique_ptr<GpuMemory> gpus = GpuMemory::Open();
  return gpus == nullptr ? nullptr : std::make_unique<Nvml>(std::move(gpus));
}

}  // namespace aiges
