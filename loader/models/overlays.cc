// SPDX-License-Identifier: Apache-2.0
#include "loader/models/overlays.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 10'000;
constexpr size_t kMostPath = 1024;

// "1/model.py": a path that stays in the folder.
bool IsInside(const std::string& path) {
  if (path.empty() || path.size() > kMostPath || path.find('\0') != std::string::npos) return false;
  const fs::path p(path);
  return p.is_relative() && p.has_filename() &&
         std::none_of(p.begin(), p.end(), [](const fs::path& part) { return part == ".."; });
}

Status Failure(const std::string& what, const std::string& why) {
  return Status::Error(StatusKind::kInternal, StrCat("cannot write ", what, ": ", why));
}

Status Write(const fs::path& path, const std::string& bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  out.close();
  return out ? Status::Ok() : Failure(path.string(), ErrnoText(errno));
}

}  // namespace

void Overlays::Clear() {
  std::error_code error;
  if (!root_.empty()) fs::remove_all(root_, error);
  root_.clear();
  folders_.clear();
  left_.clear();
}

Status Overlays::Room(std::string* room) {
  std::error_code error;
  if (root_.empty()) {
    std::string pattern = (fs::temp_directory_path(error) / "aiges-models-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return Failure(pattern, ErrnoText(errno));
    root_ = pattern;
  }
  *room = StrCat(root_, "/", ++next_);
  return Status::Ok();
}

Status Overlays::Make(const std::string& name, const LoadWish& wish, const FoundModel& base,
                      FoundModel* model) {
  if (!IsModelName(name)) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("expected letters, digits, \"_\", \"-\" and \".\" in the name of a "
                                "model, got '",
                                name.substr(0, 128), "'"));
  }
  if (wish.files.empty() && base.versions.empty()) {
    return Status::Error(StatusKind::kNotFound, StrCat("no model '", name, "' to configure"));
  }
  if (wish.files.size() > kMostFiles) {
    return Status::Error(StatusKind::kInvalid, StrCat("expected at most ", kMostFiles, " files"));
  }
  for (const auto& [path, bytes] : wish.files) {
    if (IsInside(path)) continue;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("file '", path.substr(0, 128),
                                "': expected a path in the folder of the model, as 1/model.py"));
  }
  std::string room;
  Status status = Room(&room);
  if (!status.ok()) return status;
  const fs::path folder = fs::path(room) / name;
  std::error_code error;
  fs::create_directories(folder, error);
  for (const auto& [path, bytes] : wish.files) {
    if (status.ok()) status = Write(folder / path, bytes);
  }
  if (wish.files.empty()) {
    // A model whose code lies beside its configuration has its one version there, too.
    for (const auto& entry : fs::directory_iterator(base.folder, error)) {
      const fs::path file = entry.path().filename();
      if (file != "config.pbtxt") fs::create_symlink(entry.path(), folder / file, error);
    }
  }
  if (status.ok()) status = Write(folder / "config.pbtxt", wish.config);
  if (status.ok()) {
    *model = FindModel({room}, name);
    if (!model->versions.empty()) return status;
    status = Status::Error(StatusKind::kInvalid,
                           "expected files of a version, as file:1/model.py, got none");
  }
  fs::remove_all(room, error);
  return status;
}

void Overlays::Use(const std::string& name, const std::string& folder, TimePoint at) {
  const auto found = folders_.find(name);
  if (found != folders_.end()) {
    left_.emplace_back(at, found->second);
    folders_.erase(found);
  }
  if (!folder.empty()) folders_[name] = folder;
}

void Overlays::Drop(const std::string& folder) {
  std::error_code error;
  fs::remove_all(fs::path(folder).parent_path(), error);
}

FoundModel Overlays::Find(const std::string& name) const {
  const auto found = folders_.find(name);
  if (found == folders_.end()) return {};
  return FindModel({fs::path(found->second).parent_path().string()}, name);
}

void Overlays::Tidy(TimePoint now) {
  std::erase_if(left_, [&](const auto& each) {
    if (each.first > now) return false;
    Drop(each.second);
    return true;
  });
}

}  // namespace aiges
