#include "loader/base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <vector>

namespace aiges {
namespace {

constexpr size_t kQueueLines = 8192;

// The one process-wide object besides the clock: a log is needed before and after everything else.
std::atomic<LogLevel> g_level{LogLevel::kInfo};

spdlog::level::level_enum ToSpd(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

void InitLog(LogLevel level, const std::string& file) {
  g_level = level;
  std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  if (!file.empty()) {
    try {  // spdlog creates missing directories, and throws when it cannot.
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& e) {
      std::fprintf(stderr, "AIService: [log] file: %s; logging to stderr only\n", e.what());
    }
  }
  spdlog::init_thread_pool(kQueueLines, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "aiges", sinks.begin(), sinks.end(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
  logger->set_level(spdlog::level::trace);  // g_level decides.
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  spdlog::flush_every(std::chrono::seconds(1));
}

void SetLogLevel(LogLevel level) { g_level = level; }

void FlushLog() {
  // Joins the logger's thread after it has written the queue; later lines go nowhere.
  spdlog::shutdown();
  g_level = LogLevel::kOff;
}

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view room, std::string_view text) {
  if (!LogEnabled(level)) return;
  if (auto* logger = spdlog::default_logger_raw()) {
    logger->log(ToSpd(level), "[{}] {}", room, text);
  }
}

}  // namespace aiges
