// SPDX-License-Identifier: Apache-2.0
// loader/worker/main.cc: aiges-worker, the process that one instance of the engine lives in.
//
// Started by AIService only: aiges-worker <instance> <parent pid> <numa node> <library, or ""
// to look for one> <folder to look in>.., with the descriptors of channel/frame.h open; or
// aiges-worker --guard, the process of guard.h.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "loader/channel/guard.h"
#include "loader/worker/guard.h"
#include "loader/worker/plugin.h"
#include "loader/worker/python_host.h"
#include "loader/worker/worker.h"

namespace {

constexpr int kMostNodes = 1024;  // MAX_NUMNODES of the largest kernels.
constexpr int kBind = 2;          // MPOL_BIND: memory of these nodes only.

bool UseMemoryOfNode(int node) {
  constexpr int kBits = 8 * sizeof(unsigned long);
  std::array<unsigned long, kMostNodes / kBits> mask{};
  if (node >= kMostNodes) {
    errno = EINVAL;
    return false;
  }
  mask[static_cast<size_t>(node / kBits)] = 1ul << (node % kBits);
  return ::syscall(SYS_set_mempolicy, kBind, mask.data(), mask.size() * kBits + 1) == 0;
}

}  // namespace

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
  const int node = std::atoi(argv[3]);
  if (node >= 0 && !UseMemoryOfNode(node)) {
    std::fprintf(stderr, "aiges-worker: AIGES_ENV_NUMA=%d: %s\n", node, std::strerror(errno));
  }
  aiges::WorkerStart start;
  aiges::Status status;
  const std::vector<std::string> folders(argv + 5, argv + argc);
  start.library = aiges::Plugin::Find(argv[4], folders, &status);
  start.wrong = status.text;
  if (status.ok()) aiges::GoOnInsidePython(argv, &start);
  aiges::RunWorker(start);
}
