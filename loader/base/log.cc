// SPDX-License-Identifier: Apache-2.0
#include "loader/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <deque>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/base/utf8.h"
#include "loader/base/write_all.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kQueueLines = 8192;
constexpr size_t kQueueBytes = 16 << 20;
constexpr size_t kLongestLine = 16 * 1024;
constexpr size_t kBatchBytes = 64 * 1024;
// A pipe that poll calls writable takes so much without blocking.
constexpr size_t kPieceBytes = 4096;
// For what is left when the process ends, if stderr is read slowly or not at all.
constexpr milliseconds kEndTime{500};

// The one process-wide object besides the clock: a log is needed before and after everything else.
std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kText};

// Never destroyed: its thread may hang in a write when the process ends.
struct Writer {
  Mutex mu;
  CondVar changed;
  std::deque<std::string> lines GUARDED_BY(mu);
  size_t bytes GUARDED_BY(mu) = 0;
  uint64_t dropped GUARDED_BY(mu) = 0;
  bool stop GUARDED_BY(mu) = false;
  bool ended GUARDED_BY(mu) = false;
  TimePoint give_up GUARDED_BY(mu);
  int file GUARDED_BY(mu) = -1;
  std::thread thread GUARDED_BY(mu);
};

Writer& TheWriter() {
  static Writer* const writer = new Writer;
  return *writer;
}

std::string TextLine(LogLevel level, std::string_view room, std::string_view text) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  ::localtime_r(&now.tv_sec, &local);
  char head[64];
  const size_t n = std::strftime(head, sizeof head, "%Y-%m-%d %H:%M:%S", &local);
  std::snprintf(head + n, sizeof head - n, ".%03d %c [", static_cast<int>(now.tv_nsec / 1'000'000),
                "DIWE"[static_cast<int>(level)]);
  std::string line(head);
  AppendVisible(&line, room);
  line += "] ";
  AppendVisible(&line, text.substr(0, kLongestLine));
  if (text.size() > kLongestLine) {
    line += StrCat(" .. (", text.size() - kLongestLine, " bytes more)");
  }
  line += '\n';
  return line;
}

// What does something to a terminal as AppendVisible shows it.
void AppendJson(std::string* out, std::string_view text) {
  std::string visible;
  AppendVisible(&visible, text);
  AppendJsonText(out, visible);
}

// RFC 3339, in UTC.
std::string JsonLine(LogLevel level, std::string_view room, std::string_view text,
                     const Pairs& more) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char head[64];
  const size_t n = std::strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(head + n, sizeof head - n, ".%03dZ", static_cast<int>(now.tv_nsec / 1'000'000));
  static constexpr const char* kLevels[] = {"debug", "info", "warn", "error"};
  std::string line = StrCat("{\"time\":\"", head, "\",\"level\":\"",
                            kLevels[static_cast<int>(level)], "\",\"area\":");
  AppendJson(&line, room);
  line += ",\"message\":";
  AppendJson(&line, text.substr(0, kLongestLine));
  for (const auto& [key, value] : more) {
    const bool number = key.starts_with('#');
    StrAppend(&line, ",\"", std::string_view(key).substr(number ? 1 : 0), "\":");
    if (number) {
      line += value;
    } else {
      AppendJson(&line, value);
    }
  }
  return line + "}\n";
}

std::string Line(LogLevel level, std::string_view room, std::string_view text,
                 const Pairs& more = {}) {
  return g_format == LogFormat::kJson ? JsonLine(level, room, text, more)
                                      : TextLine(level, room, text);
}

// Waits for a reader that is slow or does not read, but not when the process ends.
void WriteToStderr(Writer& w, std::string_view text) {
  while (!text.empty()) {
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&ready, 1, 50) == 0) {
      MutexLock lock(w.mu);
      if (w.stop && steady_clock::now() >= w.give_up) return;
      continue;
    }
    const std::string_view piece = text.substr(0, kPieceBytes);
    const ssize_t n = ::write(STDERR_FILENO, piece.data(), piece.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// False: the end.
bool TakeBatch(Writer& w, std::string* batch, int* file) {
  MutexLock lock(w.mu);
  while (w.lines.empty() && w.dropped == 0 && !w.stop) w.changed.Wait(w.mu);
  const bool late = w.stop && steady_clock::now() >= w.give_up;
  if ((w.lines.empty() && w.dropped == 0) || late) {
    w.ended = true;
    w.changed.NotifyAll();
    return false;
  }
  batch->clear();
  if (const uint64_t dropped = std::exchange(w.dropped, 0); dropped > 0) {
    *batch = Line(LogLevel::kWarn, "log",
                  StrCat(dropped, " older lines were dropped: stderr is read too slowly"));
  }
  while (!w.lines.empty() && batch->size() < kBatchBytes) {
    w.bytes -= w.lines.front().size();
    *batch += w.lines.front();
    w.lines.pop_front();
  }
  *file = w.file;
  return true;
}

void RunWriter(Writer& w) {
  ::prctl(PR_SET_NAME, "log");
  std::string batch;
  int file = -1;
  while (TakeBatch(w, &batch, &file)) {
    // A disk that is full: the log must not matter.
    if (file >= 0) (void)WriteAll(file, batch);
    WriteToStderr(w, batch);
  }
}

int OpenFile(const std::string& path) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) {
    std::fprintf(stderr, "AIService: [log] file: cannot open %s: %s; logging to stderr only\n",
                 path.c_str(), ErrnoText(errno).c_str());
  }
  return fd;
}

}  // namespace

void InitLog(LogLevel level, const std::string& file, LogFormat format) {
  g_level = level;
  g_format = format;
  Writer& w = TheWriter();
  const int fd = file.empty() ? -1 : OpenFile(file);
  MutexLock lock(w.mu);
  if (fd >= 0 && w.file >= 0) ::close(w.file);
  if (fd >= 0) w.file = fd;
  if (w.thread.joinable()) return;
  w.stop = w.ended = false;
  w.thread = std::thread([&w] { RunWriter(w); });
}

void SetLogLevel(LogLevel level) { g_level = level; }

bool FlushLog() {
  g_level = LogLevel::kOff;
  Writer& w = TheWriter();
  std::thread thread;
  bool ended = false;
  {
    MutexLock lock(w.mu);
    if (!w.thread.joinable()) return true;
    thread.swap(w.thread);
    w.stop = true;
    w.give_up = steady_clock::now() + kEndTime;
    w.changed.NotifyAll();
    const TimePoint late = w.give_up + kEndTime;
    while (!w.ended && steady_clock::now() < late) w.changed.WaitUntil(w.mu, late);
    ended = w.ended;
    if (ended && w.file >= 0) ::close(std::exchange(w.file, -1));
  }
  if (ended) {
    thread.join();
  } else {
    thread.detach();
  }
  return ended;
}

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

LogFormat CurrentLogFormat() { return g_format; }

void Log(LogLevel level, std::string_view room, std::string_view text) {
  Log(level, room, text, {});
}

void Log(LogLevel level, std::string_view room, std::string_view text, const Pairs& more) {
  if (!LogEnabled(level)) return;
  std::string line = Line(level, room, text, more);
  Writer& w = TheWriter();
  MutexLock lock(w.mu);
  if (!w.thread.joinable()) return;  // Nobody would write it.
  w.bytes += line.size();
  w.lines.push_back(std::move(line));
  while (w.lines.size() > kQueueLines || w.bytes > kQueueBytes) {
    w.bytes -= w.lines.front().size();
    w.lines.pop_front();
    ++w.dropped;
  }
  w.changed.NotifyOne();
}

}  // namespace aiges
