// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/plugin.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "loader/base/strings.h"
#include "loader/channel/frame.h"
#include "loader/worker/own_folder.h"

namespace aiges {
namespace {

constexpr const char* kLibrary = "libwrapper.so";
constexpr const char* kJavaLibrary = "libwrapper_java.so";
constexpr size_t kMostVersion = 256;

// A text of the plugin, which may be longer than anyone wants, or have no end. Cut between
// characters of UTF-8.
std::string Bounded(const char* text, size_t most) {
  const std::string_view begin(text, ::strnlen(text, most + 1));
  if (begin.size() <= most) return std::string(begin);
  return StrCat(CutUtf8(begin, most), "..");
}

std::vector<std::string> Listed(const char* variable) {
  const char* value = std::getenv(variable);
  std::istringstream list(value == nullptr ? "" : value);
  std::vector<std::string> folders;
  for (std::string folder; std::getline(list, folder, ':');) {
    if (!folder.empty()) folders.push_back(folder);
  }
  return folders;
}

std::string Contract() {
  const char* said = std::getenv("AIGES_CONTRACT");
  return said == nullptr ? "" : said;
}

// Whether the engine is a jar, where nothing says so: one that lies beside no Python.
bool HasJar(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    bool jar = false, python = false;
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error)) {
      const auto kind = at->path().extension();
      jar = jar || kind == ".jar";
      python = python || kind == ".py";
    }
    if (jar || python) return jar && !python;
  }
  return false;
}

// Whether the engine is in Python: as [aiges] contract says, or because there is a wrapper.py.
// Then the library beside it, or in LD_LIBRARY_PATH as in images of the earlier loader, is an older
// shim, which serves the same file less well.
bool IsPython(std::vector<std::string> folders) {
  if (const std::string contract = Contract(); !contract.empty()) {
    return contract != "c" && contract != "java";
  }
  for (const std::string& each : Listed("PYTHONPATH")) folders.push_back(each);
  for (const std::string& folder : folders) {
    for (const char* name : {"/wrapper.py", "/wrapper/__init__.py"}) {
      if (::access((folder + name).c_str(), F_OK) == 0) return true;
    }
  }
  return false;
}

std::vector<std::string> Candidates(const std::string& wanted,
                                    const std::vector<std::string>& folders) {
  // With a folder always: a bare name would make dlopen look elsewhere than aiges.toml says.
  if (!wanted.empty()) return {wanted.find('/') == std::string::npos ? "./" + wanted : wanted};
  const auto beside = [](const char* name) {
    return std::vector<std::string>{StrCat(OwnFolder(), "/", name),
                                    StrCat(OwnFolder(), "/library/", name)};
  };
  const std::string contract = Contract();
  if (contract == "java") return beside(kJavaLibrary);
  std::vector<std::string> out;
  const std::vector<std::string> shim = beside(kLibrary), java = beside(kJavaLibrary);
  if (IsPython(folders)) out = shim;
  for (const char* variable : {"LD_LIBRARY_PATH", "PYTHONPATH"}) {
    if (variable == std::string_view("PYTHONPATH")) {
      for (const std::string& folder : folders) out.push_back(StrCat(folder, "/", kLibrary));
    }
    for (const std::string& folder : Listed(variable)) {
      out.push_back(StrCat(folder, "/", kLibrary));
    }
  }
  std::vector<std::string> searched = folders;
  for (const std::string& folder : Listed("PYTHONPATH")) searched.push_back(folder);
  if (contract.empty() && HasJar(searched)) out.insert(out.end(), java.begin(), java.end());
  out.insert(out.end(), shim.begin(), shim.end());
  return out;
}

}  // namespace

std::string Plugin::Find(const std::string& wanted, const std::vector<std::string>& folders,
                         Status* status) {
  std::string tried;
  for (const std::string& path : Candidates(wanted, folders)) {
    if (::access(path.c_str(), F_OK) == 0) return path;
    tried += StrCat(tried.empty() ? "" : ", ", path);
  }
  // A build for all that has no JDK leaves it out.
  const char* hint = Contract() == "java" && wanted.empty()
                         ? " (this AIGES was built without a JDK: apt install "
                           "openjdk-17-jdk-headless, then make build)"
                         : "";
  *status =
      Status::Error(StatusKind::kInvalid, StrCat("plugin not found, looked for ", tried, hint));
  return "";
}

std::unique_ptr<Plugin> Plugin::Load(const std::string& path, Status* status) {
  // Not RTLD_GLOBAL: a plugin's own copy of a library must not replace that of another.
  ::dlerror();
  void* library = ::dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr) {
    *status = Status::Error(StatusKind::kInvalid,
                            StrCat("plugin ", path, " cannot be loaded: ", ::dlerror()));
    return nullptr;
  }
  std::unique_ptr<Plugin> plugin(new Plugin);
  plugin->path_ = path;
  *status = plugin->Resolve(library);
  return status->ok() ? std::move(plugin) : nullptr;
}

Status Plugin::Resolve(void* library) {
  std::string missing;
  const auto find = [&](auto* function, const char* name, bool mandatory) {
    *function = std::remove_pointer_t<decltype(function)>(::dlsym(library, name));
    if (*function == nullptr && mandatory) missing += StrCat(missing.empty() ? "" : ", ", name);
  };
  find(&init, "wrapperInit", true);
  find(&exec, "wrapperExec", true);
  find(&set_ctrl, "wrapperSetCtrl", false);
  find(&fini, "wrapperFini", false);
  find(&error, "wrapperError", false);
  find(&error_detail, "wrapperErrorDetail", false);
  find(&error_class, "wrapperErrorClass", false);
  find(&version, "wrapperVersion", false);
  find(&exec_free, "wrapperExecFree", false);
  find(&exec_async, "wrapperExecAsync", false);
  find(&exec_batch, "wrapperExecBatch", false);
  find(&create, "wrapperCreate", false);
  find(&write, "wrapperWrite", false);
  find(&read, "wrapperRead", false);
  find(&destroy, "wrapperDestroy", false);
  find(&load_res, "wrapperLoadRes", false);
  find(&unload_res, "wrapperUnloadRes", false);
  find(&warmup, "wrapperWarmup", false);
  find(&traits, "wrapperTraits", false);
  find(&wishes, "wrapperWishes", false);
  find(&schema, "wrapperSchema", false);
  find(&doors, "wrapperDoors", false);
  find(&door_call, "wrapperDoorCall", false);
  find(&door_event, "wrapperDoorEvent", false);
  if (missing.empty()) return Status::Ok();
  return Status::Error(StatusKind::kInvalid,
                       StrCat("plugin ", path_, " does not export ", missing,
                              " (see include/aiges/wrapper.h; extern \"C\", default visibility)"));
}

std::string Plugin::ErrorText(int code) const {
  const char* text = error == nullptr ? nullptr : error(code);
  return text == nullptr ? StrCat("engine error ", code) : Bounded(text, kMostErrorText);
}

Failure Plugin::Error(Fault fault, int code) const {
  Failure out{fault, StrCat(ErrorText(code), ";code=", code)};
  const char* detail = error_detail == nullptr ? nullptr : error_detail(code);
  if (detail != nullptr) out.detail.assign(detail, ::strnlen(detail, kMostDetail));
  const int said = error_class == nullptr ? 0 : error_class(code);
  const bool known = said >= 0 && said <= static_cast<int>(ErrorClass::kUnknown);
  if (known) out.error_class = static_cast<ErrorClass>(said);
  return out;
}

namespace {

// A text of the engine; empty, and said, where it is too long.
std::string Said(const char* function, const char* text, size_t most) {
  if (text == nullptr) return "";
  const size_t length = ::strnlen(text, most + 1);
  if (length <= most) return {text, length};
  std::fprintf(stderr, "aiges-worker: %s: expected at most %zu bytes, got more: ignored\n",
               function, most);
  return "";
}

}  // namespace

std::string Plugin::Version() const {
  const char* text = version == nullptr ? nullptr : version();
  return text == nullptr ? "" : Bounded(text, kMostVersion);
}

std::string Plugin::Schema() const {
  return schema == nullptr ? "" : Said("wrapperSchema", schema(), kMostSchema);
}

std::string Plugin::Doors() const {
  if (doors == nullptr) return "";
  std::string said = Said("wrapperDoors", doors(), kMostDoors);
  if (said.empty() || (door_call != nullptr && door_event != nullptr)) return said;
  std::fprintf(stderr,
               "aiges-worker: wrapperDoors: expected a plugin that names doors to have "
               "wrapperDoorCall and wrapperDoorEvent: ignored\n");
  return "";
}

}  // namespace aiges
