// SPDX-License-Identifier: Apache-2.0
#include "loader/front/http_types.h"

#include <algorithm>

#include "loader/base/numbers.h"
#include "loader/front/http_head.h"

namespace aiges {
namespace {

std::string_view WithoutAuthority(std::string_view target) {
  std::string_view authority;  // Says nothing here.
  return OriginForm(target, &authority);
}

}  // namespace

std::string PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

Pairs ParseQuery(std::string_view text) {
  Pairs out;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    out.emplace_back(
        PercentDecode(item.substr(0, equals), true),
        equals == std::string_view::npos ? "" : PercentDecode(item.substr(equals + 1), true));
  }
  return out;
}

std::string_view PathOf(std::string_view target) {
  target = WithoutAuthority(target);
  const std::string_view path = target.substr(0, target.find('?'));
  return path.empty() ? "/" : path;
}

void SplitTarget(std::string_view target, HttpRequest* request) {
  target = WithoutAuthority(target);
  const size_t mark = target.find('?');
  request->path = PercentDecode(target.substr(0, mark), false);
  if (request->path.empty()) request->path.push_back('/');
  if (mark == std::string_view::npos) return;
  request->query = ParseQuery(target.substr(mark + 1));
}

}  // namespace aiges
