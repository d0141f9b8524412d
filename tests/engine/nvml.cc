// SPDX-License-Identifier: Apache-2.0
// The driver's NVML as far as loader/base/gpu_memory.h uses it: one GPU, whose processes are those
// of the file that AIGES_TEST_NVML names, a line each: "<pid> <bytes>", "?" for unknown bytes.
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct ProcessInfo {  // nvmlProcessInfo_v2_t.
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};

struct MemoryInfo {  // nvmlMemory_t.
  unsigned long long total, free, used;
};

std::vector<ProcessInfo> Told() {
  std::vector<ProcessInfo> told;
  const char* path = std::getenv("AIGES_TEST_NVML");
  std::ifstream in(path == nullptr ? "" : path);
  unsigned pid = 0;
  for (std::string bytes; in >> pid >> bytes;) {
    told.push_back({pid, bytes == "?" ? ~0ULL : std::stoull(bytes), 0, 0});
  }
  return told;
}

}  // namespace

extern "C" {

int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 1;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned, void** device) {
  static int gpu = 0;
  *device = &gpu;
  return 0;
}

int nvmlDeviceGetMemoryInfo(void*, MemoryInfo* out) {
  *out = {1ULL << 33, 1ULL << 32, 1ULL << 32};
  return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, ProcessInfo* out) {
  const std::vector<ProcessInfo> told = Told();
  const unsigned room = *count;
  *count = static_cast<unsigned>(told.size());
  if (room < told.size()) return 7;  // NVML_ERROR_INSUFFICIENT_SIZE
  for (size_t i = 0; i < told.size(); ++i) out[i] = told[i];
  return 0;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void* device, unsigned* count, ProcessInfo* out) {
  return nvmlDeviceGetComputeRunningProcesses_v3(device, count, out);
}
}
