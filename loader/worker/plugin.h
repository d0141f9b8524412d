// SPDX-License-Identifier: Apache-2.0
// loader/worker/plugin.h: a loaded libwrapper.so.
//
// The only dlopen. wrapperInit and wrapperExec must be there; everything else is optional and NULL
// when missing. Immutable after Load; the functions' own thread rules are those of
// include/aiges/wrapper.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/wrapper.h"
#include "loader/base/status.h"
#include "loader/worker/failure.h"
#include "loader/worker/own_process.h"

namespace aiges {

// A function of the plugin. A child that it forked, and that comes back with it, ends there.
template <class Function>
class Hook;

template <class Result, class... Arguments>
class Hook<Result(Arguments...)> {
 public:
  Hook() = default;
  Hook(std::nullptr_t) {}
  explicit Hook(void* function) : function_(reinterpret_cast<Result (*)(Arguments...)>(function)) {}

  Result operator()(Arguments... arguments) const {
    const Result result = function_(arguments...);
    EndForkedChild();
    return result;
  }
  bool operator==(std::nullptr_t) const { return function_ == nullptr; }

 private:
  Result (*function_)(Arguments...) = nullptr;
};

class Plugin {
 public:
  // The file to load. `wanted`: its path; empty: the Python shim beside this program where
  // `folders` or PYTHONPATH have a wrapper.py, else libwrapper.so from LD_LIBRARY_PATH, then from
  // these folders, then the shim for Java where they have a jar. Empty when there is none; the
  // status names every place that was tried.
  static std::string Find(const std::string& wanted, const std::vector<std::string>& folders,
                          Status* status);
  static std::unique_ptr<Plugin> Load(const std::string& path, Status* status);

  const std::string& path() const { return path_; }
  // wrapperError's text, of at most kMostErrorText; a plain number when the plugin has none.
  std::string ErrorText(int code) const;
  // "<wrapperError>;code=<code>", with what wrapperErrorDetail and wrapperErrorClass say of it.
  // Once for each error, on the thread that got the code.
  Failure Error(Fault fault, int code) const;
  std::string Version() const;
  // What wrapperSchema and wrapperDoors say; empty, and said on stderr, where that is too long.
  std::string Schema() const;
  std::string Doors() const;

  Hook<decltype(wrapperSetCtrl)> set_ctrl;
  Hook<decltype(wrapperInit)> init;
  Hook<decltype(wrapperFini)> fini;
  Hook<decltype(wrapperError)> error;
  Hook<decltype(wrapperErrorDetail)> error_detail;
  Hook<decltype(wrapperErrorClass)> error_class;
  Hook<decltype(wrapperVersion)> version;
  Hook<decltype(wrapperExec)> exec;
  Hook<decltype(wrapperExecFree)> exec_free;
  Hook<decltype(wrapperExecAsync)> exec_async;
  Hook<decltype(wrapperExecBatch)> exec_batch;
  Hook<decltype(wrapperCreate)> create;
  Hook<decltype(wrapperWrite)> write;
  Hook<decltype(wrapperRead)> read;
  Hook<decltype(wrapperDestroy)> destroy;
  Hook<decltype(wrapperLoadRes)> load_res;
  Hook<decltype(wrapperUnloadRes)> unload_res;
  Hook<decltype(wrapperWarmup)> warmup;
  Hook<decltype(wrapperTraits)> traits;
  Hook<decltype(wrapperWishes)> wishes;
  Hook<decltype(wrapperSchema)> schema;
  Hook<decltype(wrapperDoors)> doors;
  Hook<decltype(wrapperDoorCall)> door_call;
  Hook<decltype(wrapperDoorEvent)> door_event;

 private:
  Plugin() = default;
  Status Resolve(void* library);

  std::string path_;
};

}  // namespace aiges
