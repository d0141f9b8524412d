// SPDX-License-Identifier: Apache-2.0
#include "wrapper/jvm/java_home.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

namespace aiges {
namespace {

constexpr int kOldest = 17;
constexpr const char* kInstall = "install Java 17 or later (Debian: openjdk-17-jre-headless)";

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string OnPath(const std::string& name) {
  std::istringstream folders(Variable("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

std::string Resolved(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  const std::string out = resolved == nullptr ? "" : resolved;
  std::free(resolved);
  return out;
}

// The folder of a JDK or JRE: `path` itself, or what the program `path` lies in.
std::string HomeOf(const std::string& path) {
  std::string home = Resolved(path);
  constexpr std::string_view kProgram = "/bin/java";
  const std::string_view view = home;
  if (view.size() > kProgram.size() && view.substr(view.size() - kProgram.size()) == kProgram) {
    home.resize(home.size() - kProgram.size());
  }
  return home;
}

// JAVA_VERSION="17.0.15"
std::string VersionOf(const std::string& home) {
  std::ifstream release(home + "/release");
  constexpr std::string_view kLine = "JAVA_VERSION=\"";
  for (std::string line; std::getline(release, line);) {
    if (line.rfind(kLine, 0) != 0) continue;
    return line.substr(kLine.size(), line.find('"', kLine.size()) - kLine.size());
  }
  return "";
}

}  // namespace

std::string FindJava(JavaHome* out) {
  std::string where = "[instances] java", said = Variable("AIGES_JAVA");
  if (said.empty()) {
    where = "JAVA_HOME";
    said = Variable("JAVA_HOME");
  }
  if (said.empty()) {
    where = "java on PATH";
    said = OnPath("java");
  }
  if (said.empty()) {
    return std::string(
               "no Java: expected its folder in [instances] java or JAVA_HOME, or java on PATH; ") +
           kInstall;
  }
  out->home = HomeOf(said);
  out->library = out->home + "/lib/server/libjvm.so";
  out->version = VersionOf(out->home);
  const int version = std::atoi(out->version.c_str());  // 1 of "1.8.0".
  const bool there = !out->home.empty() && ::access(out->library.c_str(), R_OK) == 0;
  if (version > 0 && version < kOldest) {
    return where + ": expected Java 17 or later, got " + out->version + " in " + said;
  }
  if (there) return "";
  return where + ": expected a folder with lib/server/libjvm.so, or the bin/java of one, got " +
         said + "; " + kInstall;
}

}  // namespace aiges
