// SPDX-License-Identifier: Apache-2.0
// loader/worker/worker.h: the life of a worker, from its hello to its end, in whichever program.
//
// aiges-worker (main.cc) is one; an interpreter that went on as a worker (python_entry.cc) is the
// other. Belongs to the main thread.
#pragma once

#include <string>

namespace aiges {

// What main made of the command line: the plugin's file, or why there is none.
struct WorkerStart {
  std::string library;
  std::string wrong;  // Empty: nothing is. Goes to the loader as the reason of a failed start.
  int code = 0;       // Of `wrong`.
};

// Loads the engine, says whether that worked, and runs what comes until it is told to finish.
// Does not return: destructors of a half-shut-down plugin are where processes hang at the end.
[[noreturn]] void RunWorker(const WorkerStart& start);

}  // namespace aiges
