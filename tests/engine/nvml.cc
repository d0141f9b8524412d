// SPDX-License-Identifier: Apache-2.0
// The driver's NVML as far as loader/base/gpu_memory.h and gpu_devices.h use it. AIGES_TEST_GPUS
// has a line for each GPU, "<uuid> <bus>"; unset: there is one. The processes of each are those of
// the file that AIGES_TEST_NVML names, a line each: "<pid> <bytes>", "?" for unknown bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
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

struct PciInfo {  // nvmlPciInfo_t.
  char bus_legacy[16];
  unsigned domain, bus, device, pci_device, pci_subsystem;
  char bus_id[32];
};

std::vector<std::pair<std::string, std::string>> Gpus() {
  const char* said = std::getenv("AIGES_TEST_GPUS");
  std::istringstream in(said == nullptr ? "GPU-0 00000000:00:00.0" : said);
  std::vector<std::pair<std::string, std::string>> gpus;
  for (std::string uuid, bus; in >> uuid >> bus;) gpus.emplace_back(uuid, bus);
  return gpus;
}

// A handle is the number of the GPU, and one.
size_t NumberOf(void* device) { return reinterpret_cast<uintptr_t>(device) - 1; }

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
  *count = static_cast<unsigned>(Gpus().size());
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = reinterpret_cast<void*>(uintptr_t{index} + 1);
  return 0;
}

int nvmlDeviceGetUUID(void* device, char* out, unsigned room) {
  std::snprintf(out, room, "%s", Gpus().at(NumberOf(device)).first.c_str());
  return 0;
}

int nvmlDeviceGetPciInfo_v3(void* device, PciInfo* out) {
  *out = {};
  std::snprintf(out->bus_id, sizeof out->bus_id, "%s", Gpus().at(NumberOf(device)).second.c_str());
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
