// SPDX-License-Identifier: Apache-2.0
// loader/access/json_object.h: JSON of others that decides who may what.
//
// A member that is there twice would be another one for whoever else reads it (RFC 8259, section
// 4): such a text is refused, as one that is nested deeply. A pure function; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aiges {

inline bool ParseObject(std::string_view text, nlohmann::json* out) {
  using nlohmann::json;
  constexpr int kMostDepth = 16;
  bool sound = true;
  std::vector<std::set<std::string>> seen;  // Names of the objects that are open.
  const auto look = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMostDepth) sound = false;
    if (!sound) return true;  // The parser is to end by itself: the text is short.
    if (event == json::parse_event_t::object_start) seen.emplace_back();
    if (event == json::parse_event_t::object_end) seen.pop_back();
    if (event == json::parse_event_t::key) {
      sound = seen.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  *out = json::parse(text, look, /*allow_exceptions=*/false);
  return sound && out->is_object();
}

}  // namespace aiges
