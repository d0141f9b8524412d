// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/python_host.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "loader/base/strings.h"
#include "loader/worker/hosted_py.h"  // Made by CMake from sdk/aiges/_hosted.py.
#include "loader/worker/own_folder.h"
#include "wrapper/python/program.h"

namespace aiges {
namespace {

// "3.11" when the library wants to be inside an interpreter, else empty.
std::string VersionWanted(const std::string& library) {
  char resolved[4096];
  if (::realpath(library.c_str(), resolved) == nullptr) return "";
  std::ifstream file(StrCat(resolved, ".python"));
  std::string version;
  file >> version;
  return version;
}

}  // namespace

void GoOnInsidePython(char** argv, WorkerStart* start) {
  const std::string version = VersionWanted(start->library);
  if (version.empty()) return;
  PythonProgram python;
  std::string wrong = FindPython(version, &python);
  if (wrong.empty()) {
    std::string worker = StrCat(OwnFolder(), "/libaiges-worker.so");
    if (::access(worker.c_str(), R_OK) != 0) {
      wrong = StrCat("expected ", worker, ", which belongs to aiges-worker: install AIGES again");
    } else {
      std::string unbuffered = "-u", command = "-c", code(kHostedPython), confined;
      char* arguments[] = {python.path.data(),
                           unbuffered.data(),
                           command.data(),
                           code.data(),
                           worker.data(),
                           argv[1],
                           argv[2],
                           confined.data(),  // It is done.
                           start->library.data(),
                           nullptr};
      ::execv(python.path.c_str(), arguments);
      wrong = StrCat("[instances] python: cannot start ", python.path, ": ", ErrnoText(errno));
    }
  }
  start->code = kNoPython;  // As the shim says it where it starts the interpreter itself.
  start->wrong = StrCat("wrapperInit failed: ", wrong);
}

}  // namespace aiges
