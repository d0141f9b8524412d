// SPDX-License-Identifier: Apache-2.0
// loader/instances/line_log.h: turns what a worker prints into log lines.
//
// Bytes come in any cut; lines go out whole, with the worker's name, control characters made
// visible. A line longer than kLongest is cut into several. \r ends a line, too; of many such in a
// row (a progress bar) only the last is logged. A traceback of Python is logged as an error. The
// last lines are kept: what a worker says before it dies is mostly why.
// Belongs to the hub thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {

class LineLog {
 public:
  static constexpr size_t kLongest = 8192;
  static constexpr size_t kTailLines = 40, kTailBytes = 8192;

  explicit LineLog(std::string name) : name_(std::move(name)) {}

  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\r') {
        if (!line_.empty()) bar_ = std::exchange(line_, {});
        continue;
      }
      if (c == '\n' || line_.size() >= kLongest) Flush();
      if (c != '\n' && c != '\0') line_.push_back(c);
    }
  }
  void Flush() {
    Say(std::exchange(bar_, {}));
    Say(std::exchange(line_, {}));
  }
  std::string Tail() const {
    std::string out;
    for (const std::string& line : tail_) out.append(line).push_back('\n');
    return out;
  }
  void ForgetTail() {
    tail_.clear();
    tail_bytes_ = 0;
  }

 private:
  void Say(const std::string& text) {
    if (text.empty()) return;
    std::string line;
    AppendVisible(&line, text);
    Log(LevelOf(line), name_, line);
    tail_bytes_ += line.size();
    tail_.push_back(std::move(line));
    while (tail_.size() > kTailLines || tail_bytes_ > kTailBytes) {
      tail_bytes_ -= tail_.front().size();
      tail_.pop_front();
    }
  }

  // From the head of a traceback up to the exception, the first line that is not indented.
  LogLevel LevelOf(std::string_view line) {
    const bool begins = line.ends_with("Traceback (most recent call last):");
    const bool is_part = begins || in_traceback_;
    in_traceback_ = begins || (in_traceback_ && line.starts_with(' '));
    return is_part ? LogLevel::kError : LogLevel::kInfo;
  }

  std::string name_, line_;
  std::string bar_;  // The last line that ended with \r, until one does not.
  bool in_traceback_ = false;
  std::deque<std::string> tail_;
  size_t tail_bytes_ = 0;
};

}  // namespace aiges
