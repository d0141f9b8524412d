// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/plain_json.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "loader/api/message_limits.h"
#include "loader/front/base64.h"
#include "loader/front/json_string.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/json_body.h"

namespace aiges {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kBytes = "base64", kType = "type";

// {"base64": "..", "type": ".."}, and nothing else: any other object is JSON.
bool AreBytes(object members, std::string_view* base64, std::optional<std::string_view>* type) {
  bool found = false;
  for (const auto [name, value] : members) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    if (name == kBytes && !found) {
      *base64 = text;
      found = true;
    } else if (name == kType && !*type) {
      *type = text;
    } else {
      return false;
    }
  }
  return found;
}

// "image/png": without parameters, which nothing here would look at.
bool IsMediaType(std::string_view text) {
  const size_t slash = text.find('/');
  const auto fits = [](std::string_view part, std::string_view others) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [others](char c) {
      return (c >= 'a' && c <= 'z') || others.find(c) != std::string_view::npos;
    });
  };
  constexpr std::string_view kSub = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+_-";
  return slash != std::string_view::npos && fits(text.substr(0, slash), "") &&
         fits(text.substr(slash + 1), kSub);
}

Status ReadType(const std::string& where, std::string_view said, DataType* out) {
  const std::string word(said);
  if (word == NameOf(DataTypeOf(word))) {
    *out = DataTypeOf(word);
    return Status::Ok();
  }
  if (!IsMediaType(word)) {
    return Conversion(where, StrCat("type: expected a media type as \"image/png\", or text, audio, "
                                    "image, video or other, got ",
                                    BeginOf(word)));
  }
  *out = TypeOfContent(word);
  return Status::Ok();
}

Status ReadBytes(const std::string& where, std::string_view base64,
                 std::optional<std::string_view> type, const EngineSchema::Field* declared,
                 BufferPool* buffers, Payload* p) {
  p->type = declared == nullptr ? DataType::kOther : declared->type;
  if (type) {
    const Status status = ReadType(where, *type, &p->type);
    if (!status.ok()) return status;
  }
  std::optional<Bytes> data = DecodeBase64(base64, buffers);
  if (!data) {
    return Conversion(
        where, StrCat("base64: expected standard base64 with padding, got ", BeginOf(base64)));
  }
  p->data = *std::move(data);
  return Status::Ok();
}

Status ReadValue(element value, const EngineSchema& schema, BufferPool* buffers, Payload* p) {
  const std::string& where = p->key;
  const EngineSchema::Field* declared = schema.FindInput(p->key);
  p->desc.emplace_back("status", "3");
  object members;
  std::string_view text;
  std::optional<std::string_view> type;
  if (value.get(members) == simdjson::SUCCESS && AreBytes(members, &text, &type)) {
    return ReadBytes(where, text, type, declared, buffers, p);
  }
  const bool is_text = declared == nullptr || declared->type == DataType::kText;
  if (value.is_null() || !is_text) {
    return Conversion(where, StrCat("expected ", is_text ? "a string, JSON or " : "",
                                    "{\"base64\": \"..\", \"type\": \"<media type>\"}",
                                    is_text ? "" : StrCat(" for ", NameOf(declared->type)),
                                    ", got ", KindOf(value)));
  }
  p->type = DataType::kText;
  const bool is_string = value.get(text) == simdjson::SUCCESS;
  p->data = is_string ? CopyOf(text, buffers) : Bytes::Own(simdjson::minify(value));
  return Status::Ok();
}

// Whether an output goes as JSON, and not as a string that has JSON in it.
bool GoesAsJson(const Payload& p, const EngineSchema& schema) {
  return MediaType(ContentTypeOf(p, schema)) == "application/json" && IsJson(p.data.view());
}

// Line breaks may stand between the values of JSON only: all others are escaped.
void AppendOnOneLine(std::string* out, std::string_view json) {
  for (const char c : json) {
    if (c != '\n' && c != '\r') out->push_back(c);
  }
}

void AppendValue(std::string* out, const Payload& p, const EngineSchema& schema) {
  const std::string_view data = p.data.view();
  if (p.type == DataType::kText && IsUtf8(data)) {
    if (GoesAsJson(p, schema)) return AppendOnOneLine(out, data);
    return AppendJsonString(out, data);
  }
  *out += "{\"base64\":\"";
  AppendBase64(out, data);
  *out += "\",\"type\":";
  AppendJsonString(out, ContentTypeOf(p, schema));
  out->push_back('}');
}

}  // namespace

Status ParsePlain(const Bytes& body, const EngineSchema& schema, BufferPool* buffers,
                  OnceCall* out) {
  return ReadJsonObject(body, [&schema, buffers, out](object root) {
    Status status = CheckJsonKeys("the body", root);
    for (const auto [key, value] : root) {
      if (!status.ok()) return status;
      if (out->request.payloads.size() == kMostPayloads) return TooMany(kMostPayloads, "payloads");
      Payload& p = out->request.payloads.emplace_back();
      p.key = key;
      status = ReadValue(value, schema, buffers, &p);
    }
    return status;  // No payload at all is said by CheckInput.
  });
}

std::string WritePlain(const OutputsByKey& outputs, const EngineSchema& schema) {
  size_t size = 64;
  for (const auto& group : outputs) {
    for (const Payload& p : group) size += p.data.size() * 4 / 3 + 64;
  }
  std::string out;
  out.reserve(size);
  out.push_back('{');
  for (const std::vector<Payload>& group : outputs) {
    if (out.size() > 1) out.push_back(',');
    AppendJsonString(&out, group.front().key);
    out.push_back(':');
    if (group.size() > 1) out.push_back('[');
    for (size_t i = 0; i < group.size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendValue(&out, group[i], schema);
    }
    if (group.size() > 1) out.push_back(']');
  }
  out.push_back('}');
  return out;
}

std::string WritePlainLine(const Payload* payloads, size_t count, const EngineSchema& schema) {
  std::string out = "{";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    AppendJsonString(&out, payloads[i].key);
    out.push_back(':');
    AppendValue(&out, payloads[i], schema);
  }
  out.push_back('}');
  return out;
}

std::string WritePlainValue(const Payload& payload, const EngineSchema& schema) {
  std::string out;
  AppendValue(&out, payload, schema);
  return out;
}

std::string WritePlainError(int code, std::string_view message) {
  std::string out = StrCat("{\"error\":{\"code\":", code, ",\"message\":");
  AppendJsonString(&out, message);
  out += "}}";
  return out;
}

}  // namespace aiges
