// loader/worker/main.cc: aiges-worker, the process that one instance of the engine lives in.
//
// Started by AIService only: aiges-worker <instance> <parent pid> <numa node> <library, or ""
// to look for one> <folder to look in>.., with the descriptors of channel/frame.h open.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "loader/worker/plugin.h"
#include "loader/worker/python_host.h"
#include "loader/worker/worker.h"

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "aiges-worker is started by AIService, not by hand.\n");
    return 2;
  }
  // All of this outlives the change into an interpreter.
  ::signal(SIGPIPE, SIG_IGN);  // As in every Python: a closed pipe is an error, not the end.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Dies with the loader, also while the engine is busy.
  if (::getppid() != std::atoi(argv[2])) return 0;
  const int node = std::atoi(argv[3]);
  if (node >= 0) {
    unsigned long mask = 1ul << (node % 64);  // MPOL_BIND = 2: memory of this node only.
    if (::syscall(SYS_set_mempolicy, 2, &mask, 65ul) != 0) {
      std::fprintf(stderr, "aiges-worker: AIGES_ENV_NUMA=%d: %s\n", node, std::strerror(errno));
    }
  }
  aiges::WorkerStart start;
  aiges::Status status;
  const std::vector<std::string> folders(argv + 5, argv + argc);
  start.library = aiges::Plugin::Find(argv[4], folders, &status);
  start.wrong = status.text;
  if (status.ok()) aiges::GoOnInsidePython(argv, &start);
  aiges::RunWorker(start);
}
