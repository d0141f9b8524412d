// SPDX-License-Identifier: Apache-2.0
// wrapper/python/program.h: the program that [instances] python names, found and judged.
//
// Both sides of the plugin wall ask this: the shim, which starts the interpreter in the worker's
// own process, and the worker, which goes on inside it (loader/worker/python_host.h). Knows no
// Python.h.
#pragma once

#include <string>

namespace aiges {

// What a start without an interpreter fails with.
inline constexpr int kNoPython = 30001;

struct PythonProgram {
  std::string path;     // Absolute; a venv's python as it is named, for its packages' sake.
  std::string version;  // "3.11"
};

// AIGES_PYTHON names it ([instances] python): a path, or a name on PATH; empty: python3. It must
// be a Python of version `built_for`. Empty: it is; otherwise what is wrong.
std::string FindPython(const std::string& built_for, PythonProgram* out);

}  // namespace aiges
