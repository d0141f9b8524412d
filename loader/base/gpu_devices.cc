// SPDX-License-Identifier: Apache-2.0
#include "loader/base/gpu_devices.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kSuccess = 0;
using Device = void*;

struct PciInfo {  // nvmlPciInfo_t, of the _v3 call.
  char bus_legacy[16];
  unsigned domain, bus, device, pci_device, pci_subsystem;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68);

// Closes what it opens: an open NVML keeps the driver awake.
class Nvml {
 public:
  explicit Nvml(const char* name) : library_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) return;
    Find("nvmlInit_v2", &init_);
    Find("nvmlShutdown", &shutdown_);
    Find("nvmlDeviceGetCount_v2", &count_);
    Find("nvmlDeviceGetHandleByIndex_v2", &handle_);
    Find("nvmlDeviceGetUUID", &uuid_);
    Find("nvmlDeviceGetPciInfo_v3", &pci_);
    ready_ = init_ != nullptr && shutdown_ != nullptr && count_ != nullptr && handle_ != nullptr &&
             uuid_ != nullptr && init_() == kSuccess;
  }
  ~Nvml() {
    if (ready_) shutdown_();
    if (library_ != nullptr) ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  unsigned Count() const {
    unsigned count = 0;
    return ready_ && count_(&count) == kSuccess ? count : 0;
  }
  // False: lost, or not for this process.
  bool Read(unsigned index, GpuDevice* out) const {
    Device device = nullptr;
    std::array<char, 96> uuid{};
    if (handle_(index, &device) != kSuccess ||
        uuid_(device, uuid.data(), static_cast<unsigned>(uuid.size())) != kSuccess) {
      return false;
    }
    uuid.back() = 0;
    PciInfo pci{};
    *out = {std::to_string(index), uuid.data(), ""};
    if (pci_ == nullptr || pci_(device, &pci) != kSuccess) return true;
    pci.bus_id[sizeof pci.bus_id - 1] = 0;
    out->bus = Lowered(pci.bus_id);
    // NVML writes the domain with eight digits, the kernel with four.
    if (out->bus.size() == 16 && out->bus.starts_with("0000")) out->bus.erase(0, 4);
    return true;
  }

 private:
  template <class Function>
  void Find(const char* name, Function* out) {
    *out = reinterpret_cast<Function>(::dlsym(library_, name));
  }

  void* const library_;
  bool ready_ = false;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Device*) = nullptr;
  int (*uuid_)(Device, char*, unsigned) = nullptr;
  int (*pci_)(Device, PciInfo*) = nullptr;
};

}  // namespace

std::vector<GpuDevice> ListGpus(const char* library) {
  const Nvml nvml(library);
  std::vector<GpuDevice> out;
  for (unsigned i = 0; i < nvml.Count(); ++i) {
    GpuDevice device;
    if (nvml.Read(i, &device)) out.push_back(std::move(device));
  }
  return out;
}

}  // namespace aiges
