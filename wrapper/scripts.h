// SPDX-License-Identifier: Apache-2.0
// wrapper/scripts.h: the Python code that is part of this library, and what it imports.
//
// Files of sdk/aiges, embedded by CMake. Each runs once, in a module of its own that is in no
// sys.modules, when it is first asked for; the modules of Python's that they and this library need
// are Python's own, also where a file of the user's bears such a name (_imports.py).
// All need the GIL. A failure is a NULL with a Python exception set.
#pragma once

#include <string>

#include "wrapper/python_ptr.h"

namespace aiges::shim {

enum class Script { kSignature, kStreaming, kEnding, kDetect };

// A function of a script.
Ref ScriptFunction(Script script, const char* name);
// Whether it has run.
bool ScriptRuns(Script script);

// A module of Python's own.
Ref OwnModule(const char* name);

// Files of the user's that stand in for modules of Python's, "" where there are none: what an
// exception that an import ended with may come from.
std::string FilesThatHide();

}  // namespace aiges::shim
