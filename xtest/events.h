// SPDX-License-Identifier: Apache-2.0
// xtest/events.h: Server-Sent Events out of a body that comes in pieces (WHATWG HTML, 9.2).
#pragma once

#include <string>
#include <string_view>

namespace aiges {

class EventReader {
 public:
  void Add(std::string_view bytes) { text_ += bytes; }
  void Clear() {
    text_.clear();
    at_ = 0;
  }
  // The next whole event with data. False: none yet.
  bool Next(std::string* name, std::string* data);

 private:
  std::string text_;
  size_t at_ = 0;  // What lies before has been read.
};

}  // namespace aiges
