// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/openapi_predict.h"

#include <string>

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

bool IsBinary(const json& schema) {
  if (!schema.is_object()) return false;
  if (schema.value("format", json()) == "binary") return true;
  for (const json& each : schema.value("anyOf", json::array())) {
    if (IsBinary(each)) return true;
  }
  return false;
}

// The smallest files that an engine takes, in base64: a picture, sound, and any bytes.
std::string SmallestFile(const json& schema) {
  const json media = schema.value("contentMediaType", json());
  if (media == "image/*") return "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
  if (media == "audio/*") return "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==";
  return "aGVsbG8=";
}

json InBase64(const json& schema) {
  json made = {{"type", "object"},
               {"properties",
                {{"base64", {{"type", "string"}, {"contentEncoding", "base64"}}},
                 {"type", {{"type", "string"}}}}},
               {"required", json::array({"base64"})},
               {"example", {{"base64", SmallestFile(schema)}}}};
  if (schema.contains("description")) made["description"] = schema["description"];
  return made;
}

// In JSON the bytes of a file are base64, wherever in an input they stand.
json AsJson(const json& schema) {
  if (!schema.is_object()) return schema;
  if (schema.value("format", json()) == "binary") return InBase64(schema);
  json made = schema;
  for (auto& [name, inner] : made.items()) {
    if (name == "items" || name == "additionalProperties") {
      inner = AsJson(inner);
    } else if (name == "properties" || name == "anyOf" || name == "prefixItems") {
      for (json& each : inner) each = AsJson(each);
    }
  }
  return made;
}

json Example(const json& schema) {
  if (!schema.is_object()) return "text";
  if (schema.contains("example")) return schema["example"];
  if (schema.contains("default")) return schema["default"];
  if (const json values = schema.value("enum", json::array()); !values.empty()) return values[0];
  for (const json& each : schema.value("anyOf", json::array())) return Example(each);
  const json type = schema.value("type", json("string"));
  if (type == "integer") return schema.value("minimum", json(1));
  if (type == "number") return schema.value("minimum", json(0.5));
  if (type == "boolean") return true;
  if (type == "array") return json::array({Example(schema.value("items", json::object()))});
  if (type != "object") return "hello";
  json made = json::object();
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, each] : properties.items()) made[name] = Example(each);
  return made;
}

// One request that the engine takes: its required inputs.
json RequestExample(const json& input) {
  json made = json::object();
  if (!input.contains("properties")) return made;
  for (const json& name : input.value("required", json::array())) {
    if (name.is_string())
      made[name] = Example(input["properties"].value(name.get<std::string>(), json()));
  }
  return made;
}

json AnswerContent(const EngineSchema::Predict& predict) {
  const json& output = *predict.output;
  json content = json::object();
  if (IsBinary(output)) {
    const std::string media = output.value("contentMediaType", "application/octet-stream");
    content[media == "image/*"   ? "image/png"
            : media == "audio/*" ? "audio/wav"
                                 : media] = {{"schema", output}};
  } else if (output.value("type", json()) == "string") {
    content["text/plain"] = {{"schema", output}};
  } else {
    content["application/json"] = {{"schema", output}};
  }
  if (predict.streams) {
    content["text/event-stream"] = {
        {"schema", {{"type", "string"}, {"description", "One event for each value, as JSON."}}}};
  }
  return content;
}

}  // namespace

json PredictOperation(const EngineSchema::Predict& predict, json responses) {
  responses["200"] = {{"description", "The result."}, {"content", AnswerContent(predict)}};
  const json as_json = AsJson(*predict.input);
  json content = {{"application/json", {{"schema", as_json}, {"example", RequestExample(as_json)}}},
                  {"multipart/form-data", {{"schema", *predict.input}}}};
  json operation = {{"tags", json::array({"call"})},
                    {"operationId", "predict"},
                    {"summary", predict.title},
                    {"requestBody", {{"required", true}, {"content", std::move(content)}}},
                    {"responses", std::move(responses)}};
  if (!predict.description.empty()) operation["description"] = predict.description;
  return operation;
}

}  // namespace aiges
