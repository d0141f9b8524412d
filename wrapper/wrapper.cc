// wrapper/wrapper.cc: the C ABI of the Python shim. Thin: every entry takes the GIL, catches
// everything, and leaves the work to the contract.

#include "aiges/wrapper.h"

#include <pybind11/pybind11.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "wrapper/contract.h"
#include "wrapper/embed_module.h"
#include "wrapper/interpreter.h"
#include "wrapper/py_error.h"
#include "wrapper/sessions.h"

#define AIGES_EXPORT extern "C" __attribute__((visibility("default")))

namespace aiges::shim {
namespace {

// Set once by wrapperInit, before any other thread calls in; lives as long as the process.
Contract* g_contract = nullptr;
PyObject* g_config = nullptr;

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

int Init(const ParamList* config) {
  const std::string wrong = StartInterpreter();
  if (!wrong.empty()) return SetError(kInitError, wrong);
  const Gil gil;
  // Also when wrapper.py does not import it: requests are made of its classes.
  if (!ProvideEmbedModule()) return SetPythonError(kInitError, "aiges_embed: ");
  const Ref module = Ref::Steal(PyImport_ImportModule("wrapper"));
  if (!module) {
    bool absent = false;
    if (PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) {
      PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
      PyErr_Fetch(&type, &value, &trace);
      PyErr_NormalizeException(&type, &value, &trace);
      const Ref name = Ref::Steal(PyObject_GetAttrString(value, "name"));
      absent = name && PyUnicode_CompareWithASCIIString(name.get(), "wrapper") == 0;
      PyErr_Clear();
      PyErr_Restore(type, value, trace);
    }
    if (absent) {
      PyErr_Clear();
      return SetError(kInitError, "no wrapper.py found in " + SearchedFolders() +
                                      " (put its folder on PYTHONPATH or in [instances] "
                                      "pythonpath)");
    }
    return SetPythonError(kInitError, "import of wrapper.py raised ");
  }
  std::unique_ptr<Contract> contract = MakeContract(module.get());
  if (contract == nullptr) return kInitError;
  g_config = ParamsToDict(config).release();
  const int code = contract->Init(Ref::Borrow(g_config));
  g_contract = contract.release();
  return code;
}

int Exec(Contract& contract, const char* usr_tag, const ParamList* params, const DataList* data,
         pDataList* out, const unsigned* psr_ids, int psr_count) {
  ClearError();
  const TagScope scope(usr_tag);
  auto results = std::make_unique<ResultList>();
  {
    const Gil gil;
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
  const bool stepped = !c.has_create() && !c.stream_takes_input() &&
                       c.stream_kind() == Hook::Kind::kGenerator;
  const bool called_back = c.has_create() ? !c.has_read() : !stepped;
  if (c.has_sessions() && called_back) traits |= WTraitCallback;
  const bool async = c.once_kind() == Hook::Kind::kAsyncGenerator ||
                     c.once_kind() == Hook::Kind::kCoroutine;
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
  if (type == CTTraceLog) SetTrace(reinterpret_cast<wrapperTraceLog>(func));
  if (type == CTCallState) SetCallState(reinterpret_cast<wrapperCallState>(func));
  if (type == CTTryCallback) SetTryCallback(reinterpret_cast<wrapperCallback>(func));
  return 0;
}

AIGES_EXPORT int wrapperInit(pConfig cfg) {
  return Guarded([&] { return Init(cfg); });
}

AIGES_EXPORT int wrapperFini() {
  return Guarded([] {
    if (g_contract != nullptr) {
      StopStreams();
      const Gil gil;
      g_contract->Fini();
    }
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

AIGES_EXPORT const char* wrapperVersion() { return "python " PY_VERSION; }

AIGES_EXPORT int wrapperExec(const char* usrTag, pParamList params, pDataList reqData,
                             pDataList* respData, unsigned int psrIds[], int psrCnt) {
  return WithContract([&](Contract& contract) {
    return Exec(contract, usrTag, params, reqData, respData, psrIds, psrCnt);
  });
}

AIGES_EXPORT int wrapperExecAsync(const char* usrTag, pParamList params, pDataList reqData,
                                  wrapperCallback cb, int, unsigned int psrIds[], int psrCnt) {
  return WithContract([&](Contract& contract) {
    return BeginCall(contract, usrTag, params, reqData, cb, psrIds, psrCnt);
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
    handle = CreateSession(contract, usrTag, params, cb, psrIds, psrCnt, errNum);
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

AIGES_EXPORT const char* wrapperDebugInfo(const void*) { return ""; }

AIGES_EXPORT int wrapperExecFree(const char*, pDataList* respData) {
  return Guarded([&] {
    ResultList::Free(*respData);
    *respData = nullptr;
    return 0;
  });
}
