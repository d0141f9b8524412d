// SPDX-License-Identifier: Apache-2.0
// GPU memory of processes by NVML. Its library belongs to the driver: it is opened when there, so
// that xtest builds and runs without one. Only the few calls used are declared, as its ABI has
// them.
#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>

#include "loader/base/strings.h"
#include "xtest/resources.h"

namespace aiges {
namespace {

constexpr int kSuccess = 0, kTooSmall = 7;
constexpr unsigned long long kUnknown = ~0ULL;

using Device = void*;

struct ProcessInfo {  // nvmlProcessInfo_v2_t, of the _v3 calls.
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);

struct MemoryInfo {  // nvmlMemory_t.
  unsigned long long total, free, used;
};

class Nvml : public GpuMeter {
 public:
  bool Open() {
    library_ = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) return false;
    unsigned count = 0;
    if (!Find("nvmlInit_v2", &init_) || !Find("nvmlShutdown", &shutdown_) ||
        !Find("nvmlDeviceGetCount_v2", &count_) ||
        !Find("nvmlDeviceGetHandleByIndex_v2", &handle_) ||
        !Find("nvmlDeviceGetMemoryInfo", &memory_) || init_() != kSuccess) {
      return false;
    }
    ready_ = true;
    // Drivers before 510 lack these: the whole device counts then.
    Find("nvmlDeviceGetComputeRunningProcesses_v3", &compute_);
    Find("nvmlDeviceGetGraphicsRunningProcesses_v3", &graphics_);
    if (count_(&count) != kSuccess) return false;
    for (unsigned i = 0; i < count; ++i) {
      Device device = nullptr;
      if (handle_(i, &device) == kSuccess) devices_.push_back(device);
    }
    return !devices_.empty();
  }

  ~Nvml() override {
    if (ready_) shutdown_();
    if (library_ != nullptr) ::dlclose(library_);
  }

  double UsedMb(const std::set<pid_t>& processes) override {
    unsigned long long own = 0, all = 0;
    bool foreign = false;
    for (Device device : devices_) {
      MemoryInfo memory{};
      if (memory_(device, &memory) == kSuccess) all += memory.used;
      std::set<unsigned> seen;  // A process may be in both lists.
      for (List list : {compute_, graphics_}) {
        for (const ProcessInfo& p : Read(list, device)) {
          if (!seen.insert(p.pid).second) continue;
          if (processes.count(static_cast<pid_t>(p.pid)) != 0 && p.used_bytes != kUnknown) {
            own += p.used_bytes;
          } else {
            struct stat info{};
            foreign |=
                p.used_bytes == kUnknown || ::stat(StrCat("/proc/", p.pid).c_str(), &info) != 0;
          }
        }
      }
    }
    // In a container NVML gives the numbers that processes have outside: which are the server's
    // cannot be told, and the figure is that of the devices.
    const bool whole = compute_ == nullptr || (own == 0 && foreign);
    return static_cast<double>(whole ? all : own) / (1 << 20);
  }

 private:
  using List = int (*)(Device, unsigned*, ProcessInfo*);

  template <class Function>
  bool Find(const char* name, Function* out) {
    *out = reinterpret_cast<Function>(::dlsym(library_, name));
    return *out != nullptr;
  }

  static std::vector<ProcessInfo> Read(List list, Device device) {
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

  void* library_ = nullptr;
  bool ready_ = false;
  std::vector<Device> devices_;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Device*) = nullptr;
  int (*memory_)(Device, MemoryInfo*) = nullptr;
  List compute_ = nullptr, graphics_ = nullptr;
};

}  // namespace

std::unique_ptr<GpuMeter> OpenNvml() {
  auto nvml = std::make_unique<Nvml>();
  if (!nvml->Open()) return nullptr;
  return nvml;
}

}  // namespace aiges
