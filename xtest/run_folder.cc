// SPDX-License-Identifier: Apache-2.0
#include "xtest/run_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kBuffer = 64 << 10;
constexpr int kMostNames = 10'000;

Status Failed(std::string_view what, std::string_view path, int error, std::string_view hint = "") {
  return Status::Error(StatusKind::kInternal,
                       StrCat("cannot ", what, " ", path, ": ", ErrnoText(error), hint));
}

bool Exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

bool IsEmptyFolder(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (dir == nullptr) return false;
  int entries = 0;
  while (entries <= 2 && ::readdir(dir.get()) != nullptr) ++entries;  // "." and "..".
  return entries <= 2;
}

std::string WithoutDot(std::string path) {
  while (path.substr(0, 2) == "./") path.erase(0, 2);
  return path;
}

// <log>/latest -> the run, in one step, so that a reader never finds nothing there.
std::string PointLatest(const std::string& log, const std::string& run) {
  const std::string link = StrCat(log, "/latest");
  struct stat info{};
  if (::lstat(link.c_str(), &info) == 0 && !S_ISLNK(info.st_mode)) {
    return StrCat(link, " is no link and is left as it is");
  }
  const std::string fresh = StrCat(log, "/.latest-", ::getpid());
  if (::symlink(run.c_str(), fresh.c_str()) != 0 || ::rename(fresh.c_str(), link.c_str()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    return StrCat("cannot point ", link, " to ", run, ": ", ErrnoText(error));
  }
  return "";
}

// mkdir that says whether the folder is ours now.
Status MakeNew(const std::string& path, bool* made) {
  *made = ::mkdir(path.c_str(), 0777) == 0;
  if (*made) return Status::Ok();
  if (errno == EEXIST) {
    *made = IsEmptyFolder(path) && ::access(path.c_str(), W_OK) == 0;
    return Status::Ok();
  }
  return Failed("make the run folder", path, errno,
                "; give a place where you may write with -out=FOLDER");
}

}  // namespace

Status MakeFolders(const std::string& path) {
  for (size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    const std::string part = path.substr(0, at);
    if (part.empty() || ::mkdir(part.c_str(), 0777) == 0) continue;
    const int error = errno;
    struct stat info{};
    if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return Failed("make the folder", part, error, "; give another place with -out=FOLDER");
  }
  return Status::Ok();
}

std::string FreeName(const std::string& path) {
  if (!Exists(path)) return path;
  const size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
  size_t dot = path.rfind('.');
  if (dot == std::string::npos || dot <= name) dot = path.size();
  for (int i = 1; i < kMostNames; ++i) {
    std::string next = StrCat(path.substr(0, dot), "-", i, path.substr(dot));
    if (!Exists(next)) return next;
  }
  return path;  // Make of it tells that it exists.
}

std::string LocalTime(int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[80];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  std::snprintf(text + n, sizeof text - n, ".%03d", static_cast<int>(unix_ns / 1'000'000 % 1000));
  return text;
}

Status OutFile::Make(const std::string& path) {
  (void)Close();
  failure_ = Status::Ok();
  path_ = path;
  if (const size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) {
    if (Status status = MakeFolders(path.substr(0, slash)); !status.ok()) return status;
  }
  fd_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  return fd_.valid() ? Status::Ok() : Failed("make", path, errno);
}

void OutFile::Take(Fd fd, std::string name) {
  (void)Close();
  failure_ = Status::Ok();
  fd_ = std::move(fd);
  path_ = std::move(name);
}

void OutFile::Write(std::string_view text) {
  if (!fd_.valid() || !failure_.ok()) return;
  buffer_.append(text);
  if (buffer_.size() >= kBuffer) Flush();
}

void OutFile::Flush() {
  size_t done = 0;
  while (fd_.valid() && failure_.ok() && done < buffer_.size()) {
    const ssize_t n = ::write(fd_.get(), buffer_.data() + done, buffer_.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      failure_ = Failed("write", path_, n == 0 ? EIO : errno, "; what was written before is kept");
    }
  }
  buffer_.clear();
}

Status OutFile::Close() {
  if (!fd_.valid()) return failure_;
  Flush();
  // Some file systems tell a full disk only here.
  const int fd = ::dup(fd_.get());
  fd_.Reset();
  if (fd >= 0 && ::close(fd) != 0 && failure_.ok()) {
    failure_ = Failed("write", path_, errno, "; what was written before is kept");
  }
  return failure_;
}

Status WriteFile(const std::string& path, std::string_view text) {
  OutFile file;
  if (Status status = file.Make(path); !status.ok()) return status;
  file.Write(text);
  return file.Close();
}

Status RunFolder::Make(const std::string& wanted, std::time_t now, RunFolder* out,
                       const std::string& log) {
  std::string first = wanted;
  if (wanted.empty()) {
    std::tm local{};
    ::localtime_r(&now, &local);
    char name[64];
    std::strftime(name, sizeof name, "run-%Y%m%d-%H%M%S", &local);
    first = StrCat(log, "/", name);
  }
  while (first.size() > 1 && first.back() == '/') first.pop_back();
  if (const size_t slash = first.rfind('/'); slash != std::string::npos && slash > 0) {
    if (Status status = MakeFolders(first.substr(0, slash)); !status.ok()) return status;
  }
  RunFolder folder;
  folder.log_ = log;
  bool made = false;
  // Not FreeName alone: two runs may start in the same second.
  for (int i = 0; i < kMostNames && !made; ++i) {
    folder.path_ = i == 0 ? first : StrCat(first, "-", i);
    if (Status status = MakeNew(folder.path_, &made); !status.ok()) return status;
  }
  if (!made) return Failed("make the run folder", first, EEXIST);
  if (wanted.empty()) {
    folder.notice_ = PointLatest(log, folder.path_.substr(folder.path_.rfind('/') + 1));
  } else if (folder.path_ != first) {
    folder.notice_ = StrCat(first, " is in use; this run writes to ", folder.path_);
  }
  *out = std::move(folder);
  return Status::Ok();
}

std::string RunFolder::In(std::string_view name) const { return StrCat(path_, "/", name); }

std::string RunFolder::Place(const std::string& configured) const {
  const std::string plain = WithoutDot(configured);
  // "./log" is where the old tool wrote everything; now each run has its own.
  if (plain.substr(0, 4) == "log/" && plain.size() > 4 && plain.find("..") == std::string::npos) {
    return FreeName(In(plain.substr(4)));
  }
  return FreeName(configured);
}

}  // namespace aiges
