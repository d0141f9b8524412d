// SPDX-License-Identifier: Apache-2.0
// wrapper/wrapper.cc: the C ABI of the Python shim. Thin: every entry takes the GIL, catches
// everything, and leaves the work to the contract.

#include "aiges/wrapper.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "wrapper/call_context.h"
#include "wrapper/contract.h"
#include "wrapper/deliveries.h"
#include "wrapper/doors.h"
#include "wrapper/embed_module.h"
#include "wrapper/interpreter.h"
#include "wrapper/lent_input.h"
#include "wrapper/model_calls.h"
#include "wrapper/py_error.h"
#include "wrapper/scripts.h"
#include "wrapper/sdk_path.h"
#include "wrapper/sessions.h"

#define AIGES_EXPORT extern "C" __attribute__((visibility("default")))

namespace aiges::shim {
namespace {

// Set once by wrapperInit, before any other thread calls in; lives as long as the process.
Contract* g_contract = nullptr;
PyObject* g_config = nullptr;

// Of the time that the end of Python may take, in seconds: for cutting it off in order.
constexpr double kLastWords = 0.5;

std::string SearchedFolders() {
  std::string out;
  PyObject* path = PySys_GetObject("path");
  const Py_ssize_t count = path != nullptr && PyList_Check(path) ? PyList_Size(path) : 0;
  for (Py_ssize_t i = 0; i < count && i < 8; ++i) {
    const char* folder = PyUnicode_AsUTF8(PyList_GetItem(path, i));
    out += (out.empty() ? "" : ", ") + std::string(folder == nullptr ? "?" : folder);
  }
  PyErr_Clear();
  return out;
}

// How the user's code is written, as the loader says, or else as the folder's files do: a contract
// of ours (aiges.contracts) reads it in place of wrapper.py. False after SetError.
bool FindContract(std::string* name) {
  const char* said = std::getenv("AIGES_CONTRACT");
  *name = said == nullptr ? "" : said;
  if (!name->empty()) return true;
  // A script: the package aiges is the user's to import, who may have another one in front.
  const Ref here = ScriptFunction(Script::kDetect, "contract_here");
  const Ref found = Ref::Steal(here ? PyObject_CallObject(here.get(), nullptr) : nullptr);
  const char *text = nullptr, *problem = nullptr;
  if (!found || PyArg_ParseTuple(found.get(), "ss", &text, &problem) == 0) {
    return SetPythonError(kInitError, "libwrapper.so's own part of Python: ") == 0;
  }
  if (*problem != '\0') return SetError(kInitError, problem) == 0;
  *name = text;
  return true;
}

// The user's own module: that of [aiges] app, "module" or "module:name", the one with a typed
// model, or wrapper.py.
std::string UsersModule(const std::string& contract) {
  const char* app = std::getenv("AIGES_APP");
  if (app != nullptr && *app != '\0') return std::string(app).substr(0, std::strcspn(app, ":."));
  if (contract != "typed") return "wrapper";
  const Ref here = ScriptFunction(Script::kDetect, "typed_module_here");
  const Ref name = Ref::Steal(here ? PyObject_CallObject(here.get(), nullptr) : nullptr);
  const char* text = name ? PyUnicode_AsUTF8(name.get()) : nullptr;
  PyErr_Clear();  // The contract says what is wrong.
  return text == nullptr ? "wrapper" : text;
}

// wrapperVersion's: Python's, and the user's file once it is known.
std::string g_version = "python " PY_VERSION;

// Where the user's code lies, for the texts of errors; also of what cannot be imported.
void FindOwnFolder(const std::string& contract) {
  const Ref util = OwnModule("importlib.util");
  const Ref spec = Ref::Steal(
      util ? PyObject_CallMethod(util.get(), "find_spec", "s", UsersModule(contract).c_str())
           : nullptr);
  const Ref origin = Ref::Steal(spec ? PyObject_GetAttrString(spec.get(), "origin") : nullptr);
  PyErr_Clear();  // The import says what is wrong.
  const std::string file = origin ? ShownText(origin.get()) : "";
  if (file.find('/') == std::string::npos) return;
  SetOwnFolder(file.substr(0, file.rfind('/') + 1));
  g_version = "python " PY_VERSION ", " + file.substr(file.rfind('/') + 1);
}

// Whether the exception that is raised says that the module of that name is not there.
bool IsAbsent(const std::string& module) {
  if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) return false;
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  const Ref name = Ref::Steal(PyObject_GetAttrString(value, "name"));
  const bool absent = name && PyUnicode_CompareWithASCIIString(name.get(), module.c_str()) == 0;
  PyErr_Clear();
  PyErr_Restore(type, value, trace);
  return absent;
}

// import wrapper, or the contract; NULL after SetError.
Ref ImportWrapper() {
  std::string contract;
  if (!FindContract(&contract)) return Ref();
  FindOwnFolder(contract);
  const bool own = contract == "aiges";
  const std::string name = own ? UsersModule(contract) : "aiges.contracts." + contract;
  Ref module = Ref::Steal(PyImport_ImportModule(name.c_str()));
  if (module) return module;
  if (IsAbsent(name)) {
    PyErr_Clear();
    SetError(kInitError, own ? "no " + name + ".py found in " + SearchedFolders() +
                                   " (put its folder on PYTHONPATH or in [instances] pythonpath)"
                             : "[aiges] contract: expected one of those in the package "
                               "aiges.contracts, got \"" +
                                   contract + "\"");
    return Ref();
  }
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  const std::string hiding = FilesThatHide();
  PyErr_Restore(type, value, trace);
  const std::string what = own ? "import of " + name + ".py" : "import of the contract " + contract;
  SetPythonError(kInitError, what + " raised ",
                 hiding.empty() ? "" : " (imported instead of Python's own: " + hiding + ")");
  return Ref();
}

int Init(const ParamList* config) {
  const std::string wrong = StartInterpreter();
  if (!wrong.empty()) return SetError(kInitError, wrong);
  const Gil gil;
  // Before wrapper.py may change what these find; threading is first imported on this thread, which
  // is its main thread therefore.
  if (!OwnModule("traceback") || !ScriptFunction(Script::kSignature, "look") ||
      !ScriptFunction(Script::kEnding, "end")) {
    return SetPythonError(kInitError, "libwrapper.so's own part of Python: ");
  }
  OfferOwnPackages();
  // Also when wrapper.py does not import it: requests are made of its classes.
  if (!ProvideEmbedModule()) return SetPythonError(kInitError, "aiges_embed: ");
  const Ref module = ImportWrapper();
  if (!module) return kInitError;
  std::unique_ptr<Contract> contract = MakeContract(module.get());
  if (contract == nullptr) return kInitError;
  // Here rather than in the first call: what it imports is to be Python's own.
  if (contract->streams() && !ScriptFunction(Script::kStreaming, "drive")) {
    return SetPythonError(kInitError, "libwrapper.so's own part of Python: ");
  }
  g_config = ParamsToDict(config).release();
  const int code = contract->Init(Ref::Borrow(g_config));
  g_contract = contract.release();
  return code;
}

int Exec(Contract& contract, const char* usr_tag, const ParamList* params, const DataList* data,
         pDataList* out, const unsigned* psr_ids, int psr_count) {
  ClearError();
  const TagScope scope(usr_tag);
  const CallNote caller(usr_tag, params);
  auto results = std::make_unique<ResultList>();
  results->LendInputs();
  {
    const Gil gil;
    FollowTrace();
    const Ref dict = ParamsToDict(params);
    if (!dict) return SetPythonError(kUserExecError, "params: ");
    const CallArgs args{usr_tag, dict.get(), psr_ids, psr_count};
    const int code = contract.Once(args, data, results.get());
    if (code != 0) return code;
  }
  *out = ResultList::Release(results.release());
  return 0;
}

int ExecBatch(Contract& contract, unsigned count, const char* const tags[],
              const pParamList params[], const pDataList data[], pDataList out[], int rets[]) {
  ClearError();
  std::vector<std::unique_ptr<ResultList>> results;
  std::vector<ResultList*> lists;
  std::vector<std::unique_ptr<CallNote>> callers;
  for (unsigned i = 0; i < count; ++i) {
    callers.push_back(std::make_unique<CallNote>(tags[i], params[i]));
  }
  int code = 0;
  {
    const Gil gil;
    std::vector<Ref> dicts;
    std::vector<CallArgs> args;
    for (unsigned i = 0; i < count; ++i) {
      dicts.push_back(ParamsToDict(params[i]));
      if (!dicts.back()) return SetPythonError(kUserExecError, "params: ");
      args.push_back({tags[i], dicts.back().get()});
      lists.push_back(results.emplace_back(std::make_unique<ResultList>()).get());
      lists.back()->LendInputs();
    }
    code = contract.ExecBatch(args, {data, data + count}, &lists, rets);
  }
  for (unsigned i = 0; i < count; ++i) {
    pDataList head = ResultList::Release(results[i].release());
    if (code == 0 && rets[i] == 0) {
      out[i] = head;
    } else {
      ResultList::Free(head);
    }
  }
  return code;
}

unsigned Traits(const Contract& c) {
  unsigned traits = 0;
  if (c.has_sessions()) traits |= WTraitSessions;
  // Only a plain generator that gets its whole input can be stepped; the rest calls back.
  const bool stepped =
      !c.has_create() && !c.stream_takes_input() && c.stream_kind() == Hook::Kind::kGenerator;
  const bool called_back = c.has_create() ? !c.has_read() : !stepped;
  if (c.has_sessions() && called_back) traits |= WTraitCallback;
  if (c.has_create() && c.has_read()) traits |= WTraitReadOrCallback;
  const bool async =
      c.once_kind() == Hook::Kind::kAsyncGenerator || c.once_kind() == Hook::Kind::kCoroutine;
  if (async || (c.has_once() && !c.has_exec() && !c.has_batch())) traits |= WTraitAsyncOnce;
  if (c.has_batch()) traits |= WTraitBatch;
  if (c.has_resources()) traits |= WTraitResources;
  return traits;
}

// Runs an entry; nothing thrown may reach the C frames above.
template <class Body>
int Guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& e) {
    return SetError(kUserExecError, e.what());
  } catch (...) {
    return SetError(kUserExecError, "unknown C++ exception");
  }
}

// The same for entries that need wrapper.py, which is there after a wrapperInit that went well.
template <class Body>
int WithContract(Body body) noexcept {
  if (g_contract != nullptr) return Guarded([&] { return body(*g_contract); });
  return Guarded([] { return SetError(kInitError, "wrapperInit was not called, or failed"); });
}

}  // namespace
}  // namespace aiges::shim

using namespace aiges::shim;  // Entries only, below.

AIGES_EXPORT int wrapperSetCtrl(CtrlType type, void* func) {
  if (type == CTMeterCustom) SetMeter(reinterpret_cast<wrapperMeterCustom>(func));
  if (type == CTMetrics) SetMetrics(reinterpret_cast<wrapperMetrics>(func));
  if (type == CTTraceLog) SetTrace(reinterpret_cast<wrapperTraceLog>(func));
  if (type == CTCallState) SetCallState(reinterpret_cast<wrapperCallState>(func));
  if (type == CTTryCallback) SetTryCallback(reinterpret_cast<wrapperCallback>(func));
  if (type == CTAlive) SetAlive(reinterpret_cast<wrapperAlive>(func));
  if (type == CTKeepInput) SetKeepInput(reinterpret_cast<wrapperKeepInput>(func));
  if (type == CTDoorTook) SetDoorTook(reinterpret_cast<wrapperDoorTook>(func));
  if (type == CTCallModel) SetCallModel(reinterpret_cast<wrapperCallModel>(func));
  if (type == CTCallNext) SetCallNext(reinterpret_cast<wrapperCallNext>(func));
  if (type == CTCallEnd) SetCallEnd(reinterpret_cast<wrapperCallEnd>(func));
  return 0;
}

AIGES_EXPORT int wrapperInit(pConfig cfg) {
  return Guarded([&] { return Init(cfg); });
}

AIGES_EXPORT int wrapperFini() {
  return Guarded([] {
    const double left = SecondsLeft();
    WatchTheEnd(std::max(left - std::min(left / 4, kLastWords), 0.0));
    if (g_contract != nullptr) {
      StopStreams(left / 4);
      const Gil gil;
      g_contract->Fini();
    }
    EndLoop(left / 4);  // wrapperFini may use it still.
    StopInterpreter();
    return 0;
  });
}

AIGES_EXPORT const char* wrapperError(int errNum) {
  if (const char* own = LastError(errNum)) return own;
  const int code = Guarded([&] {
    if (g_contract == nullptr) return SetError(errNum, "wrapper error");
    const Gil gil;
    const std::string text = g_contract->ErrorText(errNum);
    return SetError(errNum, text.empty() ? "wrapper error" : text);
  });
  const char* text = LastError(code);
  return text == nullptr ? "wrapper error" : text;
}

AIGES_EXPORT const char* wrapperErrorDetail(int errNum) { return LastDetail(errNum); }

AIGES_EXPORT int wrapperErrorClass(int errNum) { return LastClass(errNum); }

AIGES_EXPORT const char* wrapperVersion() { return g_version.c_str(); }

AIGES_EXPORT int wrapperExec(const char* usrTag, pParamList params, pDataList reqData,
                             pDataList* respData, unsigned int psrIds[], int psrCnt) {
  return WithContract([&](Contract& contract) {
    return Exec(contract, usrTag, params, reqData, respData, psrIds, psrCnt);
  });
}

AIGES_EXPORT int wrapperExecAsync(const char* usrTag, pParamList params, pDataList reqData,
                                  wrapperCallback cb, int, unsigned int psrIds[], int psrCnt) {
  return WithContract([&](Contract& contract) {
    return BeginCall({contract, usrTag, params, cb, psrIds, psrCnt}, reqData);
  });
}

AIGES_EXPORT int wrapperExecBatch(unsigned int count, const char* const usrTags[],
                                  const pParamList params[], const pDataList reqData[],
                                  pDataList respData[], int rets[]) {
  return WithContract([&](Contract& contract) {
    return ExecBatch(contract, count, usrTags, params, reqData, respData, rets);
  });
}

AIGES_EXPORT const void* wrapperCreate(const char* usrTag, pParamList params, wrapperCallback cb,
                                       unsigned int psrIds[], int psrCnt, int* errNum) {
  const void* handle = nullptr;
  const int code = WithContract([&](Contract& contract) {
    handle = CreateSession({contract, usrTag, params, cb, psrIds, psrCnt}, errNum);
    return 0;
  });
  if (code != 0) *errNum = code;
  return handle;
}

AIGES_EXPORT int wrapperWrite(const void* handle, pDataList reqData) {
  return Guarded([&] { return WriteSession(handle, reqData); });
}

AIGES_EXPORT int wrapperRead(const void* handle, pDataList* respData) {
  return Guarded([&] { return ReadSession(handle, respData); });
}

AIGES_EXPORT int wrapperDestroy(const void* handle) {
  return Guarded([&] { return DestroySession(handle); });
}

AIGES_EXPORT int wrapperLoadRes(pDataList perData, unsigned int resId) {
  return WithContract([&](Contract& contract) {
    const Gil gil;
    return contract.LoadRes(perData, resId);
  });
}

AIGES_EXPORT int wrapperUnloadRes(unsigned int resId) {
  return WithContract([&](Contract& contract) {
    const Gil gil;
    return contract.UnloadRes(resId);
  });
}

AIGES_EXPORT unsigned int wrapperTraits() {
  return g_contract == nullptr ? 0 : Traits(*g_contract);
}

AIGES_EXPORT int wrapperWishes(WrapperWishes* wishes) {
  return WithContract([wishes](Contract& contract) {
    const Gil gil;
    contract.Wishes(wishes);
    return 0;
  });
}

AIGES_EXPORT int wrapperWarmup() {
  return WithContract([](Contract& contract) {
    const Gil gil;
    return contract.Warmup(Ref::Borrow(g_config));
  });
}

AIGES_EXPORT const char* wrapperSchema() {
  static std::string schema;  // Asked once.
  const int code = WithContract([](Contract& contract) {
    const Gil gil;
    schema = contract.Schema();
    return 0;
  });
  return code == 0 ? schema.c_str() : nullptr;
}

AIGES_EXPORT const char* wrapperDoors() {
  static std::string doors;  // Asked once.
  const int code = WithContract([](Contract& contract) {
    const Gil gil;
    doors = contract.Doors();
    return 0;
  });
  return code == 0 ? doors.c_str() : nullptr;
}

AIGES_EXPORT int wrapperDoorCall(const char* usrTag, pDataList part, wrapperCallback) {
  return Guarded([&] { return BeginDoorCall(usrTag, part); });
}

AIGES_EXPORT int wrapperDoorEvent(const char* usrTag, int event, pDataList part) {
  return Guarded([&] { return TellDoor(usrTag, event, part); });
}

AIGES_EXPORT const char* wrapperDebugInfo(const void*) { return ""; }

AIGES_EXPORT int wrapperExecFree(const char*, pDataList* respData) {
  return Guarded([&] {
    ResultList::Free(*respData);
    *respData = nullptr;
    return 0;
  });
}
