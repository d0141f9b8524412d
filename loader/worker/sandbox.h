// SPDX-License-Identifier: Apache-2.0
// loader/worker/sandbox.h: a worker gives up what its engine does not need (channel/confinement.h,
// docs/sandbox.md), before it has read a byte that a user wrote.
//
// Two steps: Enter before the plugin and its Python are looked for, since looking may start a
// program; CloseFolders when it is known where they lie. Both before there is a second thread, and
// in this order, on which each depends: control group, CPUs, limits, user, no_new_privs,
// capabilities, system calls; files last, as the C library reads some for what is before.
// Errors: "[sandbox] <key>: <what, and what to do>"; empty where there is none. What the kernel
// cannot do (Landlock) is left out: the loader has said so.
#pragma once

#include <string>
#include <vector>

#include "loader/channel/confinement.h"

namespace aiges {

std::string EnterSandbox(const Confinement& confinement);

// `library`: the plugin's file. Lets in: what is installed on the system, the plugin, the Python
// that AIGES_PYTHON names with its packages, PYTHONPATH, GPUs, the folders that `confinement`
// names; the files that it hides stay out. Does nothing where it is not strict.
std::string CloseFolders(const Confinement& confinement, const std::string& library);

// The folders that the Python named `program` needs: of its environment, of what that is made from,
// and of its own. Never "/".
std::vector<std::string> PythonFolders(const std::string& program);

}  // namespace aiges
