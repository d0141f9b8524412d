// loader/instances/line_log.h: turns what a worker prints into log lines.
//
// Bytes come in any cut; lines go out whole, with the worker's name. A line longer than kLongest
// is cut into several. Belongs to the hub thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "loader/base/log.h"

namespace aiges {

class LineLog {
 public:
  static constexpr size_t kLongest = 8192;

  explicit LineLog(std::string name) : name_(std::move(name)) {}

  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n' || line_.size() >= kLongest) Flush();
      if (c != '\n' && c != '\0') line_.push_back(c);
    }
  }
  void Flush() {
    if (!line_.empty()) Log(LogLevel::kInfo, name_, line_);
    line_.clear();
  }

 private:
  std::string name_, line_;
};

}  // namespace aiges
