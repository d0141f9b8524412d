// SPDX-License-Identifier: Apache-2.0
// wrapper/interpreter.h: starts CPython inside the worker, as the interpreter that the user chose.
//
// AIGES_PYTHON names it ([instances] python): a path, or a name on PATH; a venv's python gives the
// venv's packages. It must be of the Python version that this library was built for.
#pragma once

#include <string>

namespace aiges::shim {

// Empty: started, the GIL is released. Otherwise what is wrong. Call once per process.
std::string StartInterpreter();

// The end of Python, as the interpreter ends itself, but within a time: sdk/aiges/_ending.py, which
// says what is done and why the interpreter is not taken down. On the thread of StartInterpreter.
// From WatchTheEnd on the process ends after `seconds`, whatever hangs: then with status 0, open
// files written, and the log says what was cut off.
void WatchTheEnd(double seconds);
void StopInterpreter();

}  // namespace aiges::shim
