// SPDX-License-Identifier: Apache-2.0
#include "wrapper/python/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

extern char** environ;

namespace aiges {
namespace {

constexpr int64_t kAskMs = 20'000;  // A launcher may look for its Python on a slow disk.
constexpr size_t kMostOutput = 8192;

std::string OnPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// "3.11" of ".../python3.11"; empty when the name does not tell.
std::string VersionInName(const std::string& path) {
  char resolved[4096];
  if (::realpath(path.c_str(), resolved) == nullptr) return "";
  const std::string name = std::string(resolved).substr(std::string(resolved).rfind('/') + 1);
  const std::string prefix = "python";
  if (name.rfind(prefix, 0) != 0 || name.find('.') == std::string::npos) return "";
  return name.substr(prefix.size());
}

// What a program writes to its stdout, at most `most` bytes; "" when it does not start, fails, or
// takes longer than kAskMs.
std::string OutputOf(std::vector<const char*> arguments, size_t most) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // The channel is nobody else's.
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, arguments[0], &actions, nullptr,
                                   const_cast<char**>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  std::string out;
  bool ended = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAskMs);
  while (failed == 0 && !ended && out.size() < most) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd readable{pipe[0], POLLIN, 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) == 0) break;
    char bytes[512];
    const ssize_t n = ::read(pipe[0], bytes, sizeof bytes);
    ended = n == 0 || (n < 0 && errno != EINTR);
    if (n > 0) out.append(bytes, static_cast<size_t>(n));
  }
  ::close(pipe[0]);
  if (failed != 0) return "";
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return ended && status == 0 ? out : "";
}

// Asks a program of unknown kind (a launcher script, say) what it really is.
PythonProgram Ask(const std::string& program) {
  PythonProgram found;
  std::istringstream lines(
      OutputOf({program.c_str(), "-I", "-c",
                "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])"},
               kMostOutput));
  std::getline(lines, found.path);
  std::getline(lines, found.version);
  return found;
}

}  // namespace

std::string FindPython(const std::string& built_for, PythonProgram* out) {
  const char* wanted = std::getenv("AIGES_PYTHON");
  std::string program = wanted == nullptr || *wanted == '\0' ? "python3" : wanted;
  const std::string shown = program;
  if (program.find('/') == std::string::npos) program = OnPath(program);
  if (program.empty() || ::access(program.c_str(), X_OK) != 0) {
    return "[instances] python: no such interpreter: " + shown;
  }
  if (program[0] != '/') {
    char folder[4096];
    if (::getcwd(folder, sizeof folder) != nullptr) program = std::string(folder) + "/" + program;
  }
  *out = {program, VersionInName(program)};
  if (out->version.empty()) *out = Ask(program);
  if (out->version == built_for) return "";
  return "[instances] python: " + shown + " is " +
         (out->version.empty() ? "not a working Python" : "Python " + out->version) +
         ", this libwrapper.so was built for Python " + built_for +
         " (name another interpreter, or install AIGES with the pip of " + shown + ")";
}

}  // namespace aiges
