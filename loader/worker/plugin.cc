#include "loader/worker/plugin.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "loader/base/strings.h"
#include "loader/channel/frame.h"
#include "loader/worker/own_folder.h"

namespace aiges {
namespace {

constexpr const char* kLibrary = "libwrapper.so";

std::vector<std::string> Candidates(const std::string& wanted,
                                    const std::vector<std::string>& folders) {
  // With a folder always: a bare name would make dlopen look elsewhere than aiges.toml says.
  if (!wanted.empty()) return {wanted.find('/') == std::string::npos ? "./" + wanted : wanted};
  std::vector<std::string> out;
  for (const char* variable : {"LD_LIBRARY_PATH", "PYTHONPATH"}) {
    if (variable == std::string_view("PYTHONPATH")) {
      for (const std::string& folder : folders) out.push_back(StrCat(folder, "/", kLibrary));
    }
    const char* value = std::getenv(variable);
    std::istringstream list(value == nullptr ? "" : value);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) out.push_back(StrCat(folder, "/", kLibrary));
    }
  }
  out.push_back(StrCat(OwnFolder(), "/", kLibrary));
  out.push_back(StrCat(OwnFolder(), "/library/", kLibrary));
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
  *status = Status::Error(StatusKind::kInvalid, StrCat("plugin not found, looked for ", tried));
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
    using Pointer = std::remove_pointer_t<decltype(function)>;
    *function = reinterpret_cast<Pointer>(::dlsym(library, name));
    if (*function == nullptr && mandatory) missing += StrCat(missing.empty() ? "" : ", ", name);
  };
  find(&init, "wrapperInit", true);
  find(&exec, "wrapperExec", true);
  find(&set_ctrl, "wrapperSetCtrl", false);
  find(&fini, "wrapperFini", false);
  find(&error, "wrapperError", false);
  find(&error_detail, "wrapperErrorDetail", false);
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
  find(&schema, "wrapperSchema", false);
  if (missing.empty()) return Status::Ok();
  return Status::Error(StatusKind::kInvalid,
                       StrCat("plugin ", path_, " does not export ", missing,
                              " (see include/aiges/wrapper.h; extern \"C\", default visibility)"));
}

std::string Plugin::ErrorText(int code) const {
  const char* text = error == nullptr ? nullptr : error(code);
  return text == nullptr ? StrCat("engine error ", code) : text;
}

EngineError Plugin::Error(int code) const {
  if (code == 0) return {};
  EngineError out{ErrorText(code), ""};
  const char* detail = error_detail == nullptr ? nullptr : error_detail(code);
  if (detail != nullptr) out.detail.assign(detail, ::strnlen(detail, kMostDetail));
  return out;
}

std::string Plugin::Version() const {
  const char* text = version == nullptr ? nullptr : version();
  return text == nullptr ? "" : text;
}

std::string Plugin::Schema() const {
  const char* text = schema == nullptr ? nullptr : schema();
  if (text == nullptr) return "";
  const size_t length = ::strnlen(text, kMostSchema + 1);
  if (length <= kMostSchema) return {text, length};
  std::fprintf(stderr, "aiges-worker: wrapperSchema: expected at most %zu bytes, got more: ignored\n",
               kMostSchema);
  return "";
}

}  // namespace aiges
