// SPDX-License-Identifier: Apache-2.0
#include "loader/access/audit_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

#include "loader/base/file_mark.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/base/write_all.h"
#include "loader/front/json_string.h"

namespace aiges {
namespace {

std::string Now() {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  const std::time_t seconds = ms / 1000;
  std::tm t{};
  ::gmtime_r(&seconds, &t);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                static_cast<int>(ms % 1000));
  return text;
}

// A member, where there is something.
void Add(std::string* line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  StrAppend(line, ",\"", name, "\":");
  AppendJsonString(line, CutUtf8(value, AuditLog::kMostText));
}

std::string LineOf(const AuditAsk& ask, const AuditEvent& event) {
  std::string line = StrCat("{\"time\":\"", Now(), '"');
  Add(&line, "who", ask.who);
  Add(&line, "proof", ask.proof);
  Add(&line, "peer", ask.peer);
  Add(&line, "path", ask.path);
  Add(&line, "what", event.what);
  Add(&line, "decision", event.decision);
  if (event.code != 0) StrAppend(&line, ",\"code\":", event.code);
  Add(&line, "why", event.why);
  line += "}\n";
  return line;
}

Fd OpenAt(const std::string& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
}

class RequestTrail final : public AuditTrail {
 public:
  RequestTrail(AuditLog* log, AuditAsk ask) : log_(*log), ask_(std::move(ask)) {}
  void Tell(const AuditEvent& event) const override { log_.Write(ask_, event); }

 private:
  AuditLog& log_;
  const AuditAsk ask_;
};

}  // namespace

AuditLog::~AuditLog() {
  {
    MutexLock lock(mu_);
    stop_ = true;
    wake_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

Status AuditLog::Check(const std::string& path) {
  if (path.empty()) return Status::Ok();
  const Fd fd = OpenAt(path);
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("[access] audit_log: cannot open ", path, ": ", ErrnoText(errno)));
  }
  // A pipe might never be read.
  return S_ISREG(info.st_mode)
             ? Status::Ok()
             : Status::Error(StatusKind::kInvalid,
                             StrCat("[access] audit_log ", path, ": expected a file"));
}

Status AuditLog::Use(const std::string& path) {
  const Status status = Check(path);
  if (!status.ok()) return status;
  MutexLock lock(mu_);
  path_ = path;
  on_ = !path.empty();
  if (on_ && !thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "audit");
      Run();
    });
  }
  return status;
}

void AuditLog::Write(const AuditAsk& ask, const AuditEvent& event) {
  if (!on_) return;
  std::string line = LineOf(ask, event);
  MutexLock lock(mu_);
  if (lines_.size() >= kMostLines) {
    ++lost_;
    ++untold_;
    return;
  }
  lines_.push_back(std::move(line));
  if (lines_.size() == 1) wake_.NotifyOne();
}

AuditRef AuditLog::Trail(AuditAsk ask) {
  if (!on_) return nullptr;
  return std::make_shared<RequestTrail>(this, std::move(ask));
}

void AuditLog::Run() {
  for (;;) {
    std::vector<std::string> lines;
    std::string path, text;
    uint64_t untold = 0;
    {
      MutexLock lock(mu_);
      while (lines_.empty() && !stop_) wake_.Wait(mu_);
      if (lines_.empty()) return;
      lines.swap(lines_);
      path = path_;
      untold = std::exchange(untold_, 0);
    }
    for (const std::string& line : lines) text += line;
    if (untold > 0) {
      const std::string why = StrCat(untold, " lines found no room");
      text += LineOf({}, {"audit_log", "lost", 0, why});
    }
    if (!path.empty()) Put(path, text, lines.size());
  }
}

void AuditLog::Put(const std::string& path, const std::string& text, size_t lines) {
  struct stat info{};
  const bool same = file_.valid() && path == file_path_ && ::fstat(file_.get(), &info) == 0 &&
                    MarkOf(path).inode == info.st_ino;
  if (!same) {
    file_ = OpenAt(path);
    file_path_ = path;
  }
  const bool written = file_.valid() && WriteAll(file_.get(), text);
  if (!written) lost_ += lines;
  if (!written && !failed_) {
    LogError("access", "cannot write to [access] audit_log ", path, ": ", ErrnoText(errno));
  }
  failed_ = !written;
}

}  // namespace aiges
