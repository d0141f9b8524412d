// SPDX-License-Identifier: Apache-2.0
#include "loader/config/engine_keys.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "loader/base/numbers.h"
#include "loader/config/pbtxt.h"

namespace aiges {
namespace {

// Of a worker, where [instances] threads is not set.
constexpr unsigned kMostThreads = 64;

void ReadContract(KeyReader* keys, const char* section, InstanceSettings* i) {
  keys->Text(section, "contract", &i->contract);
  keys->Text(section, "app", &i->app);
  // Which there are is known where they lie: aiges.contracts, of the worker's Python.
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (!std::all_of(i->contract.begin(), i->contract.end(), plain)) {
    keys->file().AddError(
        section, "contract",
        StrCat("expected the name of a contract, as \"aiges\", \"c\", \"java\" or \"asgi\"; got \"",
               i->contract, "\""));
  }
  const bool none = i->contract.empty() || i->contract == "c";
  if (none && !i->app.empty()) {
    keys->file().AddError(section, "app",
                          "expected a contract that takes one with it, as \"aiges\" or \"asgi\"");
  }
}

// AIService of a Python environment (sdk/aiges/_programs.py) says whose packages are meant.
void ReadPython(KeyReader* keys, std::string* program) {
  const char* own = std::getenv("AIGES_DEFAULT_PYTHON");
  if (own != nullptr && *own != '\0') *program = own;
  keys->Text("instances", "python", program);
  std::string& origin = keys->last().origin;
  if (own != nullptr && *own != '\0' && origin == "default") origin = "AIGES_DEFAULT_PYTHON";
}

void ReadJava(KeyReader* keys, InstanceSettings* i) {
  keys->Text("instances", "java", &i->java);
  keys->List("instances", "java_options", &i->java_options);
  for (const std::string& option : i->java_options) {
    const bool plain = option.size() > 1 && option[0] == '-' &&
                       std::all_of(option.begin(), option.end(),
                                   [](unsigned char c) { return c >= ' ' && c != 0x7f; });
    if (!plain) {
      keys->file().AddError(
          "instances", "java_options",
          StrCat("expected options of Java, as [\"-XX:+UseSerialGC\"]; got \"", option, "\""));
    }
    // What the host knows, and counts.
    if (option.starts_with("-Xmx")) {
      keys->file().AddError("instances", "java_options",
                            StrCat("expected the heap in java_heap_mb; got \"", option, "\""));
    }
  }
  keys->Int("instances", "java_heap_mb", 0, 1 << 30, &i->java_heap_mb);
  if (i->max_rss_mb > 0 && i->java_heap_mb >= i->max_rss_mb) {
    keys->file().AddError(
        "instances", "java_heap_mb",
        StrCat("expected less than max_rss_mb, which is ", i->max_rss_mb,
               ": a heap that is in use would replace the worker; got ", i->java_heap_mb));
  }
}

void ReadNumaNode(InstanceSettings* i, std::vector<std::string>* errors) {
  const char* text = std::getenv("AIGES_ENV_NUMA");
  if (text == nullptr || *text == '\0') return;
  constexpr int kMostNode = 1023;
  int node = 0;
  const std::string_view view(text);
  if (!ReadWhole(view, &node) || node < -1 || node > kMostNode) {
    errors->push_back(StrCat("environment: AIGES_ENV_NUMA: expected the number of a node, 0 to ",
                             kMostNode, ", or -1 for none; got \"", view, "\""));
    return;
  }
  i->numa_node = node;
}

// A config.pbtxt where the code of the one engine lies. Of others it is a file like any other.
void ReadDescription(TomlFile* file, Settings* s, std::vector<std::string>* errors) {
  const std::string& contract = s->instances.contract;
  if (!contract.empty() && contract != "triton" && contract != "onnx") return;
  if (s->catalogue.on()) return;  // Each of several models has its own.
  std::vector<std::string> folders = s->instances.pythonpath;
  file->Strings("instances", "pythonpath", &folders);
  folders.emplace_back(".");
  for (const std::string& folder : folders) {
    const std::string path = FindPbtxt(folder);
    if (!path.empty()) return ReadPbtxt(path, s, errors);
  }
}

// "0", "GPU-aaaa..", "MIG-..", separated by commas.
bool NamesDevices(std::string_view list) {
  while (true) {
    const std::string_view item = Trimmed(list.substr(0, list.find(',')));
    unsigned number = 0;
    if (!ReadWhole(item, &number) && !item.starts_with("GPU-") && !item.starts_with("MIG-")) {
      return false;
    }
    if (list.find(',') == std::string_view::npos) return true;
    list.remove_prefix(list.find(',') + 1);
  }
}

bool IsCpuList(std::string_view list) {
  return !list.empty() && list.find_first_not_of("0123456789,-") == std::string_view::npos;
}

void ReadPlacement(KeyReader* keys, InstanceSettings* i) {
  const auto check = [keys](const char* key, const std::vector<std::string>& entries, auto sound,
                            const char* expected) {
    for (const std::string& entry : entries) {
      if (sound(entry)) continue;
      keys->file().AddError(
          "instances", key,
          StrCat("expected ", expected, ", or a list of such; got \"", entry, "\""));
    }
  };
  keys->List("instances", "gpus", &i->gpus);
  keys->List("instances", "numa", &i->numa);
  keys->List("instances", "cpus", &i->cpus);
  check(
      "gpus", i->gpus,
      [](const std::string& e) { return e == "none" || e == "per_instance" || NamesDevices(e); },
      "\"per_instance\", \"none\", or devices as \"0,1\", \"GPU-<uuid>\", \"MIG-<uuid>\"");
  check(
      "numa", i->numa,
      [](const std::string& e) {
        unsigned node = 0;
        return e == "auto" || ReadWhole(std::string_view(e), &node);
      },
      "\"auto\" or the number of a node in quotes");
  check("cpus", i->cpus, IsCpuList, "CPUs as \"0-3,8\"");
}

// Out: [instances] threads is set.
bool ReadInstances(KeyReader* keys, InstanceSettings* i, std::vector<std::string>* errors) {
  keys->Int("instances", "count", 1, 1024, &i->count);
  keys->Int("instances", "threads", 1, 256, &i->threads);
  const bool threads_set = keys->last().origin != "default";
  keys->Text("instances", "library", &i->library);
  ReadPython(keys, &i->python);
  keys->Texts("instances", "pythonpath", &i->pythonpath);
  keys->Int("instances", "start_timeout_ms", 1, 86'400'000, &i->start_timeout_ms);
  keys->Int("instances", "exec_timeout_ms", 0, 86'400'000, &i->exec_timeout_ms);
  keys->Int("instances", "hang_kill_ms", 0, 86'400'000, &i->hang_kill_ms);
  keys->Int("instances", "drain_ms", 0, 86'400'000, &i->drain_ms);
  keys->Int("instances", "lame_duck_ms", 0, 86'400'000, &i->lame_duck_ms);
  keys->Int("instances", "max_requests", 0, int64_t{1} << 50, &i->max_requests);
  keys->Int("instances", "max_rss_mb", 0, 1 << 30, &i->max_rss_mb);
  ReadJava(keys, i);
  keys->Bool("instances", "watch", &i->watch);
  keys->Bool("instances", "idempotent", &i->idempotent);
  ReadPlacement(keys, i);
  ReadNumaNode(i, errors);
  if (const char* mode = std::getenv("AIGES_PLUGIN_MODE")) {
    if (std::string_view(mode) != "c" && *mode != '\0') {
      errors->push_back(StrCat("environment: AIGES_PLUGIN_MODE: expected c, got ", mode,
                               " (Python wrappers need no mode: put wrapper.py on PYTHONPATH)"));
    }
  }
  return threads_set;
}

void ReadSandbox(KeyReader* keys, SandboxSettings* s) {
  keys->Bool("sandbox", "strict", &s->strict);
  keys->Bool("sandbox", "no_new_privs", &s->no_new_privs);
  keys->Bool("sandbox", "core", &s->core);
  keys->Int("sandbox", "open_files", 0, 1 << 30, &s->open_files);
  keys->Int("sandbox", "file_mb", 0, 1 << 30, &s->file_mb);
  keys->Int("sandbox", "processes", 0, 1 << 22, &s->processes);
  if (s->strict) s->environment.clear();
  keys->List("sandbox", "environment", &s->environment);
  keys->Text("sandbox", "cgroup", &s->cgroup);
  keys->Int("sandbox", "memory_mb", 0, 1 << 30, &s->memory_mb);
  keys->Int("sandbox", "cpu_percent", 0, 1'000'000, &s->cpu_percent);
  keys->Int("sandbox", "pids", 0, 1 << 22, &s->pids);
  if (s->cgroup.empty() && (s->memory_mb > 0 || s->cpu_percent > 0 || s->pids > 0)) {
    keys->file().AddError("sandbox", "cgroup",
                          "expected a folder of cgroup v2, or \"own\", beside memory_mb, "
                          "cpu_percent or pids");
  }
  keys->Text("sandbox", "user", &s->user);
  keys->Bool("sandbox", "network", &s->network);
  keys->List("sandbox", "read", &s->read);
  keys->List("sandbox", "write", &s->write);
  if (s->strict && !s->no_new_privs) {
    keys->file().AddError("sandbox", "no_new_privs", "expected true beside strict = true");
  }
  for (const std::vector<std::string>* paths : {&s->read, &s->write}) {
    for (const std::string& path : *paths) {
      if (path.empty() || path.find('\n') != std::string::npos || path == "/") {
        keys->file().AddError(
            "sandbox", paths == &s->read ? "read" : "write",
            StrCat("expected folders or files, none of them /; got \"", path, "\""));
      }
    }
  }
}

}  // namespace

void ReadEngineKeys(KeyReader* keys, const char* contract_section, Settings* settings,
                    std::vector<std::string>* errors) {
  Settings& s = *settings;
  ReadContract(keys, contract_section, &s.instances);
  ReadDescription(&keys->file(), &s, errors);
  const bool threads_set = ReadInstances(keys, &s.instances, errors);
  ReadSandbox(keys, &s.instances.sandbox);
  keys->Int("queue", "max_requests", 1, 1'000'000, &s.queue.max_requests);
  keys->Int("queue", "max_bytes", 1 << 16, int64_t{1} << 40, &s.queue.max_bytes);
  keys->Int("queue", "default_timeout_ms", 1, 86'400'000, &s.queue.default_timeout_ms);
  keys->Int("batch", "max_size", 1, 1024, &s.batch.max_size);
  s.batch.size_said = s.model.described || keys->last().origin != "default";
  keys->Int("batch", "max_delay_us", 0, 1'000'000, &s.batch.max_delay_us);
  s.batch.delay_said = s.model.described || keys->last().origin != "default";
  s.instances.threads_said = s.model.described || threads_set;
  // As the earlier loader, which called from as many threads as there were calls.
  const bool grows =
      !threads_set && !s.model.described && s.instances.threads == 1 && s.batch.max_size == 1;
  s.instances.most_threads =
      grows ? static_cast<unsigned>(std::min<uint64_t>(s.licences, kMostThreads))
            : s.instances.threads;
  keys->Bool("http", "validate", &s.http.validate);
  keys->Int("http", "app_concurrency", 1, 65536, &s.http.app_concurrency);
}

}  // namespace aiges
