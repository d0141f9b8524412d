// SPDX-License-Identifier: Apache-2.0
#include "loader/config/file_watch.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

// Packages, caches and data lie there, not what somebody edits.
bool IsForeign(const fs::path& folder) {
  const std::string name = folder.filename().string();
  std::error_code error;
  return name.starts_with('.') || name == "__pycache__" || name == "site-packages" ||
         name == "node_modules" || fs::exists(folder / "pyvenv.cfg", error);
}

bool HasCode(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".py") return true;
  }
  return false;
}

}  // namespace

FileWatch::FileWatch(std::vector<std::string> files, std::vector<std::string> folders)
    : files_(std::move(files)), folders_(std::move(folders)) {
  const char* inherited = std::getenv("PYTHONPATH");
  std::istringstream list(inherited == nullptr ? "" : inherited);
  for (std::string folder; std::getline(list, folder, ':');) {
    if (!folder.empty()) libraries_.push_back(folder);
  }
  folders_.emplace_back(".");
  seen_ = Look();
}

void FileWatch::LookAt(const std::string& path, Marks* out) {
  const FileMark mark = MarkOf(path);
  if (mark.exists()) (*out)[path] = mark;
}

void FileWatch::LookAtJars(const std::string& folder, Marks* out) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".jar") LookAt(at->path().string(), out);
  }
}

void FileWatch::LookBelow(const std::string& folder, Marks* out) {
  std::error_code error;
  constexpr auto kSkip = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(folder, kSkip, error), end; !error && at != end;
       at.increment(error)) {
    if (out->size() >= kMostFiles) return;
    std::error_code ignored;
    if (at->is_directory(ignored)) {
      if (IsForeign(at->path())) at.disable_recursion_pending();
    } else if (at->path().extension() == ".py") {
      LookAt(at->path().string(), out);
    }
  }
}

FileWatch::Marks FileWatch::Look() const {
  Marks marks;
  for (const std::string& file : files_) LookAt(file, &marks);
  for (const std::string& folder : folders_) {
    LookAtJars(folder, &marks);
    if (HasCode(folder)) LookBelow(folder, &marks);
  }
  for (const std::string& folder : libraries_) {
    std::error_code error;
    if (fs::exists(StrCat(folder, "/wrapper.py"), error)) LookBelow(folder, &marks);
  }
  return marks;
}

std::string FileWatch::Changed() {
  std::string changed;
  for (auto& [path, mark] : Look()) {
    const auto [known, fresh] = seen_.try_emplace(path, mark);
    if (!fresh && known->second == mark) continue;
    known->second = mark;
    changed = path;
  }
  return changed;
}

}  // namespace aiges
