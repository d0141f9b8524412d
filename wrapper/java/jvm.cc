// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/jvm.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "wrapper/java/crash.h"
#include "wrapper/java/env.h"
#include "wrapper/jvm/java_home.h"

namespace aiges::java {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnJar = "aiges-engine.jar";
constexpr char kBetween = '\x1f';  // Options in AIGES_JAVA_OPTIONS.
constexpr size_t kMostSaid = 2000;

// What the JVM prints while it starts: why it does not.
std::string g_said;
bool g_started = false;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, at);) {
    if (!part.empty()) out.push_back(part);
  }
  return out;
}

jint OnPrint(std::FILE* stream, const char* format, va_list arguments) {
  if (g_started) return std::vfprintf(stream, format, arguments);
  char line[512];
  va_list copy;
  va_copy(copy, arguments);
  const int size = std::vsnprintf(line, sizeof line, format, copy);
  va_end(copy);
  if (g_said.size() < kMostSaid) g_said += line;
  return size;
}

std::string OwnFolder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&StartJvm), &info) == 0) return ".";
  return fs::path(info.dli_fname).parent_path().string();
}

// Names of files that are no ASCII are readable only in a locale of UTF-8, as in Python.
void PreferUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (!Variable(name).empty()) return;
  }
  ::setenv("LC_CTYPE", "C.UTF-8", 1);
}

std::vector<std::string> OptionsFor(const std::string& own_jar, const std::string& jar) {
  // Ours come first: the same classes in the user's jar are never looked at.
  std::vector<std::string> all{
      "-Djava.class.path=" + own_jar + ":" + jar,
      // One log, in one encoding. (The second pair is what Java 17 calls the third.)
      "-Dfile.encoding=UTF-8", "-Dsun.stdout.encoding=UTF-8", "-Dsun.stderr.encoding=UTF-8",
      "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8",
      // Files of mapped counters, which a killed process leaves behind.
      "-XX:-UsePerfData",
      "-XX:ErrorFile=" + (Variable("TMPDIR").empty() ? "/tmp" : Variable("TMPDIR")) +
          "/hs_err_pid%p.log"};
  const std::string heap = Variable("AIGES_JAVA_HEAP_MB");
  if (!heap.empty()) all.push_back("-Xmx" + heap + "m");
  for (std::string& option : Split(Variable("AIGES_JAVA_OPTIONS"), kBetween)) {
    all.push_back(std::move(option));
  }
  return all;
}

std::string Lines(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

}  // namespace

std::string FindJar(std::string* jar) {
  const std::vector<std::string> folders = Split(Variable("PYTHONPATH"), ':');
  for (const std::string& folder : folders) {
    std::vector<std::string> found;
    std::error_code error;
    for (const fs::directory_entry& each : fs::directory_iterator(folder, error)) {
      if (each.path().extension() == ".jar" && each.is_regular_file(error)) {
        found.push_back(each.path().string());
      }
    }
    if (found.empty()) continue;
    std::sort(found.begin(), found.end());
    if (found.size() == 1) {
      *jar = fs::absolute(found[0], error).lexically_normal().string();
      if (jar->find(':') == std::string::npos) return "";
      return "expected a jar without a colon in its path, got " + *jar;
    }
    std::string names;
    for (const std::string& each : found) {
      names += (names.empty() ? "" : ", ") + fs::path(each).filename().string();
    }
    return "expected one *.jar in " + folder + ", found " + std::to_string(found.size()) + ": " +
           names +
           " (put what the engine needs into a folder lib/ and name it in the manifest's "
           "Class-Path, or build one jar of all)";
  }
  std::string searched;
  for (const std::string& folder : folders) searched += (searched.empty() ? "" : ", ") + folder;
  return "no *.jar found in " + searched +
         " (put the engine's jar there, or name its folder by [instances] pythonpath)";
}

std::string StartJvm(const std::string& jar) {
  JavaHome java;
  std::string wrong = FindJava(&java);
  if (!wrong.empty()) return wrong;
  const std::string own_jar = OwnFolder() + "/" + kOwnJar;
  if (::access(own_jar.c_str(), R_OK) != 0) {
    return "expected " + own_jar + ", which belongs to libwrapper_java.so: install AIGES again";
  }
  // Global, as the java program has it: native libraries of engines expect its symbols.
  void* const library = ::dlopen(java.library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return java.library + " cannot be loaded: " + (why == nullptr ? "" : why);
  }
  using Create = jint(JavaVM**, void**, void*);
  auto* const create = reinterpret_cast<Create*>(::dlsym(library, "JNI_CreateJavaVM"));
  if (create == nullptr) return java.library + " has no JNI_CreateJavaVM";
  PreferUtf8();
  std::vector<std::string> texts = OptionsFor(own_jar, jar);
  std::vector<JavaVMOption> options;
  static char print_name[] = "vfprintf";
  options.push_back({print_name, reinterpret_cast<void*>(&OnPrint)});
  AddEndHooks(&options);
  for (std::string& text : texts) options.push_back({text.data(), nullptr});
  JavaVMInitArgs arguments{JNI_VERSION_10, static_cast<jint>(options.size()), options.data(),
                           JNI_FALSE};
  JavaVM* jvm = nullptr;
  void* env = nullptr;
  const jint code = create(&jvm, &env, &arguments);
  g_started = true;
  if (code != JNI_OK) {
    return "Java " + java.version + " does not start (code " + std::to_string(code) +
           "): " + (g_said.empty() ? "no reason given" : Lines(g_said)) +
           " (see [instances] java_options and java_heap_mb)";
  }
  if (!g_said.empty()) std::fprintf(stderr, "%s", g_said.c_str());
  SetJvm(jvm);
  WatchForTheEnd(jvm);
  return "";
}

}  // namespace aiges::java
