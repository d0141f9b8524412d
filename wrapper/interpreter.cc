#include "wrapper/interpreter.h"

#include <Python.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "wrapper/python_ptr.h"

namespace aiges::shim {
namespace {

const std::string kBuiltFor =
    std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);

std::string OnPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// "3.11" of ".../python3.11"; empty when the name does not tell.
std::string VersionInName(const std::string& path) {
  char resolved[4096];
  if (::realpath(path.c_str(), resolved) == nullptr) return "";
  const std::string name = std::string(resolved).substr(std::string(resolved).rfind('/') + 1);
  const std::string prefix = "python";
  if (name.rfind(prefix, 0) != 0 || name.find('.') == std::string::npos) return "";
  return name.substr(prefix.size());
}

struct Interpreter {
  std::string path, version;
};

// Asks a program of unknown kind (a launcher script, say) what it really is.
Interpreter Ask(const std::string& program) {
  Interpreter found;
  const std::string command = "'" + program +
                              "' -I -c 'import sys;print(sys.executable);"
                              "print(\"%d.%d\"%sys.version_info[:2])' 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return found;
  char line[4096];
  if (std::fgets(line, sizeof line, pipe) != nullptr) found.path = line;
  if (std::fgets(line, sizeof line, pipe) != nullptr) found.version = line;
  ::pclose(pipe);
  for (std::string* s : {&found.path, &found.version}) {
    while (!s->empty() && s->back() == '\n') s->pop_back();
  }
  return found;
}

std::string Find(Interpreter* out) {
  const char* wanted = std::getenv("AIGES_PYTHON");
  std::string program = wanted == nullptr || *wanted == '\0' ? "python3" : wanted;
  const std::string shown = program;
  if (program.find('/') == std::string::npos) program = OnPath(program);
  if (program.empty() || ::access(program.c_str(), X_OK) != 0) {
    return "[instances] python: no such interpreter: " + shown;
  }
  if (program[0] != '/') {
    char folder[4096];
    if (::getcwd(folder, sizeof folder) != nullptr) program = std::string(folder) + "/" + program;
  }
  *out = {program, VersionInName(program)};
  if (out->version.empty() && program.find('\'') == std::string::npos) *out = Ask(program);
  if (out->version == kBuiltFor) return "";
  return "[instances] python: " + shown + " is " +
         (out->version.empty() ? "not a working Python" : "Python " + out->version) +
         ", this libwrapper.so was built for Python " + kBuiltFor +
         " (name another interpreter, or build again with -DPython3_EXECUTABLE=" + shown + ")";
}

// Extension modules expect the interpreter's symbols in the global scope; this library was loaded
// without RTLD_GLOBAL, and libpython with it.
void MakePythonGlobal() {
  Dl_info info;
  if (::dladdr(reinterpret_cast<void*>(&Py_InitializeFromConfig), &info) != 0) {
    ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  }
}

}  // namespace

std::string StartInterpreter() {
  Interpreter python;
  std::string wrong = Find(&python);
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
