// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/folder.h"

#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>

#include "loader/registry/tree.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr uintmax_t kMaxFile = 16u << 20;
constexpr uintmax_t kMaxTree = 256u << 20;

// What stat says of all files, as text: while it stays the same, nothing needs to be read again.
std::string Looks(const std::string& folder) {
  std::string looks;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    struct stat info{};
    if (::stat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    looks += StrCat(at->path().string(), " ", info.st_ino, " ", info.st_size, " ",
                    info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", info.st_ctim.tv_sec, ".",
                    info.st_ctim.tv_nsec, "\n");
  }
  return error ? "" : looks;
}

Status ReadTree(const std::string& folder, ConfigTree* out) {
  ConfigTree tree;
  uintmax_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    const std::string path = fs::relative(at->path(), folder, error).string();
    if (at->file_size(error) > kMaxFile) {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("read ", at->path().string(), ": larger than 16 MB"));
    }
    if ((total += at->file_size(error)) > kMaxTree) {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("read the folder ", folder, ": more than 256 MB in all"));
    }
    std::ifstream in(at->path(), std::ios::binary);
    if (!in) {
      return Status::Error(StatusKind::kInvalid, StrCat("cannot read ", at->path().string()));
    }
    tree.files.emplace_back(path, std::string(std::istreambuf_iterator<char>(in), {}));
  }
  if (error) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("read the folder ", folder, ": ", error.message()));
  }
  Seal(&tree);
  *out = std::move(tree);
  return Status::Ok();
}

}  // namespace

FolderRegistry::FolderRegistry(const RegistrySettings& settings, const std::string& service)
    : folder_(settings.url + "/" + TreePath(settings, service)),
      loaders_folder_(StrCat(settings.url, "/aiges-loaders/", service)) {}

FolderRegistry::~FolderRegistry() = default;

Status FolderRegistry::Fetch(std::chrono::milliseconds, ConfigTree* out) {
  const Status status = ReadTree(folder_, out);
  MutexLock lock(mu_);
  ++report_.requests;
  report_.connected = status.ok();
  report_.problem = status.text;
  if (!status.ok()) ++report_.failures;
  return status;
}

void FolderRegistry::Watch(std::string revision, std::function<void(ConfigTree)> changed) {
  looker_ = std::jthread([this, revision = std::move(revision),
                          changed = std::move(changed)](const std::stop_token& stop) mutable {
    pthread_setname_np(pthread_self(), "registry");
    std::mutex mu;
    std::condition_variable_any wake;
    std::unique_lock lock(mu);
    std::string seen;  // What the tree looked like when it was read last.
    while (!wake.wait_for(lock, stop, kLookEvery, [] { return false; }) && !stop.stop_requested()) {
      std::string looks = Looks(folder_);
      if (!looks.empty() && looks == seen) continue;
      ConfigTree tree, again;
      // Twice the same: a file that is just being written is not taken half.
      if (!Fetch({}, &tree).ok() || tree.revision.empty()) continue;
      if (tree.revision == revision) {
        seen = std::move(looks);
        continue;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (!ReadTree(folder_, &again).ok() || again.revision != tree.revision) continue;
      seen = std::move(looks);
      revision = tree.revision;
      changed(std::move(tree));
    }
  });
}

void FolderRegistry::Announce(Announcement announcement) {
  MutexLock lock(mu_);
  self_ = announcement.Id();
  TellSelf();
}

void FolderRegistry::SetReady(bool ready, std::string) {
  MutexLock lock(mu_);
  ready_ = ready;
  TellSelf();
}

void FolderRegistry::Withdraw(TimePoint) {
  std::unique_ptr<FolderLoaders> ends;  // After the lock, which its callbacks may want.
  MutexLock lock(mu_);
  self_.clear();
  ends.swap(loaders_);
}

void FolderRegistry::CountLoaders(std::function<void(unsigned)> changed) {
  MutexLock lock(mu_);
  loaders_ = std::make_unique<FolderLoaders>(loaders_folder_, std::move(changed));
  TellSelf();
}

void FolderRegistry::TellSelf() {
  if (loaders_ != nullptr) loaders_->SetSelf(ready_ ? self_ : "");
}

RegistryReport FolderRegistry::Report() const {
  MutexLock lock(mu_);
  RegistryReport report = report_;
  report.backend = "file";
  return report;
}

}  // namespace aiges
