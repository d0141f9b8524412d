// loader/worker/plugin.h: a loaded libwrapper.so.
//
// The only dlopen. wrapperInit and wrapperExec must be there; everything else is optional and NULL
// when missing. Immutable after Load; the functions' own thread rules are those of
// include/aiges/wrapper.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/wrapper.h"
#include "loader/base/status.h"

namespace aiges {

// What the engine says of a code that it returned. Code 0: empty.
struct EngineError {
  std::string text, detail;
};

class Plugin {
 public:
  // The file to load. `wanted`: its path; empty: libwrapper.so from LD_LIBRARY_PATH, then from
  // `folders`, then the Python shim beside this program. Empty when there is none; the status
  // names every place that was tried.
  static std::string Find(const std::string& wanted, const std::vector<std::string>& folders,
                          Status* status);
  static std::unique_ptr<Plugin> Load(const std::string& path, Status* status);

  const std::string& path() const { return path_; }
  // wrapperError's text; a plain number when the plugin has none.
  std::string ErrorText(int code) const;
  // And what wrapperErrorDetail says of it.
  EngineError Error(int code) const;
  std::string Version() const;
  // What wrapperSchema says; empty, and said on stderr, where it is longer than kMostSchema.
  std::string Schema() const;

  decltype(&wrapperSetCtrl) set_ctrl = nullptr;
  decltype(&wrapperInit) init = nullptr;
  decltype(&wrapperFini) fini = nullptr;
  decltype(&wrapperError) error = nullptr;
  decltype(&wrapperErrorDetail) error_detail = nullptr;
  decltype(&wrapperVersion) version = nullptr;
  decltype(&wrapperExec) exec = nullptr;
  decltype(&wrapperExecFree) exec_free = nullptr;
  decltype(&wrapperExecAsync) exec_async = nullptr;
  decltype(&wrapperExecBatch) exec_batch = nullptr;
  decltype(&wrapperCreate) create = nullptr;
  decltype(&wrapperWrite) write = nullptr;
  decltype(&wrapperRead) read = nullptr;
  decltype(&wrapperDestroy) destroy = nullptr;
  decltype(&wrapperLoadRes) load_res = nullptr;
  decltype(&wrapperUnloadRes) unload_res = nullptr;
  decltype(&wrapperWarmup) warmup = nullptr;
  decltype(&wrapperTraits) traits = nullptr;
  decltype(&wrapperSchema) schema = nullptr;

 private:
  Plugin() = default;
  Status Resolve(void* library);

  std::string path_;
};

}  // namespace aiges
