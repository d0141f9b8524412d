// SPDX-License-Identifier: Apache-2.0
#include "loader/base/strings.h"

#include <system_error>

namespace aiges {

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) StrAppend(&out, out.empty() ? "" : between, part);
  return out;
}

std::string Lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view CutUtf8(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

std::string ErrnoText(int error) { return std::generic_category().message(error); }

void AppendVisible(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (c == '\x1b' && next == '[') {  // A colour is left out: ESC [ digits m.
      const size_t end = text.find_first_not_of("0123456789;", i + 2);
      if (end != std::string_view::npos && text[end] == 'm') {
        i = end;
        continue;
      }
    }
    if (c == '\n') {
      *out += "\\n";
    } else if (c == 0xc2 && next >= 0x80 &&
               next < 0xa0) {  // C1: what ESC and a letter say, in one.
      ++i;
      *out += "\\x";
      *out += kHex[next >> 4];
      *out += kHex[next & 15];
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      *out += "\\x";
      *out += kHex[c >> 4];
      *out += kHex[c & 15];
    } else {
      *out += static_cast<char>(c);
    }
  }
}

}  // namespace aiges
