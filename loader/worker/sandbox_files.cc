// SPDX-License-Identifier: Apache-2.0
// loader/worker/sandbox_files.cc: which files a strict sandbox leaves to a worker.

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "loader/base/landlock.h"
#include "loader/base/strings.h"
#include "loader/worker/own_folder.h"
#include "loader/worker/sandbox.h"
#include "wrapper/jvm/java_home.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;
using Access = LandlockRules::Access;

// Of /etc what the C library, TLS and frameworks read; not what else an administrator keeps there.
constexpr const char* kSystem[] = {"/usr",
                                   "/lib",
                                   "/lib32",
                                   "/lib64",
                                   "/libx32",
                                   "/bin",
                                   "/sbin",
                                   "/opt",
                                   "/nix/store",
                                   "/proc",
                                   "/sys",
                                   "/etc/ld.so.cache",
                                   "/etc/ld.so.conf",
                                   "/etc/ld.so.conf.d",
                                   "/etc/ld.so.preload",
                                   "/etc/localtime",
                                   "/etc/timezone",
                                   "/etc/passwd",
                                   "/etc/group",
                                   "/etc/nsswitch.conf",
                                   "/etc/resolv.conf",
                                   "/etc/hosts",
                                   "/etc/host.conf",
                                   "/etc/gai.conf",
                                   "/etc/services",
                                   "/etc/protocols",
                                   "/etc/mime.types",
                                   "/etc/magic",
                                   "/etc/os-release",
                                   "/etc/debian_version",
                                   "/etc/alternatives",
                                   "/etc/ssl/certs",
                                   "/etc/ssl/openssl.cnf",
                                   "/etc/ca-certificates",
                                   "/etc/pki/tls/certs",
                                   "/etc/pki/ca-trust",
                                   "/etc/crypto-policies",
                                   "/etc/fonts",
                                   "/etc/OpenCL",
                                   "/etc/vulkan",
                                   "/etc/glvnd",
                                   "/etc/ImageMagick-6",
                                   "/etc/python3",
                                   "/etc/locale.alias",
                                   "/etc/inputrc"};
constexpr const char* kDevices[] = {"/dev/null",
                                    "/dev/zero",
                                    "/dev/full",
                                    "/dev/random",
                                    "/dev/urandom",
                                    "/dev/nvidiactl",
                                    "/dev/nvidia-uvm",
                                    "/dev/nvidia-uvm-tools",
                                    "/dev/nvidia-modeset",
                                    "/dev/nvidia-caps",
                                    "/dev/nvidia-caps-imex-channels",
                                    "/dev/dri",
                                    "/dev/kfd",
                                    "/proc/self",
                                    "/dev/fd"};
constexpr int kMostGpus = 64;

bool IsBelow(const fs::path& path, const fs::path& folder) {
  const auto [end, _] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

std::vector<std::string> Split(const char* list) {
  std::vector<std::string> out;
  std::istringstream in(list == nullptr ? "" : list);
  for (std::string item; std::getline(in, item, ':');) {
    if (!item.empty()) out.push_back(item);
  }
  return out;
}

class Files {
 public:
  explicit Files(const Confinement& c) : rules_(LandlockAbi(), c.network) {
    std::error_code error;
    for (const std::string& file : c.hidden) {
      const fs::path real = fs::canonical(file, error);
      if (!error) hidden_.push_back(real);
    }
  }

  // What is there of it.
  void Offer(const std::string& path, Access access) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (!error && real != "/") Let(real, access);
  }
  // It must be there.
  void Need(const char* key, const std::string& path, Access access) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) return Fail(StrCat("[sandbox] ", key, ": ", path, ": ", error.message()));
    if (access == Access::kWrite && Hides(real)) {
      return Fail(StrCat("[sandbox] write: ", path,
                         " holds files of AIService's own (its configuration, keys): expected a "
                         "folder without them"));
    }
    Let(real, access);
  }
  std::string Close() {
    if (wrong_.empty()) {
      wrong_ = rules_.Restrict();
      if (!wrong_.empty()) wrong_ = StrCat("[sandbox] strict: ", wrong_);
    }
    return wrong_;
  }

 private:
  bool Hides(const fs::path& folder) const {
    return std::any_of(hidden_.begin(), hidden_.end(),
                       [&](const fs::path& file) { return IsBelow(file, folder); });
  }
  void Fail(std::string why) {
    if (wrong_.empty()) wrong_ = std::move(why);
  }
  // A folder with a hidden file is let in piece by piece: Landlock has nothing that takes away.
  // What is made in it later stays out, too.
  void Let(const fs::path& real, Access access) {
    if (std::find(hidden_.begin(), hidden_.end(), real) != hidden_.end()) return;
    std::error_code error;
    if (access == Access::kRead && Hides(real)) {
      Add(real, Access::kList);
      for (const fs::directory_entry& each : fs::directory_iterator(real, error)) {
        // What a link leads to lies elsewhere, and is let in there or not at all.
        if (!each.is_symlink(error)) Let(each.path(), access);
      }
      return;
    }
    Add(real, access);
  }
  void Add(const fs::path& real, Access access) {
    const std::string wrong = rules_.Allow(real, access);
    if (!wrong.empty()) Fail(StrCat("[sandbox] strict: ", wrong));
  }

  LandlockRules rules_;
  std::vector<fs::path> hidden_;
  std::string wrong_;
};

void OfferPython(Files* files) {
  const char* program = ::getenv("AIGES_PYTHON");
  for (const std::string& folder : PythonFolders(program == nullptr ? "" : program)) {
    files->Offer(folder, Access::kRead);
  }
  for (const std::string& folder : Split(::getenv("PYTHONPATH"))) {
    files->Offer(folder, Access::kRead);
  }
  if (const char* home = ::getenv("HOME")) {
    files->Offer(StrCat(home, "/.local/lib"), Access::kRead);  // pip install --user
  }
}

void OfferJava(Files* files) {
  JavaHome java;
  if (FindJava(&java).empty()) files->Offer(java.home, Access::kRead);
}

std::string OnPath(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const std::string& folder : Split(::getenv("PATH"))) {
    const std::string file = StrCat(folder, "/", name);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// <prefix> of <prefix>/bin/<program>.
void AddPrefix(const fs::path& program, std::vector<std::string>* out) {
  const fs::path prefix = program.parent_path().parent_path();
  if (!prefix.empty() && prefix != "/") out->push_back(prefix);
}

// pyvenv.cfg of an environment: "home = <folder of the program that it was made with>".
std::string HomeOf(const fs::path& environment) {
  std::ifstream file(environment / "pyvenv.cfg");
  for (std::string line; std::getline(file, line);) {
    const size_t sign = line.find('=');
    if (sign == std::string::npos) continue;
    if (Trimmed(std::string_view(line).substr(0, sign)) == "home") {
      return std::string(Trimmed(std::string_view(line).substr(sign + 1)));
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> PythonFolders(const std::string& program) {
  std::vector<std::string> out;
  const std::string found = OnPath(program.empty() ? "python3" : program);
  std::error_code error;
  if (found.empty()) return out;
  const fs::path path = fs::absolute(found, error).lexically_normal();
  AddPrefix(path, &out);
  AddPrefix(fs::canonical(path, error), &out);
  const std::string home = HomeOf(path.parent_path().parent_path());
  if (!home.empty()) {
    AddPrefix(fs::path(home) / "python", &out);
    AddPrefix(fs::canonical(home, error) / "python", &out);
  }
  return out;
}

std::string CloseFolders(const Confinement& c, const std::string& library) {
  if (!c.strict || LandlockAbi() == 0) return "";
  Files files(c);
  for (const char* path : kSystem) files.Offer(path, Access::kRead);
  for (const char* path : kDevices) files.Offer(path, Access::kDevice);
  for (int i = 0; i < kMostGpus; ++i) {
    files.Offer(StrCat("/dev/nvidia", i), Access::kDevice);
  }
  const fs::path own = OwnFolder();
  for (const char* beside : {"", "../sdk", "../compat", "../lib"}) {
    files.Offer(own / beside, Access::kRead);
  }
  if (!library.empty()) files.Offer(fs::path(library).parent_path(), Access::kRead);
  for (const std::string& folder : Split(::getenv("LD_LIBRARY_PATH"))) {
    files.Offer(folder, Access::kRead);
  }
  OfferPython(&files);
  OfferJava(&files);
  for (const char* variable : {"AIGES_RESOURCES", "AIGES_CONFIG_DIR"}) {
    if (const char* folder = ::getenv(variable)) files.Offer(folder, Access::kRead);
  }
  for (const std::string& path : c.read) files.Need("read", path, Access::kRead);
  for (const std::string& path : c.write) files.Need("write", path, Access::kWrite);
  return files.Close();
}

}  // namespace aiges
