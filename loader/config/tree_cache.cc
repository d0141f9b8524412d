// SPDX-License-Identifier: Apache-2.0
#include "loader/config/tree_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "tree-";
constexpr const char* kLock = ".lock";
// Workers that are being replaced may still read files of the tree before.
constexpr auto kKeep = std::chrono::hours(1);

bool StaysInside(const fs::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  if (path.native().find('\0') != std::string::npos) return false;  // The system sees less.
  for (const fs::path& part : path) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

Status Failed(const std::string& what, const std::error_code& error) {
  return Status::Error(StatusKind::kInternal, StrCat(what, ": ", error.message()));
}

}  // namespace

TreeCache::TreeCache(const std::string& folder, const std::string& service)
    : folder_((fs::absolute(folder) / service).string()) {}

std::string TreeCache::Place(const std::string& revision) const {
  return (fs::path(folder_) / (kPrefix + revision)).string();
}

Status TreeCache::Stage(const std::string& revision, const Pairs& files, std::string* out) {
  const fs::path place = Place(revision);
  const fs::path fresh = place.string() + StrCat(".", ::getpid());
  std::error_code error;
  fs::remove_all(fresh, error);
  for (const auto& [name, content] : files) {
    if (!StaysInside(name)) {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("expected a relative path without \"..\", got \"", name, "\""));
    }
    const fs::path path = fresh / name;
    fs::create_directories(path.parent_path(), error);
    if (error) return Failed(StrCat("make the folder of ", path.string()), error);
    std::ofstream file(path, std::ios::binary);
    file << content;
    file.close();
    if (!file) return Status::Error(StatusKind::kInternal, StrCat("cannot write ", path.string()));
  }
  // The same revision has the same content: what is there already is as good.
  fs::rename(fresh, place, error);
  std::error_code there;
  if (error && !fs::is_directory(place, there))
    return Failed(StrCat("rename to ", place.string()), error);
  fs::remove_all(fresh, error);
  *out = place.string();
  return Status::Ok();
}

void TreeCache::Hold(const std::string& revision) {
  const std::string path = Place(revision) + kLock;
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ::flock(lock.get(), LOCK_SH);
  held_ = std::move(lock);
}

Status TreeCache::Accept(const std::string& revision) {
  std::error_code error;
  const fs::path link = fs::path(folder_) / "current";
  const fs::path fresh = link.string() + StrCat(".", ::getpid());
  fs::remove(fresh, error);
  fs::create_directory_symlink(kPrefix + revision, fresh, error);
  if (error) return Failed(StrCat("link ", fresh.string()), error);
  fs::rename(fresh, link, error);
  if (error) return Failed(StrCat("rename to ", link.string()), error);
  const auto old = fs::file_time_type::clock::now() - kKeep;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) != 0 || name == kPrefix + revision) continue;
    std::error_code ignored;  // Another loader may be as far as we are.
    if (!entry.is_directory(ignored) || entry.last_write_time(ignored) >= old) continue;
    const std::string lock = entry.path().string() + kLock;
    const Fd alone(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (::flock(alone.get(), LOCK_EX | LOCK_NB) != 0) continue;
    fs::remove_all(entry.path(), ignored);
    fs::remove(lock, ignored);
  }
  return Status::Ok();
}

Status TreeCache::SameBut(const std::string& revision, const Pairs& files,
                          const std::string& except) const {
  const auto differs = [](const std::string& name) {
    return Status::Error(StatusKind::kInvalid, StrCat("the file ", name));
  };
  const fs::path place = Place(revision);
  for (const auto& [name, content] : files) {
    if (name == except) continue;
    std::ifstream in(place / name, std::ios::binary);
    if (!in || std::string(std::istreambuf_iterator<char>(in), {}) != content) return differs(name);
  }
  std::error_code error;
  for (fs::recursive_directory_iterator at(place, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = fs::relative(at->path(), place, error).string();
    if (at->is_regular_file(error) && name != except && aiges::Find(files, name) == nullptr) {
      return differs(name);
    }
  }
  return Status::Ok();
}

std::optional<TreeCache::Current> TreeCache::Find() const {
  std::error_code error;
  const fs::path target = fs::read_symlink(fs::path(folder_) / "current", error);
  if (error) return std::nullopt;
  const std::string name = target.filename().string();
  if (name.rfind(kPrefix, 0) != 0) return std::nullopt;
  const std::string revision = name.substr(std::string(kPrefix).size());
  if (!fs::is_directory(Place(revision), error)) return std::nullopt;
  return Current{Place(revision), revision};
}

}  // namespace aiges
