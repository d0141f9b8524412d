// wrapper/wrapper.cc: the C ABI of the Python shim. Thin: every entry takes the GIL, catches
// everything, and leaves the work to the contract.

#include "aiges/wrapper.h"

#include <pybind11/pybind11.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "wrapper/contract.h"
#include "wrapper/embed_module.h"
#include "wrapper/interpreter.h"
#include "wrapper/py_error.h"

#define AIGES_EXPORT extern "C" __attribute__((visibility("default")))

namespace aiges::shim {
namespace {

// Set once by wrapperInit, before any other thread calls in; lives as long as the process.
Contract* g_contract = nullptr;

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
    return SetError(kInitError, "import of wrapper.py raised " + TakePythonError());
  }
  std::unique_ptr<Contract> contract = MakeContract(module.get());
  if (contract == nullptr) return kInitError;
  const int code = contract->Init(ParamsToDict(config));
  g_contract = contract.release();
  return code;
}

int Exec(const char* usr_tag, const ParamList* params, const DataList* data, pDataList* out) {
  if (g_contract == nullptr) return SetError(kInitError, "wrapperInit was not called");
  ClearError();
  auto results = std::make_unique<ResultList>();
  {
    const Gil gil;
    const Ref dict = ParamsToDict(params);
    if (!dict) return SetError(kUserExecError, "params: " + TakePythonError());
    const int code = g_contract->Exec(usr_tag, dict, data, results.get());
    if (code != 0) {
      // Python objects in half a result need the GIL to go.
      ResultList::Free(ResultList::Release(results.release()));
      return code;
    }
  }
  *out = ResultList::Release(results.release());
  return 0;
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

}  // namespace
}  // namespace aiges::shim

using namespace aiges::shim;  // Entries only, below.

AIGES_EXPORT int wrapperSetCtrl(CtrlType type, void* func) {
  if (type == CTMeterCustom) SetMeter(reinterpret_cast<wrapperMeterCustom>(func));
  if (type == CTTraceLog) SetTrace(reinterpret_cast<wrapperTraceLog>(func));
  return 0;
}

AIGES_EXPORT int wrapperInit(pConfig cfg) {
  return Guarded([&] { return Init(cfg); });
}

AIGES_EXPORT int wrapperFini() {
  return Guarded([] {
    if (g_contract != nullptr) {
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

AIGES_EXPORT const char* wrapperVersion() { return "python " PY_VERSION; }

AIGES_EXPORT int wrapperExec(const char* usrTag, pParamList params, pDataList reqData,
                             pDataList* respData, unsigned int[], int) {
  return Guarded([&] { return Exec(usrTag, params, reqData, respData); });
}

AIGES_EXPORT int wrapperExecFree(const char*, pDataList* respData) {
  return Guarded([&] {
    ResultList::Free(*respData);
    *respData = nullptr;
    return 0;
  });
}
