// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/folder_loaders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kEvery{1000};
constexpr int64_t kSecondNs = 1'000'000'000, kFreshNs = 5 * kSecondNs, kOldNs = 3600 * kSecondNs;
constexpr unsigned kMost = 10'000;  // Files that are looked at.

// A name of a file, whatever the id has in it.
std::string NameOf(std::string id) {
  for (char& c : id) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain && c != '.' && c != '-') c = '_';
  }
  return id.empty() ? id : StrCat("loader-", id.substr(0, 200));
}

int64_t ModifiedNs(const struct stat& s) {
  return s.st_mtim.tv_sec * kSecondNs + s.st_mtim.tv_nsec;
}

}  // namespace

FolderLoaders::FolderLoaders(std::string folder, std::function<void(unsigned)> changed)
    : folder_(std::move(folder)),
      changed_(std::move(changed)),
      thread_([this](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), "loaders");
        Run(stop);
      }) {}

FolderLoaders::~FolderLoaders() {
  thread_.request_stop();
  thread_.join();
}

void FolderLoaders::SetSelf(const std::string& id) {
  MutexLock lock(mu_);
  self_ = NameOf(id);
}

void FolderLoaders::Run(const std::stop_token& stop) {
  std::mutex mu;
  std::condition_variable_any wake;
  std::unique_lock lock(mu);
  std::string held;  // Our file.
  unsigned told = 0;
  do {
    std::string self;
    {
      MutexLock self_lock(mu_);
      self = self_;
    }
    if (held != self && !held.empty()) ::unlink(StrCat(folder_, "/", held).c_str());
    held = self;
    if (held.empty() || !Touch(held)) continue;
    const unsigned loaders = Count(held, touched_ns_) + 1;
    if (std::exchange(told, loaders) != loaders) changed_(loaders);
  } while (!wake.wait_for(lock, stop, kEvery, [] { return false; }) && !stop.stop_requested());
  if (!held.empty()) ::unlink(StrCat(folder_, "/", held).c_str());
}

bool FolderLoaders::Touch(const std::string& name) {
  std::error_code error;
  fs::create_directories(folder_, error);
  const std::string path = StrCat(folder_, "/", name);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  struct stat s{};
  const bool done = fd.valid() && ::futimens(fd.get(), nullptr) == 0 && ::fstat(fd.get(), &s) == 0;
  const std::string problem = done ? "" : StrCat("cannot keep ", path, ": ", ErrnoText(errno));
  if (problem != problem_ && !done) {
    LogError("registry", problem, "; other loaders are not counted");
  }
  problem_ = problem;
  touched_ns_ = ModifiedNs(s);
  return done;
}

unsigned FolderLoaders::Count(const std::string& name, int64_t now_ns) {
  unsigned others = 0, seen = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end && seen < kMost;
       at.increment(error)) {
    ++seen;
    const std::string other = at->path().filename().string();
    struct stat s{};
    if (other == name || !other.starts_with("loader-") || ::lstat(at->path().c_str(), &s) != 0 ||
        !S_ISREG(s.st_mode)) {
      continue;
    }
    const int64_t age = now_ns - ModifiedNs(s);
    if (age <= kFreshNs) ++others;
    if (age > kOldNs) ::unlink(at->path().c_str());  // Of one that was killed.
  }
  return others;
}

}  // namespace aiges
