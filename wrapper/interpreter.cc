// SPDX-License-Identifier: Apache-2.0
#include "wrapper/interpreter.h"

#include <Python.h>
#include <dlfcn.h>
#include <unistd.h>

#include "wrapper/py_error.h"
#include "wrapper/python/program.h"
#include "wrapper/python_ptr.h"
#include "wrapper/scripts.h"

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

// A native crash (ctypes, a CUDA kernel) shows the Python lines that led to it, in the log. Not
// where the user has switched it on himself (PYTHONFAULTHANDLER, -X dev); what he does later
// replaces it.
void ShowNativeCrashes() {
  const Gil gil;
  const Ref module = Ref::Steal(PyImport_ImportModule("faulthandler"));
  const Ref enabled =
      Ref::Steal(module ? PyObject_CallMethod(module.get(), "is_enabled", nullptr) : nullptr);
  if (enabled && PyObject_IsTrue(enabled.get()) == 0) {
    // The descriptor: sys.stderr may be replaced by something without one.
    Ref::Steal(PyObject_CallMethod(module.get(), "enable", "i", STDERR_FILENO));
  }
  if (PyErr_Occurred() != nullptr) TakePythonError();  // It serves without.
}

}  // namespace

std::string StartInterpreter() {
  // Where the worker went on inside the interpreter's own program (loader/worker/python_host.h).
  if (Py_IsInitialized() != 0) {
    std::string wrong = Adopt();
    if (wrong.empty()) ShowNativeCrashes();
    return wrong;
  }
  PythonProgram python;
  std::string wrong = FindPython(kBuiltFor, &python);
  if (!wrong.empty()) return wrong;
  MakePythonGlobal();

  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.buffered_stdio = 0;           // print() reaches the log line by line.
  config.install_signal_handlers = 0;  // The worker's signals are the host's.
  config.parse_argv = 0;
  // By bytes: decoding needs what pre-initialisation sets up (encoding, allocator), and these
  // functions see to that.
  PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, python.path.c_str());
  if (!PyStatus_Exception(status)) {
    status = PyConfig_SetBytesString(&config, &config.executable, python.path.c_str());
  }
  if (!PyStatus_Exception(status)) {
    char empty[] = "";
    char* argv[] = {empty};  // argparse, torch and others read sys.argv[0].
    status = PyConfig_SetBytesArgv(&config, 1, argv);
  }
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    return std::string("Python did not start: ") +
           (status.func == nullptr ? "" : std::string(status.func) + ": ") +
           (status.err_msg == nullptr ? "unknown reason" : status.err_msg) + " (" + python.path +
           "; what it printed is above in the log)";
  }
  PyEval_SaveThread();  // Threads take the GIL for each call, and leave it while the worker waits.
  ShowNativeCrashes();
  return "";
}

void WatchTheEnd(double seconds) {
  if (Py_IsInitialized() == 0) return;
  const Gil gil;
  const Ref watch = ScriptFunction(Script::kEnding, "watch");
  const Ref done = Ref::Steal(watch ? PyObject_CallFunction(watch.get(), "d", seconds) : nullptr);
  if (!done) TakePythonError();  // No more threads: the loader has the last word.
}

void StopInterpreter() {
  if (Py_IsInitialized() == 0) return;
  const Gil gil;
  const Ref end = ScriptFunction(Script::kEnding, "end");
  const Ref done = Ref::Steal(end ? PyObject_CallObject(end.get(), nullptr) : nullptr);
  if (!done) TakePythonError();
}

}  // namespace aiges::shim
