// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/json_codec.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/base/nearest.h"
#include "loader/front/base64.h"
#include "loader/protocols/json_body.h"

namespace aiges {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

struct DataMember {
  std::string_view name;
  DataType type;
  bool plain;  // The string is the data; else it is base64 of them.
};
constexpr DataMember kDataMembers[] = {
    {"text", DataType::kText, false},     {"audio", DataType::kAudio, false},
    {"image", DataType::kImage, false},   {"video", DataType::kVideo, false},
    {"other", DataType::kOther, false},   {kTextPlain, DataType::kText, true},
    {kTextBase64, DataType::kText, false}};

const DataMember* FindDataMember(std::string_view name) {
  const auto* found = std::find_if(std::begin(kDataMembers), std::end(kDataMembers),
                                   [name](const DataMember& m) { return m.name == name; });
  return found == std::end(kDataMembers) ? nullptr : found;
}

std::optional<DataType> TypeOf(std::string_view name) {
  const DataMember* member = FindDataMember(name);
  if (member == nullptr || name == kTextPlain || name == kTextBase64) return std::nullopt;
  return member->type;
}

std::string Shortest(double value) {
  char text[512];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
  return {text, end.ptr};
}

// The text of a scalar; empty for objects, arrays and null.
std::optional<std::string> ScalarText(element value) {
  switch (value.type()) {
    case element_type::STRING:
      return std::string(value.get_string().value_unsafe());
    case element_type::INT64:
      return std::to_string(value.get_int64().value_unsafe());
    case element_type::UINT64:
      return std::to_string(value.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return Shortest(value.get_double().value_unsafe());
    case element_type::BOOL:
      return value.get_bool().value_unsafe() ? "true" : "false";
    default:
      return std::nullopt;
  }
}

// A part of the envelope; nothing where it is missing or null.
Status ReadSection(object root, std::string_view name, std::optional<object>* out) {
  element found;
  if (root[name].get(found) != simdjson::SUCCESS || found.is_null()) return Status::Ok();
  object section;
  if (found.get(section) != simdjson::SUCCESS) {
    return Conversion(name, StrCat("expected an object, got ", KindOf(found)));
  }
  *out = section;
  return CheckJsonKeys(name, section);
}

Status CheckSections(object root) {
  const Status status = CheckJsonKeys("the body", root);
  if (!status.ok()) return status;
  static const std::vector<std::string> known = {"header", "parameter", "payload"};
  for (const auto [key, value] : root) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return Conversion(key, StrCat("unknown; expected header, parameter and payload",
                                  DidYouMean(Nearest(key, known))));
  }
  return Status::Ok();
}

// {"encoding": .., "data_type": "text"} under parameter: an output the client accepts.
void ReadExpected(std::string_view key, object fields, OnceCall* out) {
  Expected& e = out->expect.emplace_back();
  e.name = key;
  for (const auto [name, value] : fields) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) continue;
    if (name == "data_type") {
      // Any other word meant OTHER.
      e.type = TypeOf(text).value_or(DataType::kOther);
    } else if (name == "encoding" || name == "format" || name == "compress") {
      e.attributes.emplace_back(name, text);
    }
  }
}

Status ReadGroup(std::string_view where, object entries, OnceCall* out) {
  const Status status = CheckJsonKeys(where, entries);
  if (!status.ok()) return status;
  for (const auto [key, entry] : entries) {
    object fields;
    if (entry.get(fields) == simdjson::SUCCESS) {
      ReadExpected(key, fields, out);
    } else if (auto text = ScalarText(entry)) {
      out->request.params.emplace_back(key, *text);
    }  // Arrays and null are ignored, as ever.
  }
  return Status::Ok();
}

Status ReadParameters(object groups, OnceCall* out) {
  for (const auto [group, value] : groups) {
    const std::string where = StrCat("parameter.", group);
    object entries;
    if (value.get(entries) == simdjson::SUCCESS) {
      const Status status = ReadGroup(where, entries, out);
      if (!status.ok()) return status;
    } else if (auto text = ScalarText(value)) {
      return Conversion(where, StrCat("expected a group of parameters, as {\"parameter\": "
                                      "{\"<service>\": {\"",
                                      group, "\": ..}}}, got ", KindOf(value)));
    }
  }
  return Status::Ok();
}

Status ReadData(const std::string& where, const DataMember& member, element value,
                BufferPool* buffers, Payload* p) {
  const bool is_text = member.type == DataType::kText;
  p->type = member.type;
  std::string_view text;
  const bool is_string = value.get(text) == simdjson::SUCCESS;
  if (member.plain) {
    if (!is_string) return Conversion(where, StrCat("expected a string, got ", KindOf(value)));
    p->data = CopyOf(text, buffers);
    return Status::Ok();
  }
  if (value.is_object() || value.is_array()) {
    p->data = Bytes::Own(simdjson::minify(value) + "\n");  // The newline always was there.
    return Status::Ok();
  }
  const std::string hint = is_text ? StrCat("; plain text goes as {\"", kTextPlain, "\": ..}") : "";
  if (!is_string) {
    return Conversion(where, StrCat("expected a base64 string, an object or an array, got ",
                                    KindOf(value), hint));
  }
  std::optional<Bytes> data = DecodeBase64(text, buffers);
  if (!data) {
    return Conversion(where,
                      StrCat("expected standard base64 with padding, got ", BeginOf(text), hint));
  }
  p->data = *std::move(data);
  return Status::Ok();
}

Status ReadPayload(std::string_view key, object fields, BufferPool* buffers, Payload* p) {
  const std::string where = StrCat("payload.", key);
  Status status = CheckJsonKeys(where, fields);
  std::string_view data;
  p->key = key;
  for (const auto [name, value] : fields) {
    if (!status.ok()) return status;
    const DataMember* member = FindDataMember(name);
    if (member == nullptr) {
      if (auto text = ScalarText(value)) p->desc.emplace_back(name, *text);
      continue;
    }
    if (!data.empty()) {
      return Conversion(where, StrCat("expected data once, got ", data, " and ", name));
    }
    data = name;
    status = ReadData(StrCat(where, '.', name), *member, value, buffers, p);
  }
  return status;
}

Status ReadPayloads(object payloads, BufferPool* buffers, OnceCall* out) {
  for (const auto [key, value] : payloads) {
    object fields;
    if (value.get(fields) != simdjson::SUCCESS) {
      return Conversion(StrCat("payload.", key), StrCat("expected an object, got ", KindOf(value)));
    }
    if (out->request.payloads.size() == kMostPayloads) return TooMany(kMostPayloads, "payloads");
    const Status status = ReadPayload(key, fields, buffers, &out->request.payloads.emplace_back());
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// The bounds of other protocols: each part costs many times its size.
Status CheckParts(const OnceCall& call) {
  if (call.expect.size() > kMostExpected) return TooMany(kMostExpected, "expected outputs");
  size_t pairs = call.headers.size() + call.request.params.size();
  for (const Payload& p : call.request.payloads) pairs += p.desc.size();
  for (const Expected& e : call.expect) pairs += e.attributes.size();
  if (pairs > kMostPairs) return TooMany(kMostPairs, "params, headers and attributes");
  return Status::Ok();
}

Status ReadEnvelope(object root, BufferPool* buffers, OnceCall* out) {
  Status status = CheckSections(root);
  std::optional<object> header, parameter, payload;
  if (status.ok()) status = ReadSection(root, "header", &header);
  if (status.ok()) status = ReadSection(root, "parameter", &parameter);
  if (status.ok()) status = ReadSection(root, "payload", &payload);
  if (!status.ok()) return status;
  if (header) {
    for (const auto [key, value] : *header) {
      if (auto text = ScalarText(value)) out->headers.emplace_back(key, *text);
    }
  }
  if (parameter) status = ReadParameters(*parameter, out);
  if (status.ok() && payload) status = ReadPayloads(*payload, buffers, out);
  if (status.ok()) status = CheckParts(*out);
  return status;  // No payload at all is said by CheckInput.
}

}  // namespace

bool IsDataMember(std::string_view name) { return FindDataMember(name) != nullptr; }

Status ParseEnvelope(const Bytes& body, BufferPool* buffers, OnceCall* out) {
  return ReadJsonObject(body,
                        [buffers, out](object root) { return ReadEnvelope(root, buffers, out); });
}

}  // namespace aiges
