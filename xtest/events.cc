// SPDX-License-Identifier: Apache-2.0
#include "xtest/events.h"

#include <algorithm>

namespace aiges {
namespace {

// The field's value when the line has this field.
bool Value(std::string_view line, std::string_view field, std::string_view* out) {
  if (line.substr(0, field.size()) != field || line.size() <= field.size() ||
      line[field.size()] != ':') {
    return false;
  }
  line.remove_prefix(field.size() + 1);
  if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  *out = line;
  return true;
}

}  // namespace

bool EventReader::Next(std::string* name, std::string* data) {
  name->clear();
  data->clear();
  size_t at = at_;
  for (;;) {
    const size_t end = text_.find('\n', at);
    if (end == text_.npos) break;  // The event is not whole: from its beginning again, later.
    std::string_view line(text_.data() + at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1;
    std::string_view value;
    if (Value(line, "event", &value)) {
      *name = value;
    } else if (Value(line, "data", &value)) {
      if (!data->empty()) data->push_back('\n');
      *data += value;
    } else if (line.empty()) {
      at_ = at;
      if (!data->empty()) return true;
      name->clear();  // A comment only.
    }
  }
  text_.erase(0, at_);
  at_ = 0;
  return false;
}

}  // namespace aiges
