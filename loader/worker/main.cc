// SPDX-License-Identifier: Apache-2.0
// loader/worker/main.cc: aiges-worker, the process that one instance of the engine lives in.
//
// Started by AIService only: aiges-worker <instance> <parent pid> <confinement> <library, or ""
// to look for one> <folder to look in>.., with the descriptors of channel/frame.h open; or
// aiges-worker --guard, the process of guard.h.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "loader/channel/confinement.h"
#include "loader/channel/guard.h"
#include "loader/worker/guard.h"
#include "loader/worker/plugin.h"
#include "loader/worker/python_host.h"
#include "loader/worker/sandbox.h"
#include "loader/worker/worker.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], aiges::kGuardArgument) == 0) aiges::RunGuard();
  if (argc < 5) {
    std::fprintf(stderr, "aiges-worker is started by AIService, not by hand.\n");
    return 2;
  }
  // All of this outlives the change into an interpreter.
  // As in every Python: a closed pipe, or a file that may not grow, is an error, not the end.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Dies with the loader, also while the engine is busy.
  if (::getppid() != std::atoi(argv[2])) return 0;
  aiges::WorkerStart start;
  aiges::Status status;
  const auto confinement = aiges::ReadConfinement(argv[3]);
  start.wrong = confinement ? aiges::EnterSandbox(*confinement) : "broken command line";
  // The loader may have ended while the kernel had forgotten what to do then.
  if (::getppid() != std::atoi(argv[2])) return 0;
  if (!start.wrong.empty()) aiges::RunWorker(start);
  const std::vector<std::string> folders(argv + 5, argv + argc);
  start.library = aiges::Plugin::Find(argv[4], folders, &status);
  start.wrong = status.text;
  if (status.ok()) start.wrong = aiges::CloseFolders(*confinement, start.library);
  if (start.wrong.empty()) aiges::GoOnInsidePython(argv, &start);
  aiges::RunWorker(start);
}
