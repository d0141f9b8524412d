// SPDX-License-Identifier: Apache-2.0
#include "loader/front/json_string.h"

#include <simdjson.h>

namespace aiges {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// How many bytes the character that begins here should have; 0 where none begins.
size_t LengthByLead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string VisibleUtf8(std::string_view text) {
  std::string out;
  if (IsUtf8(text)) return out.assign(text);
  out.reserve(text.size() * 2);
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::string_view character = text.substr(at, LengthByLead(lead));
    if (!character.empty() && IsUtf8(character)) {
      out.append(character);
      at += character.size();
    } else {
      out.append("\\x");
      out.push_back(kHex[lead >> 4]);
      out.push_back(kHex[lead & 15]);
      ++at;
    }
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
