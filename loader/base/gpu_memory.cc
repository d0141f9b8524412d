// SPDX-License-Identifier: Apache-2.0
#include "loader/base/gpu_memory.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kSuccess = 0, kTooSmall = 7;
constexpr unsigned long long kUnknown = ~0ULL;

// Only the few calls used are declared, as the ABI of NVML has them.
struct ProcessInfo {  // nvmlProcessInfo_v2_t, of the _v3 calls.
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);

struct MemoryInfo {  // nvmlMemory_t.
  unsigned long long total, free, used;
};

using List = int (*)(void* device, unsigned*, ProcessInfo*);

std::vector<ProcessInfo> Processes(List list, void* device) {
  std::vector<ProcessInfo> out(64);
  if (list == nullptr) return {};
  for (int i = 0; i < 3; ++i) {
    auto count = static_cast<unsigned>(out.size());
    const int result = list(device, &count, out.data());
    if (result == kSuccess) {
      out.resize(std::min<size_t>(count, out.size()));
      return out;
    }
    if (result != kTooSmall) break;
    out.resize(count + 16);
  }
  return {};
}

bool IsHere(unsigned pid) {
  struct stat info{};
  return ::stat(StrCat("/proc/", pid).c_str(), &info) == 0;
}

template <class Function>
bool FindIn(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(::dlsym(library, name));
  return *out != nullptr;
}

}  // namespace

struct GpuMemory::Functions {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, Device*) = nullptr;
  int (*memory)(Device, MemoryInfo*) = nullptr;
  List compute = nullptr, graphics = nullptr;
};

GpuMemory::GpuMemory() : functions_(std::make_unique<Functions>()) {}

GpuMemory::~GpuMemory() {
  if (ready_) functions_->shutdown();
  if (library_ != nullptr) ::dlclose(library_);
}

bool GpuMemory::OpenLibrary(const char* name) {
  Functions& f = *functions_;
  library_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) return false;
  if (!FindIn(library_, "nvmlInit_v2", &f.init) || !FindIn(library_, "nvmlShutdown", &f.shutdown) ||
      !FindIn(library_, "nvmlDeviceGetCount_v2", &f.count) ||
      !FindIn(library_, "nvmlDeviceGetHandleByIndex_v2", &f.handle) ||
      !FindIn(library_, "nvmlDeviceGetMemoryInfo", &f.memory) || f.init() != kSuccess) {
    return false;
  }
  ready_ = true;
  // Drivers before 510 lack these.
  FindIn(library_, "nvmlDeviceGetComputeRunningProcesses_v3", &f.compute);
  FindIn(library_, "nvmlDeviceGetGraphicsRunningProcesses_v3", &f.graphics);
  unsigned count = 0;
  if (f.count(&count) != kSuccess) return false;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    if (f.handle(i, &device) == kSuccess) devices_.push_back(device);
  }
  return !devices_.empty();
}

std::unique_ptr<GpuMemory> GpuMemory::Open(const char* library) {
  std::unique_ptr<GpuMemory> gpus(new GpuMemory);
  return gpus->OpenLibrary(library) ? std::move(gpus) : nullptr;
}

GpuUse GpuMemory::Read() {
  GpuUse use;
  use.by_process = functions_->compute != nullptr;
  for (Device device : devices_) {
    MemoryInfo memory{};
    if (functions_->memory(device, &memory) == kSuccess) use.devices += memory.used;
    std::set<unsigned> seen;  // A process may be in both lists.
    for (List list : {functions_->compute, functions_->graphics}) {
      for (const ProcessInfo& p : Processes(list, device)) {
        if (!seen.insert(p.pid).second) continue;
        if (p.used_bytes == kUnknown || !IsHere(p.pid)) {
          use.foreign = true;
        } else {
          use.processes[static_cast<pid_t>(p.pid)] += p.used_bytes;
        }
      }
    }
  }
  return use;
}

}  // namespace aiges
