// SPDX-License-Identifier: Apache-2.0
// loader/base/log.h: the process log.
//
// Lines go to stderr and, where [log] file names one, to that file too. Logging never blocks the
// caller on the sink: lines pass through a queue, bounded by count and bytes, to the log's own
// thread; when it is full the oldest line is dropped, and a line says how many were. A stderr that
// nobody reads holds that thread, never the end of the process. What is logged is one line each,
// of bounded length, without control characters. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/base/strings.h"

namespace aiges {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

// Lines of text for people, or a JSON object in each for machines (time, level, area, message, and
// what else is known of it).
enum class LogFormat { kText, kJson };

// Call before the first line; again when the settings are known. An empty file means stderr only. A
// file that cannot be opened is said on stderr and left out: a log must never stop a service from
// starting.
void InitLog(LogLevel level, const std::string& file, LogFormat format = LogFormat::kText);
void SetLogLevel(LogLevel level);  // Thread-safe.
// Waits until everything logged so far is written, a second at most; later lines go nowhere. Call
// before exit. False: the log's thread hangs in stderr, the process must end by _exit.
bool FlushLog();

bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view room, std::string_view text);
// `more`: further members in JSON, none of the four above; values of "#.." names are numbers. Text
// has `text` alone.
void Log(LogLevel level, std::string_view room, std::string_view text, const Pairs& more);
LogFormat CurrentLogFormat();

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
