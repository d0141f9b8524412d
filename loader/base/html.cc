// SPDX-License-Identifier: Apache-2.0
#include "loader/base/html.h"

namespace aiges {

std::string EscapedHtml(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      // Control characters are not allowed in HTML, not even escaped.
      default:
        out.push_back(static_cast<unsigned char>(c) < 32 && c != '\n' ? ' ' : c);
    }
  }
  return out;
}

}  // namespace aiges
