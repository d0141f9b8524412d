// wrapper/interpreter.h: starts CPython inside the worker, as the interpreter that the user chose.
//
// AIGES_PYTHON names it ([instances] python): a path, or a name on PATH; a venv's python gives the
// venv's packages. It must be of the Python version that this library was built for.
#pragma once

#include <string>

namespace aiges::shim {

// Empty: started, the GIL is released. Otherwise what is wrong. Call once per process.
std::string StartInterpreter();

// Runs atexit functions; the interpreter itself ends with the process.
void StopInterpreter();

}  // namespace aiges::shim
