#include "wrapper/python/program.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace aiges {
namespace {

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

// Asks a program of unknown kind (a launcher script, say) what it really is.
PythonProgram Ask(const std::string& program) {
  PythonProgram found;
  const std::string command = "'" + program +
                              "' -I -c 'import sys;print(sys.executable);"
                              "print(\"%d.%d\"%sys.version_info[:2])' 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return found;
  char line[4096];
  if (std::fgets(line, sizeof line, pipe) != nullptr) found.path = line;
  if (std::fgets(line, sizeof line, pipe) != nullptr) found.version = line;
  ::pclose(pipe);
  for (std::string* s : {&found.path, &found.version}) {
    while (!s->empty() && s->back() == '\n') s->pop_back();
  }
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
  if (out->version.empty() && program.find('\'') == std::string::npos) *out = Ask(program);
  if (out->version == built_for) return "";
  return "[instances] python: " + shown + " is " +
         (out->version.empty() ? "not a working Python" : "Python " + out->version) +
         ", this libwrapper.so was built for Python " + built_for +
         " (name another interpreter, or install AIGES with the pip of " + shown + ")";
}

}  // namespace aiges
