// loader/base/log.h: the process log.
//
// Lines go to stderr and, where [log] file names one, to that file too. Logging never blocks the
// caller on the sink: lines pass through a bounded queue to the logger's own thread, and when the
// queue is full the oldest line is dropped. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/base/strings.h"

namespace aiges {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

// Call before the first line; again when the settings are known. An empty file means stderr only. A file that cannot be opened
// is said on stderr and left out: a log must never stop a service from starting.
void InitLog(LogLevel level, const std::string& file);
void SetLogLevel(LogLevel level);  // Thread-safe.
void FlushLog();  // Waits until everything logged so far is written. Call before exit.

bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view room, std::string_view text);

template <class... Parts>
void LogInfo(std::string_view room, const Parts&... parts) {
  if (LogEnabled(LogLevel::kInfo)) Log(LogLevel::kInfo, room, StrCat(parts...));
}
template <class... Parts>
void LogWarn(std::string_view room, const Parts&... parts) {
  if (LogEnabled(LogLevel::kWarn)) Log(LogLevel::kWarn, room, StrCat(parts...));
}
template <class... Parts>
void LogError(std::string_view room, const Parts&... parts) {
  if (LogEnabled(LogLevel::kError)) Log(LogLevel::kError, room, StrCat(parts...));
}

}  // namespace aiges
