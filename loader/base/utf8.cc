// SPDX-License-Identifier: Apache-2.0
#include "loader/base/utf8.h"

namespace aiges {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool Escaped(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

void AppendEscape(std::string* out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  *out += '\\';
  if (u >= 0x20) {
    *out += c;
  } else if (c == '\n') {
    *out += 'n';
  } else if (c == '\t') {
    *out += 't';
  } else {
    *out += "u00";
    *out += kHex[u >> 4];
    *out += kHex[u & 15];
  }
}

}  // namespace

size_t CharacterLength(std::string_view text) {
  const auto at = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // Too long a form, a surrogate, beyond U+10FFFF (RFC 3629, section 4).
  const bool wrong =
      length > 2 && ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) ||
                     (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f));
  return wrong ? 0 : length;
}

void AppendUtf8(std::string* out, std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    out->append(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void AppendJsonText(std::string* out, std::string_view text) {
  *out += '"';
  while (!text.empty()) {
    // Most text has nothing to look after.
    size_t plain = 0;
    while (plain < text.size() && static_cast<signed char>(text[plain]) > 0 &&
           !Escaped(static_cast<unsigned char>(text[plain]))) {
      ++plain;
    }
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (Escaped(static_cast<unsigned char>(text[0]))) {
      AppendEscape(out, text[0]);
      text.remove_prefix(1);
      continue;
    }
    const size_t length = CharacterLength(text);
    out->append(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  *out += '"';
}

}  // namespace aiges
