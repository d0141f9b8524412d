// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/openapi_schemas.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "loader/base/strings.h"
#include "loader/protocols/json_codec.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

// RFC 4648 §4, as the front decodes it.
constexpr const char* kBase64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
// Engines see all text but data as C strings.
constexpr const char* kNoNul = "^[^\\u0000]*$";

json Text(const char* description) { return {{"type", "string"}, {"description", description}}; }

json Base64() { return {{"type", "string"}, {"contentEncoding", "base64"}, {"pattern", kBase64}}; }

bool IsObjectWith(const json& value, const char* key) {
  return value.is_object() && value.contains(key) && value[key].is_object();
}

// The type of data that a declared payload has; nothing where it has none, or is no object.
const char* DataNameOf(const json& field) {
  if (!IsObjectWith(field, "properties")) return nullptr;
  for (const DataType type : kDataTypes) {
    if (field["properties"].contains(NameOf(type))) return NameOf(type);
  }
  return nullptr;
}

void Unrequire(json* field, const std::string& name) {
  if (!field->contains("required") || !(*field)["required"].is_array()) return;
  json kept = json::array();
  for (const json& each : (*field)["required"]) {
    if (each != name) kept.push_back(each);
  }
  (*field)["required"] = kept;
}

// At most one of these members is there; exactly one where it is required.
json OneOf(const std::vector<std::string>& names, bool required) {
  json choices = json::array(), none = json::array();
  for (const std::string& name : names) {
    choices.push_back({{"required", json::array({name})}});
    none.push_back({{"required", json::array({name})}});
  }
  if (!required) choices.push_back({{"not", {{"anyOf", none}}}});
  return choices;
}

// What the host adds to a declared payload of a request: text has other names, too; no other data
// beside it; attributes are C strings.
void CompleteInput(json* field) {
  const char* data = DataNameOf(*field);
  if (data == nullptr) return;
  json& properties = (*field)["properties"];
  if (properties[data].is_object() && properties[data].value("contentEncoding", "") == "base64") {
    properties[data]["pattern"] = kBase64;
  }
  for (auto& [name, attribute] : properties.items()) {
    if (!IsDataMember(name)) attribute = ParameterSchema(attribute);
  }
  for (const DataType type : kDataTypes) {
    if (!properties.contains(NameOf(type))) properties[NameOf(type)] = false;
  }
  const json required = field->value("required", json::array());
  const bool needed = std::find(required.begin(), required.end(), data) != required.end();
  if (std::string_view(data) == "text") {
    Unrequire(field, "text");
    (*field)["properties"][kTextPlain] = Text("The text itself, in place of base64 in text.");
    (*field)["properties"][kTextBase64] = Base64();
    if (!field->contains("oneOf")) {
      (*field)["oneOf"] = OneOf({"text", kTextPlain, kTextBase64}, needed);
    }
  } else {
    (*field)["properties"][kTextPlain] = false;
    (*field)["properties"][kTextBase64] = false;
  }
  if (!field->contains("additionalProperties")) {
    (*field)["additionalProperties"] = {{"pattern", kNoNul}};
  }
  if (!field->contains("propertyNames")) (*field)["propertyNames"] = {{"pattern", kNoNul}};
}

// Groups of parameters, whose entries are text for the engine.
void CompleteParameters(json* parameter) {
  if (!IsObjectWith(*parameter, "properties")) return;
  for (auto& [name, group] : (*parameter)["properties"].items()) {
    if (!IsObjectWith(group, "properties")) continue;
    for (auto& [key, entry] : group["properties"].items()) entry = ParameterSchema(entry);
    if (IsObjectWith(group, "additionalProperties")) {
      group["additionalProperties"]["pattern"] = kNoNul;
    }
    if (!group.contains("propertyNames")) group["propertyNames"] = {{"pattern", kNoNul}};
  }
  json& others = (*parameter)["additionalProperties"];
  if (!others.is_object() || !IsObjectWith(others, "additionalProperties")) return;
  others["additionalProperties"]["pattern"] = kNoNul;
  if (!others.contains("propertyNames")) others["propertyNames"] = {{"pattern", kNoNul}};
}

json AnyRequest() {
  json data = {{"type", "object"},
               {"description",
                "Data as one of text, audio, image, video, other (base64), text_plain; all else "
                "are attributes."},
               {"additionalProperties", {{"pattern", kNoNul}}},
               {"propertyNames", {{"pattern", kNoNul}}}};
  std::vector<std::string> names;
  for (const DataType type : kDataTypes) {
    data["properties"][NameOf(type)] = Base64();
    names.emplace_back(NameOf(type));
  }
  data["properties"][kTextPlain] = Text("The text itself.");
  data["properties"][kTextBase64] = Base64();
  names.insert(names.end(), {kTextPlain, kTextBase64});
  data["oneOf"] = OneOf(names, /*required=*/false);
  const json group = {{"type", "object"},
                      {"propertyNames", {{"pattern", kNoNul}}},
                      {"additionalProperties", {{"pattern", kNoNul}}}};
  return {{"type", "object"},
          {"properties",
           {{"header", {{"type", "object"}}},
            {"parameter", {{"type", "object"}, {"additionalProperties", group}}},
            {"payload",
             {{"type", "object"},
              {"minProperties", 1},
              {"propertyNames", {{"pattern", kNoNul}}},
              {"additionalProperties", data}}}}},
          {"required", json::array({"payload"})},
          {"additionalProperties", false}};
}

// A payload of an answer: attributes are text on the wire; text that is no UTF-8 has another name;
// other outputs of one key are an array.
json CompleteOutput(json field) {
  const char* data = DataNameOf(field);
  if (data == nullptr) return field;
  for (auto& [name, value] : field["properties"].items()) {
    const bool is_data = DataTypeOf(name) != DataType::kOther || name == "other";
    if (!is_data) value = {{"type", "string"}};
  }
  if (std::string_view(data) == "text") {
    Unrequire(&field, "text");
    field["properties"][kTextBase64] = Base64();
    field["properties"][kTextBase64]["description"] = "In place of text, where that is no UTF-8.";
    if (!field.contains("oneOf")) field["oneOf"] = OneOf({"text", kTextBase64}, true);
    return field;
  }
  return {{"anyOf", json::array({field,
                                 {{"type", "array"},
                                  {"description", "Several outputs of this key, in order."},
                                  {"minItems", 2},
                                  {"items", field}}})}};
}

json AnyAnswer() {
  const json object = {{"type", "object"}};
  return {{"type", "object"},
          {"additionalProperties",
           {{"description",
             "An output: text as text, or as text_base64 where it is no UTF-8, all else base64. "
             "Several of one key that are not all text are an array."},
            {"anyOf",
             json::array({object, {{"type", "array"}, {"minItems", 2}, {"items", object}}})}}}};
}

// What passes a schema: what is declared as default, else something small.
json ExampleOf(const json& schema) {
  if (!schema.is_object()) return nullptr;
  for (const char* key : {"default", "example"}) {
    if (schema.contains(key)) return schema[key];
  }
  if (schema.contains("enum") && schema["enum"].is_array() && !schema["enum"].empty()) {
    return schema["enum"][0];
  }
  std::string type = "object";
  if (schema.contains("type")) {
    const json& said = schema["type"];
    type = said.is_array() && !said.empty() && said[0].is_string() ? said[0].get<std::string>()
           : said.is_string()                                      ? said.get<std::string>()
                                                                   : "object";
  }
  if (type == "integer" || type == "number") return schema.value("minimum", json(0));
  if (type == "boolean") return false;
  if (type == "array") return json::array();
  if (type == "string") return "";
  json out = json::object();
  if (!schema.contains("properties") || !schema["properties"].is_object()) return out;
  for (const auto& [key, each] : schema["properties"].items()) {
    const std::string encoding =
        each.is_object() && each.contains("contentEncoding") && each["contentEncoding"].is_string()
            ? each["contentEncoding"].get<std::string>()
            : "";
    out[key] = encoding == "base64" ? json(SampleOf(DataTypeOf(key))) : ExampleOf(each);
  }
  return out;
}

// Properties without a value are left out where nothing asks for them.
void Prune(json* example, const json& schema) {
  const json required = schema.is_object() ? schema.value("required", json::array()) : json();
  for (auto it = example->begin(); it != example->end();) {
    const bool wanted = std::find(required.begin(), required.end(), it.key()) != required.end();
    it = !wanted && *it == "" ? example->erase(it) : std::next(it);
  }
}

}  // namespace

const char* SampleOf(DataType type) {
  static constexpr const char* kPixel =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/"
      "AAAAABJRU5ErkJggg==";
  static constexpr const char* kSilence =
      "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
  static constexpr const char* kSamples[] = {"aGVsbG8=", kSilence, kPixel, "AAAAAA==", "AAAAAA=="};
  return kSamples[std::min(static_cast<size_t>(type), std::size(kSamples) - 1)];
}

json RequestSchema(const EngineSchema& schema) {
  if (!schema.declared()) return AnyRequest();
  json out = schema.request();
  if (!IsObjectWith(out, "properties")) return out;
  json& properties = out["properties"];
  if (properties.contains("parameter")) CompleteParameters(&properties["parameter"]);
  if (properties.contains("payload") && IsObjectWith(properties["payload"], "properties")) {
    for (auto& [key, field] : properties["payload"]["properties"].items()) CompleteInput(&field);
  }
  return out;
}

json AnswerSchema(const EngineSchema& schema) {
  json payload = schema.answer().is_object() ? schema.answer() : AnyAnswer();
  if (IsObjectWith(payload, "properties")) {
    for (auto& [key, field] : payload["properties"].items()) field = CompleteOutput(field);
  }
  return {{"type", "object"},
          {"properties",
           {{"header",
             {{"type", "object"},
              {"properties",
               {{"code", {{"type", "integer"}, {"const", 0}}},
                {"status", {{"type", "integer"}, {"description", "3: all of the answer."}}},
                {"sid", Text("The number of this call in the logs.")}}},
              {"required", json::array({"code", "sid"})}}},
            {"payload", payload}}},
          {"required", json::array({"header", "payload"})}};
}

json ErrorSchema() {
  return {{"type", "object"},
          {"properties",
           {{"header",
             {{"type", "object"},
              {"properties",
               {{"code", {{"type", "integer"}, {"description", "docs/errors.md lists them."}}},
                {"sid", {{"type", "string"}}},
                {"message", {{"type", "string"}}}}},
              {"required", json::array({"code", "message"})}}},
            {"payload", {{"type", "null"}}}}},
          {"required", json::array({"header"})}};
}

json ParameterSchema(const json& declared) {
  if (!declared.is_object() || declared.value("type", json()) != "string" ||
      declared.contains("enum") || declared.contains("pattern")) {
    return declared;
  }
  json out = declared;
  out["pattern"] = kNoNul;
  return out;
}

json FormSchema(const EngineSchema& schema) {
  const json file = {{"type", "string"}, {"format", "binary"}};
  json out = {{"type", "object"},
              {"description",
               "Files, and fields that are named as an input, are payloads; other fields are "
               "parameters."},
              {"properties", json::object()},
              {"additionalProperties", {{"type", "string"}, {"pattern", kNoNul}}},
              {"propertyNames", {{"pattern", "^[^\\u0000-\\u001f\\u007f]+$"}}}};
  json choices = json::array();
  for (const EngineSchema::Field& input : schema.inputs()) {
    out["properties"][input.key] = file;
    choices.push_back({{"required", json::array({input.key})}});
  }
  if (choices.empty()) out["properties"]["data"] = file;
  for (const auto& [name, declared] : schema.parameters().items()) {
    if (!out["properties"].contains(name)) out["properties"][name] = ParameterSchema(declared);
  }
  json required = schema.required_parameters();
  if (choices.size() == 1) required.push_back(schema.inputs().front().key);
  if (!required.empty()) out["required"] = required;
  if (choices.size() > 1) out["anyOf"] = choices;
  return out;
}

json RequestExample(const EngineSchema& schema) {
  if (!schema.declared()) {
    return {{"header", {{"appid", "demo"}}},
            {"payload", {{"data", {{"text", SampleOf(DataType::kText)}}}}}};
  }
  json out = ExampleOf(schema.request());
  if (!out.is_object()) return out;
  if (out.contains("header") && out["header"].is_object()) {
    json& header = out["header"];
    Prune(&header, schema.request()["properties"]["header"]);
    if (!header.contains("appid") || header["appid"] == "") header["appid"] = "demo";
  }
  return out;
}

}  // namespace aiges
