// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/json_body.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/protocols/once.h"

namespace aiges {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr size_t kKeepParserBytes = 1 << 20;
// A longer text is sent as a string.
constexpr size_t kLongestInline = 1 << 20;
// Of a value that is wrong, shown.
constexpr size_t kMostShown = 24;

// Integers of more than 64 bits are JSON, but nothing that the quick parser takes: as doubles.
std::optional<std::string> WithPlainNumbers(std::string_view body) {
  bool too_deep = false;
  const auto look = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > static_cast<int>(simdjson::DEFAULT_MAX_DEPTH);
    return !too_deep;
  };
  const auto value = nlohmann::json::parse(body, look, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Status Conversion(std::string_view where, std::string_view text) {
  return Status::Error(StatusKind::kInvalid, StrCat(where, ": ", text), kCodeConversion);
}

Status TooMany(size_t most, std::string_view parts) {
  return Status::Error(StatusKind::kInvalid, TooManyParts(most, parts), kCodeInvalidInput);
}

Status CheckJsonKeys(std::string_view where, object members) {
  std::vector<std::string_view> keys;
  for (const auto [key, value] : members) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return Status::Ok();
  return Conversion(where, StrCat("expected each key once, got \"", *twice, "\" again"));
}

const char* KindOf(element value) {
  switch (value.type()) {
    case element_type::OBJECT:
      return "an object";
    case element_type::ARRAY:
      return "an array";
    case element_type::STRING:
      return "a string";
    case element_type::BOOL:
      return "a boolean";
    case element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::string BeginOf(std::string_view text) {
  const std::string_view begin = CutUtf8(text, kMostShown);
  return StrCat('"', begin, begin.size() < text.size() ? "..\"" : "\"");
}

Bytes CopyOf(std::string_view text, BufferPool* buffers) {
  Buffer copy = buffers->Allocate(text.size());
  std::memcpy(copy.data, text.data(), text.size());
  copy.size = text.size();
  return std::move(copy).Freeze();
}

bool IsJson(std::string_view text) {
  if (text.size() > kLongestInline) return false;
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

Status ReadJsonObject(const Bytes& body, const std::function<Status(object)>& read) {
  // Kept between calls; a long body has one of its own, or its memory would stay for ever.
  thread_local simdjson::dom::parser kept;
  std::optional<simdjson::dom::parser> own;
  simdjson::dom::parser& parser = body.size() > kKeepParserBytes ? own.emplace() : kept;
  element root;
  object members;
  auto error = parser.parse(body.data(), body.size()).get(root);
  if (error == simdjson::NUMBER_ERROR) {
    const std::optional<std::string> plain = WithPlainNumbers(body.view());
    if (plain) error = parser.parse(*plain).get(root);
  }
  if (error != simdjson::SUCCESS || root.get(members) != simdjson::SUCCESS) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("the body is not a JSON object: ",
                                error == simdjson::SUCCESS ? "it is another JSON value"
                                                           : simdjson::error_message(error)),
                         kCodeBodyNotJson);
  }
  return read(members);
}

}  // namespace aiges
