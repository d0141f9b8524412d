// SPDX-License-Identifier: Apache-2.0
#include "loader/front/json_string.h"

#include <simdjson.h>

#include "loader/base/utf8.h"

namespace aiges {
namespace {

constexpr char kHex[] = "0123456789abcdef";

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string VisibleUtf8(std::string_view text) {
  std::string out;
  if (IsUtf8(text)) return out.assign(text);
  out.reserve(text.size() * 2);
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t length = CharacterLength(text);
    if (length > 0) {
      out.append(text.substr(0, length));
    } else {
      out.append("\\x");
      out.push_back(kHex[lead >> 4]);
      out.push_back(kHex[lead & 15]);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

void AppendJsonString(std::string* out, std::string_view text) {
  if (!IsUtf8(text)) return AppendJsonString(out, VisibleUtf8(text));
  out->push_back('"');
  size_t begin = 0;  // Of what is not written yet.
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.substr(begin, i - begin));
    begin = i + 1;
    out->push_back('\\');
    if (u >= 0x20) {
      out->push_back(c);
    } else if (c == '\n') {
      out->push_back('n');
    } else {
      out->append("u00");
      out->push_back(kHex[u >> 4]);
      out->push_back(kHex[u & 15]);
    }
  }
  out->append(text.substr(begin));
  out->push_back('"');
}

}  // namespace aiges
