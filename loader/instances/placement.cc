// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/placement.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/channel/confinement.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostCpus = 4096;

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (!Trimmed(item).empty()) out.emplace_back(Trimmed(item));
  }
  return out;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string CpuList(const std::vector<int>& cpus) {
  std::string out;
  for (size_t i = 0; i < cpus.size();) {
    size_t end = i + 1;
    while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1) ++end;
    StrAppend(&out, out.empty() ? "" : ",", cpus[i]);
    if (end > i + 1) StrAppend(&out, "-", cpus[end - 1]);
    i = end;
  }
  return out;
}

class Placer {
 public:
  Placer(const InstanceSettings& settings, unsigned number, const Machine& machine)
      : s_(settings), number_(number), machine_(machine) {}

  Placement Run() {
    place_.numa_node = s_.numa_node;
    if (!s_.gpus.empty()) Gpus(Turn(s_.gpus));
    if (!s_.numa.empty()) Numa(Turn(s_.numa));
    if (!s_.cpus.empty()) place_.cpus = Turn(s_.cpus);
    const size_t cpus = ReadCpuList(place_.cpus).size();
    if (cpus > 0 && std::getenv("OMP_NUM_THREADS") == nullptr) {
      place_.environment.push_back(StrCat("OMP_NUM_THREADS=", cpus));
    }
    return std::move(place_);
  }

 private:
  const std::string& Turn(const std::vector<std::string>& list) const {
    return list[number_ % list.size()];
  }
  void Fail(std::string why) {
    if (place_.wrong.empty()) place_.wrong = std::move(why);
  }

  void Gpus(const std::string& said) {
    std::vector<std::string> names = Split(said);
    if (said == "none") names.clear();
    if (said == "per_instance") {
      const std::vector<std::string> all = Available();
      if (all.empty()) {
        return Fail(
            "[instances] gpus = \"per_instance\": found no GPU (expected the driver's "
            "libnvidia-ml.so.1 and a GPU that it lists; or name devices, as \"0,1\")");
      }
      names = {all[number_ % all.size()]};
    }
    for (const std::string& name : names) {
      if (const std::optional<GpuDevice> device = Find(name)) place_.gpus.push_back(*device);
    }
    place_.environment.push_back(StrCat("CUDA_VISIBLE_DEVICES=", Join(names, ",")));
    place_.environment.emplace_back("CUDA_DEVICE_ORDER=PCI_BUS_ID");
  }

  // UUIDs where they are known: indices mean something else with MPS.
  std::vector<std::string> Available() const {
    if (machine_.bounded) return Split(machine_.visible);
    std::vector<std::string> out;
    for (const GpuDevice& device : machine_.gpus) out.push_back(device.uuid);
    return out;
  }

  // The device that CUDA takes for `name`. Nothing, with the reason, where there is none.
  std::optional<GpuDevice> Find(const std::string& name) {
    unsigned index = 0;
    const bool number = ReadWhole(name, &index);
    for (const GpuDevice& device : machine_.gpus) {
      if (number ? device.index == name : device.uuid.starts_with(name)) return device;
    }
    // Those of MIG are not in the list of GPUs; without a driver's list there is no telling.
    if (machine_.gpus.empty() || name.starts_with("MIG-")) {
      return number ? GpuDevice{name, "", ""} : GpuDevice{"", name, ""};
    }
    std::string there;
    for (const GpuDevice& device : machine_.gpus) {
      StrAppend(&there, there.empty() ? "" : ", ", device.index, " (", device.uuid, ")");
    }
    Fail(StrCat("[instances] gpus: no GPU ", name, ", there are ", there));
    return std::nullopt;
  }

  void Numa(const std::string& said) {
    int node = -1;
    if (said != "auto") {
      ReadWhole(said, &node);
    } else if (!place_.gpus.empty()) {
      if (place_.gpus[0].bus.empty()) return;
      const std::string device = StrCat(machine_.sys, "/bus/pci/devices/", place_.gpus[0].bus);
      if (!ReadWhole(FirstLine(device + "/numa_node"), &node) || node < 0) {
        return UseCpus(FirstLine(device + "/local_cpulist"));
      }
    } else {
      const std::vector<int> nodes = Nodes();
      if (nodes.size() < 2) return;
      node = nodes[number_ % nodes.size()];
    }
    place_.numa_node = node;
    const std::string list = StrCat(machine_.sys, "/devices/system/node/node", node, "/cpulist");
    if (std::error_code error; !fs::exists(list, error)) {
      return Fail(StrCat("[instances] numa: no node ", node, " on this machine"));
    }
    UseCpus(FirstLine(list));
  }

  std::vector<int> Nodes() const {
    std::vector<int> out;
    std::error_code error;
    const std::string folder = machine_.sys + "/devices/system/node";
    for (const fs::directory_entry& each : fs::directory_iterator(folder, error)) {
      const std::string name = each.path().filename();
      int node = 0;
      // Those without CPUs have memory alone.
      if (name.starts_with("node") && ReadWhole(std::string_view(name).substr(4), &node) &&
          !FirstLine(each.path() / "cpulist").empty()) {
        out.push_back(node);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // Of those near to a device or to memory, what a container leaves to this process; all where that
  // is none.
  void UseCpus(const std::string& list) {
    std::vector<int> near, both = ReadCpuList(list);
    std::set_intersection(both.begin(), both.end(), machine_.cpus.begin(), machine_.cpus.end(),
                          std::back_inserter(near));
    if (near.size() < machine_.cpus.size()) place_.cpus = CpuList(near);
  }

  const InstanceSettings& s_;
  const unsigned number_;
  const Machine& machine_;
  Placement place_;
};

}  // namespace

Machine Machine::Here(const InstanceSettings& settings) {
  Machine machine;
  if (!settings.gpus.empty()) machine.gpus = ListGpus();
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    machine.visible = visible;
    machine.bounded = true;
  }
  cpu_set_t* const set = CPU_ALLOC(kMostCpus);
  const size_t size = CPU_ALLOC_SIZE(kMostCpus);
  if (::sched_getaffinity(0, size, set) == 0) {
    for (size_t cpu = 0; cpu < kMostCpus; ++cpu) {
      if (CPU_ISSET_S(cpu, size, set)) machine.cpus.push_back(static_cast<int>(cpu));
    }
  }
  CPU_FREE(set);
  return machine;
}

Placement PlaceInstance(const InstanceSettings& settings, unsigned number, const Machine& machine) {
  return Placer(settings, number, machine).Run();
}

}  // namespace aiges
