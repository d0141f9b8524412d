// SPDX-License-Identifier: Apache-2.0
// loader/worker/python_entry.cc: the door of libaiges-worker.so, called by an interpreter that goes
// on as a worker (python_host.h). argv is that of aiges-worker, its library found already.

#include <sys/prctl.h>

#include "loader/worker/worker.h"

extern "C" __attribute__((visibility("default"))) int aiges_worker_main(int argc, char** argv) {
  if (argc < 5) return 2;
  ::prctl(PR_SET_NAME, "aiges-worker");  // For ps and top.
  aiges::WorkerStart start;
  start.library = argv[4];
  aiges::RunWorker(start);
}
