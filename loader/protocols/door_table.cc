// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/door_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr size_t kMostDoors = 1000;
constexpr size_t kMostPattern = 1024;
constexpr size_t kMostAbout = 256;
constexpr size_t kMostRefusal = 16 * 1024;

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The rest of the rules for a pattern are the route table's.
std::string ReadPattern(std::string_view pattern, Door* door) {
  door->pattern = std::string(pattern);
  const bool sound = pattern.starts_with('/') && pattern.size() <= kMostPattern &&
                     IsVisible(pattern) && pattern.find_first_of("?#") == std::string_view::npos;
  return sound ? "" : "expected a path that begins with \"/\"";
}

bool IsServiceName(std::string_view name) {
  return !name.empty() && name.size() <= kMostPattern &&
         name.find_first_of("/{}") == std::string_view::npos && IsVisible(name);
}

std::string ReadMethods(const json& entry, Door* door) {
  const auto found = entry.find("methods");
  if (found == entry.end()) return "";
  constexpr std::string_view kWrong = "methods: expected a list of names in upper case";
  if (!found->is_array()) return std::string(kWrong);
  for (const json& each : *found) {
    if (!each.is_string()) return std::string(kWrong);
    const auto& name = each.get_ref<const std::string&>();
    const auto upper = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), upper)) {
      return std::string(kWrong);
    }
    door->methods.push_back(name);
  }
  return "";
}

std::string ReadDoor(const json& entry, Door* door) {
  if (!entry.is_object()) return "expected an object";
  const auto http = entry.find("http"), grpc = entry.find("grpc");
  if ((http == entry.end()) == (grpc == entry.end()))
    return "expected one of \"http\" and \"grpc\"";
  const json& name = http != entry.end() ? *http : *grpc;
  if (!name.is_string()) return "expected a text as pattern or service";
  const auto& text = name.get_ref<const std::string&>();
  const auto about = entry.find("about");
  if (about != entry.end()) {
    if (!about->is_string()) return "about: expected a text";
    door->about = std::string(CutUtf8(about->get_ref<const std::string&>(), kMostAbout));
  }
  for (const auto& [key, to] :
       {std::pair{"long", &door->long_calls}, std::pair{"gzip", &door->gzip}}) {
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    if (!found->is_boolean()) return StrCat(key, ": expected true or false");
    *to = found->get<bool>();
  }
  if (http != entry.end()) {
    std::string wrong = ReadPattern(text, door);
    return wrong.empty() ? ReadMethods(entry, door) : wrong;
  }
  door->kind = Door::Kind::kGrpc;
  door->pattern = text;
  return IsServiceName(text) ? "" : "expected the full name of a service";
}

}  // namespace

bool Door::FitsMethod(std::string_view method) const {
  return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

DoorTable::DoorTable(const std::string& text) {
  if (text.empty()) return;
  const json said = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto found = said.is_object() ? said.find("doors") : said.end();
  if (!said.is_object() || found == said.end() || !found->is_array()) {
    problems_.emplace_back("expected {\"doors\": [..]}");
    return;
  }
  size_t number = 0;
  for (const json& entry : *found) {
    if (doors_.size() == kMostDoors) {
      problems_.push_back(StrCat("expected at most ", kMostDoors, " doors, got more"));
      break;
    }
    Door door;
    const std::string wrong = ReadDoor(entry, &door);
    const auto same = [&door](const Door& d) {
      return d.kind == door.kind && d.pattern == door.pattern && d.methods == door.methods;
    };
    if (!wrong.empty()) {
      problems_.push_back(StrCat("doors[", number, "] ", door.pattern, ": ", wrong));
    } else if (std::any_of(doors_.begin(), doors_.end(), same)) {
      problems_.push_back(StrCat(door.pattern, " is named twice"));
    } else {
      doors_.push_back(std::move(door));
    }
    ++number;
  }
  const auto descriptors = said.find("descriptors");
  if (descriptors != said.end()) {
    std::optional<std::string> decoded;
    if (descriptors->is_string())
      decoded = DecodeBase64(descriptors->get_ref<const std::string&>());
    if (!decoded) problems_.emplace_back("descriptors: expected a text in base64");
    descriptors_ = std::move(decoded).value_or("");
  }
  const auto refusal = said.find("refusal");
  if (refusal == said.end()) return;
  const auto type = refusal->is_object() ? refusal->find("type") : refusal->end();
  const auto body = refusal->is_object() ? refusal->find("body") : refusal->end();
  const bool sound = refusal->is_object() && type != refusal->end() && type->is_string() &&
                     body != refusal->end() && body->is_string() &&
                     body->get_ref<const std::string&>().size() <= kMostRefusal;
  if (!sound) {
    problems_.emplace_back("refusal: expected {\"type\": \"..\", \"body\": \"..\"}");
    return;
  }
  refusal_ = {type->get<std::string>(), body->get<std::string>()};
}

}  // namespace aiges
