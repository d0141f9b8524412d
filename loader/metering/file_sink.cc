// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "loader/base/fd.h"
#include "loader/base/strings.h"
#include "loader/base/write_all.h"
#include "loader/metering/sink.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBegin = "usage-", kEnding = ".jsonl";
constexpr size_t kTail = 64 * 1024;  // More than any line.

Status Failed(const char* what, const std::string& path) {
  return Status::Error(StatusKind::kInternal,
                       StrCat("cannot ", what, " ", path, ": ", ErrnoText(errno)));
}

class FileSink final : public UsageSink {
 public:
  FileSink(std::string folder, std::string instance, uint64_t file_bytes)
      : folder_(std::move(folder)), instance_(std::move(instance)), file_bytes_(file_bytes) {}

  Status Open() {
    std::string newest;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with(kBegin) && name.ends_with(kEnding)) newest = std::max(newest, name);
    }
    if (error) return Status::Error(StatusKind::kInternal, StrCat("cannot list ", folder_));
    return newest.empty() ? Status::Ok() : Continue(folder_ + "/" + newest);
  }

  Delivered Deliver(const UsageBatch& batch, std::string* why) override {
    const Status status = Write(batch);
    if (status.ok()) return Delivered::kYes;
    *why = status.text;
    return Delivered::kLater;
  }
  uint64_t Arrived() const override { return arrived_; }

 private:
  // The file goes on behind its last whole line.
  Status Continue(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
    struct stat info{};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return Failed("open", path);
    const auto size = static_cast<size_t>(info.st_size);
    std::string tail(std::min(size, kTail), '\0');
    const size_t from = size - tail.size();
    if (::pread(fd.get(), tail.data(), tail.size(), static_cast<off_t>(from)) !=
        static_cast<ssize_t>(tail.size())) {
      return Failed("read", path);
    }
    const size_t end = tail.rfind('\n') + 1;  // npos + 1 is 0.
    if (end < tail.size() && ::ftruncate(fd.get(), static_cast<off_t>(from + end)) != 0) {
      return Failed("cut", path);
    }
    tail.resize(end);
    if (!tail.empty()) arrived_ = NumberOf(tail.substr(tail.rfind('\n', end - 2) + 1));
    size_ = from + end;
    file_ = std::move(fd);
    path_ = path;
    return Status::Ok();
  }
  // Of the event in that line: what follows its instance in its id.
  uint64_t NumberOf(const std::string& line) const {
    const std::string id = StrCat("\"id\":\"", instance_, "-");
    const size_t at = line.find(id);
    uint64_t number = 0;
    if (at != std::string::npos) {
      std::from_chars(line.data() + at + id.size(), line.data() + line.size(), number);
    }
    return number;
  }
  Status Write(const UsageBatch& batch) {
    if (!file_.valid() || size_ >= file_bytes_) {
      char name[32];
      std::snprintf(name, sizeof name, "%020llu", static_cast<unsigned long long>(batch.first));
      path_ = StrCat(folder_, "/", kBegin, name, kEnding);
      file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
      if (!file_.valid()) return Failed("make", path_);
      size_ = 0;
      const Fd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!folder.valid() || ::fsync(folder.get()) != 0) return Failed("sync", folder_);
    }
    if (!WriteAll(file_.get(), batch.lines) || ::fdatasync(file_.get()) != 0) {
      const Status status = Failed("write", path_);
      // What was written of it must not stand there twice.
      if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) file_ = Fd();
      return status;
    }
    size_ += batch.lines.size();
    arrived_ = batch.last;
    return Status::Ok();
  }

  const std::string folder_, instance_;
  const uint64_t file_bytes_;
  Fd file_;
  std::string path_;
  size_t size_ = 0;
  uint64_t arrived_ = 0;
};

class StdoutSink final : public UsageSink {
 public:
  Delivered Deliver(const UsageBatch& batch, std::string* why) override {
    const std::string& text = batch.lines;
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0) {
      return Delivered::kYes;
    }
    *why = StrCat("cannot write to stdout: ", ErrnoText(errno));
    return Delivered::kLater;
  }
};

}  // namespace

std::unique_ptr<UsageSink> MakeFileSink(const std::string& folder, const std::string& instance,
                                        uint64_t file_bytes, Status* status) {
  auto sink = std::make_unique<FileSink>(folder, instance, file_bytes);
  *status = sink->Open();
  if (!status->ok()) return nullptr;
  return sink;
}

std::unique_ptr<UsageSink> MakeStdoutSink() { return std::make_unique<StdoutSink>(); }

Status AppendDurably(const std::string& path, const std::string& lines) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd.valid()) return Failed("open", path);
  return WriteAll(fd.get(), lines) && ::fdatasync(fd.get()) == 0 ? Status::Ok()
                                                                 : Failed("write", path);
}

}  // namespace aiges
