// SPDX-License-Identifier: Apache-2.0
// tests/xtest/scratch.h: a folder of its own for a test, gone after it; and small file helpers.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace aiges {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "xtest-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

 private:
  std::string path_;
};

// Root may read and write everything: as somebody else for a moment, who may enter `folder`.
class AsNobody {
 public:
  explicit AsNobody(const std::string& folder) : user_(::geteuid()) {
    if (user_ != 0) return;
    ::chmod(folder.c_str(), 0755);
    done_ = ::seteuid(65534) == 0;
  }
  ~AsNobody() {
    if (done_ && ::seteuid(user_) != 0) std::abort();
  }

 private:
  const uid_t user_;
  bool done_ = false;
};

inline std::string Slurp(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

inline std::string Without(std::string text, const std::string& part) {
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos;) text.erase(at, part.size());
  return text;
}

inline size_t Count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

}  // namespace aiges
