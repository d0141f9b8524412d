// SPDX-License-Identifier: Apache-2.0
// loader/worker/python_host.h: a worker for the Python shim goes on inside the interpreter's
// program.
//
// A wheel's shim is linked to no libpython: many Pythons come without a shared one. Its Python
// symbols are those of the interpreter's own program, so that program must be the process. This
// one therefore becomes [instances] python, which loads libaiges-worker.so and runs the same
// worker (python_entry.cc). Descriptors, process id, group and parent stay what they are.
//
// A library says that it needs this by a file beside it, <library>.python, that has the version of
// Python it was built for. Belongs to the main thread, before there is any other.
#pragma once

#include <string>

#include "loader/worker/worker.h"

namespace aiges {

// Returns when the library needs no interpreter around it, or, with start->wrong set, when there is
// none. `argv`: of the worker.
void GoOnInsidePython(char** argv, WorkerStart* start);

}  // namespace aiges
