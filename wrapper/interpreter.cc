#include "wrapper/interpreter.h"

#include <Python.h>
#include <dlfcn.h>

#include "wrapper/py_error.h"
#include "wrapper/python/program.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {
namespace {

const std::string kBuiltFor =
    std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);

static_assert(kNoPython == kInitError, "one failure, whoever sees it");

// Extension modules expect the interpreter's symbols in the global scope; this library was loaded
// without RTLD_GLOBAL, and libpython with it.
void MakePythonGlobal() {
  Dl_info info;
  if (::dladdr(reinterpret_cast<void*>(&Py_InitializeFromConfig), &info) != 0) {
    ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  }
}

// The interpreter that runs already. Its threads keep to the GIL; this one may hold it or not, and
// the entries ask for it as everywhere.
std::string Adopt() {
  const std::string running = Py_GetVersion();  // "3.11.2 (main, ..".
  if (running.rfind(kBuiltFor + ".", 0) == 0) return "";
  return "the running Python is " + running.substr(0, running.find(' ')) +
         ", this libwrapper.so was built for Python " + kBuiltFor;
}

}  // namespace

std::string StartInterpreter() {
  // Where the worker went on inside the interpreter's own program (loader/worker/python_host.h).
  if (Py_IsInitialized() != 0) return Adopt();
  PythonProgram python;
  std::string wrong = FindPython(kBuiltFor, &python);
  if (!wrong.empty()) return wrong;
  MakePythonGlobal();

  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.buffered_stdio = 0;          // print() reaches the log line by line.
  config.install_signal_handlers = 0;  // The worker's signals are the host's.
  config.parse_argv = 0;
  wchar_t* path = Py_DecodeLocale(python.path.c_str(), nullptr);
  PyStatus status = PyConfig_SetString(&config, &config.program_name, path);
  if (!PyStatus_Exception(status)) {
    status = PyConfig_SetString(&config, &config.executable, path);
  }
  if (!PyStatus_Exception(status)) {
    wchar_t empty[] = L"";
    wchar_t* argv[] = {empty};  // argparse, torch and others read sys.argv[0].
    status = PyConfig_SetArgv(&config, 1, argv);
  }
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyMem_RawFree(path);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    return std::string("Python did not start: ") +
           (status.err_msg == nullptr ? "unknown reason" : status.err_msg);
  }
  PyEval_SaveThread();  // Threads take the GIL for each call, and leave it while the worker waits.
  return "";
}

void StopInterpreter() {
  if (Py_IsInitialized() == 0) return;
  const Gil gil;
  const Ref module = Ref::Steal(PyImport_ImportModule("atexit"));
  const Ref done =
      Ref::Steal(module ? PyObject_CallMethod(module.get(), "_run_exitfuncs", nullptr) : nullptr);
  if (!done) PyErr_Print();
}

}  // namespace aiges::shim
