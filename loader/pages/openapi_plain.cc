// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/openapi_plain.h"

#include <string>
#include <utility>

#include "loader/base/strings.h"
#include "loader/pages/openapi_schemas.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

// RFC 4648 §4, as the front decodes it.
constexpr const char* kBase64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
constexpr const char* kNoNul = "^[^\\u0000]*$";
constexpr const char* kAnyType = "^[^/]+/.+$";

// The media types that an engine takes as data of a type.
std::string MediaOf(DataType type) {
  if (type == DataType::kOther) return "^(?:other|application/octet-stream)$";
  return StrCat("^", NameOf(type), "(?:/[A-Za-z0-9.+_-]+)?$");
}

json BytesSchema(const std::string& media) {
  json required = json::array({"base64"});
  if (media == kAnyType) required.push_back("type");  // An answer always has it.
  return {
      {"type", "object"},
      {"properties",
       {{"base64", {{"type", "string"}, {"contentEncoding", "base64"}, {"pattern", kBase64}}},
        {"type", {{"type", "string"}, {"description", "The media type."}, {"pattern", media}}}}},
      {"required", required},
      {"additionalProperties", false}};
}

// Text as a string, JSON as it is, or bytes.
json ValueSchema(bool is_answer) {
  json out = json::array({{{"type", "string"}},
                          BytesSchema(is_answer ? kAnyType : MediaOf(DataType::kText)),
                          {{"type", "array"}},
                          {{"type", "number"}},
                          {{"type", "boolean"}},
                          // Any other object is JSON of the caller.
                          {{"type", "object"}, {"properties", {{"base64", false}}}}});
  if (is_answer) out.push_back({{"type", "null"}});
  return {{"description", "A string is text; bytes are {\"base64\", \"type\"}; all else is JSON."},
          {"anyOf", out}};
}

json InputSchema(DataType type) {
  return type == DataType::kText ? ValueSchema(/*is_answer=*/false) : BytesSchema(MediaOf(type));
}

}  // namespace

json PlainRequestSchema(const EngineSchema& schema) {
  json out = {{"type", "object"}, {"minProperties", 1}};
  if (schema.inputs().empty()) {
    json value = ValueSchema(/*is_answer=*/false);
    for (const DataType type : kDataTypes) {
      if (type != DataType::kText) value["anyOf"].push_back(BytesSchema(MediaOf(type)));
    }
    out["additionalProperties"] = std::move(value);
    out["propertyNames"] = {{"pattern", kNoNul}};
    return out;
  }
  for (const EngineSchema::Field& input : schema.inputs()) {
    out["properties"][input.key] = InputSchema(input.type);
  }
  out["additionalProperties"] = false;
  return out;
}

json PlainAnswerSchema(const EngineSchema& schema) {
  json out = {{"type", "object"},
              {"description",
               "The outputs by their keys. Those of one key that are not all text are an array."}};
  for (const EngineSchema::Field& output : schema.outputs()) {
    out["properties"][output.key] = ValueSchema(/*is_answer=*/true);
  }
  out["additionalProperties"] = ValueSchema(/*is_answer=*/true);
  return out;
}

json PlainErrorSchema() {
  return {{"type", "object"},
          {"properties",
           {{"error",
             {{"type", "object"},
              {"properties",
               {{"code", {{"type", "integer"}, {"description", "docs/errors.md lists them."}}},
                {"message", {{"type", "string"}}}}},
              {"required", json::array({"code", "message"})}}}}},
          {"required", json::array({"error"})}};
}

json PlainExample(const EngineSchema& schema) {
  if (schema.inputs().empty()) return {{"data", "hello"}};
  json out = json::object();
  for (const EngineSchema::Field& input : schema.inputs()) {
    out[input.key] =
        input.type == DataType::kText ? json("hello") : json{{"base64", SampleOf(input.type)}};
  }
  return out;
}

}  // namespace aiges
