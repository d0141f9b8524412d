// SPDX-License-Identifier: Apache-2.0
#include "wrapper/scripts.h"

#include <cstddef>

// Made by CMake from sdk/aiges/contracts/_detect.py, _ending.py, _imports.py, _signature.py and
// _streaming.py.
#include "wrapper/detect_py.h"
#include "wrapper/ending_py.h"
#include "wrapper/imports_py.h"
#include "wrapper/plan_py.h"
#include "wrapper/streaming_py.h"

namespace aiges::shim {
namespace {

struct Source {
  const char* name;
  const char* text;
};
constexpr Source kSources[] = {{"_signature", kPlanPython},
                               {"_streaming", kStreamingPython},
                               {"_ending", kEndingPython},
                               {"_detect", kDetectPython}};

// Modules of the scripts, by number; never given back, as the interpreter. With the GIL.
PyObject* g_modules[std::size(kSources)];

// The names of _imports.py.
PyObject* ImportsScope() {
  static PyObject* scope = nullptr;
  if (scope != nullptr) return scope;
  const Ref code =
      Ref::Steal(Py_CompileString(kImportsPython, "<libwrapper.so>/_imports.py", Py_file_input));
  Ref made = Ref::Steal(code ? PyDict_New() : nullptr);
  if (!made) return nullptr;
  PyDict_SetItemString(made.get(), "__builtins__", PyEval_GetBuiltins());
  const Ref done = Ref::Steal(PyEval_EvalCode(code.get(), made.get(), made.get()));
  if (!done) return nullptr;
  if (scope == nullptr) scope = made.release();  // Another thread may have been here too.
  return scope;
}

Ref CallImports(const char* function, const char* name, const char* source) {
  PyObject* scope = ImportsScope();
  if (scope == nullptr) return Ref();
  PyObject* load = PyDict_GetItemString(scope, function);
  if (name == nullptr) return Ref::Steal(PyObject_CallObject(load, nullptr));
  return Ref::Steal(PyObject_CallFunction(load, "sz", name, source));
}

}  // namespace

Ref ScriptFunction(Script script, const char* name) {
  const auto number = static_cast<size_t>(script);
  if (g_modules[number] == nullptr) {
    Ref made = CallImports("load", kSources[number].name, kSources[number].text);
    if (!made) return Ref();
    // Its imports let other threads run: one of them may have been here too.
    if (g_modules[number] == nullptr) g_modules[number] = made.release();
  }
  return Ref::Steal(PyObject_GetAttrString(g_modules[number], name));
}

bool ScriptRuns(Script script) { return g_modules[static_cast<size_t>(script)] != nullptr; }

Ref OwnModule(const char* name) { return CallImports("load", name, nullptr); }

std::string FilesThatHide() {
  const Ref files = CallImports("hiding", nullptr, nullptr);
  const char* text = files ? PyUnicode_AsUTF8(files.get()) : nullptr;
  if (text == nullptr) PyErr_Clear();
  return text == nullptr ? "" : text;
}

}  // namespace aiges::shim
