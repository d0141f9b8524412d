// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/engine_schema.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;  // As the author wrote it.

constexpr const char* kDefaultId = "svcName";  // Of a wrapper that declares no serviceId.
constexpr const char* kNames[] = {"text", "audio", "image", "video", "other"};
constexpr const char* kSections[] = {"header", "parameter", "payload"};  // Of an envelope.
// Deeper than that is no schema, but an attack on those who walk through it.
constexpr int kMostDepth = 100;

// AI platforms are told defaults as "defaultVal", which JSON Schema does not know.
json WithDefaults(const json& value, bool names = false) {
  if (value.is_array()) {
    json out = json::array();
    for (const json& each : value) out.push_back(WithDefaults(each));
    return out;
  }
  if (!value.is_object()) return value;
  json out = json::object();
  for (const auto& [key, each] : value.items()) {
    out[!names && key == "defaultVal" ? "default" : key] =
        WithDefaults(each, !names && HoldsNames(key));
  }
  return out;
}

const json& Member(const json& object, const std::string& key) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

std::string TextOf(const json& object, const char* key, const std::string& fallback) {
  const json& found = Member(object, key);
  return found.is_string() ? found.get<std::string>() : fallback;
}

bool IsObjectSchema(const json& schema) {
  return Member(schema, "properties").is_object() || TextOf(schema, "type", "") == "object";
}

// Nothing that a template, a query or a parent folder could hide in.
bool IsPlainPath(const std::string& path) {
  return path.size() > 1 && path.size() < 1024 && path[0] == '/' &&
         path.find("..") == std::string::npos &&
         path.find_first_of("?#{}%<>\"\\") == std::string::npos &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool HoldsNames(const std::string& keyword) {
  return keyword == "properties" || keyword == "patternProperties" || keyword == "$defs" ||
         keyword == "definitions" || keyword == "dependentSchemas";
}

const char* NameOf(DataType type) {
  return kNames[std::min(static_cast<size_t>(type), std::size(kNames) - 1)];
}

DataType DataTypeOf(const std::string& name) {
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return DataType::kOther;
  return static_cast<DataType>(found - std::begin(kNames));
}

EngineSchema::EngineSchema(const std::string& text, const std::string& service)
    : request_(std::make_unique<json>()),
      answer_(std::make_unique<json>()),
      parameters_(std::make_unique<json>(json::object())) {
  if (!text.empty()) {
    bool too_deep = false;
    const json root = json::parse(
        text,
        [&too_deep](int depth, json::parse_event_t, json&) {
          too_deep = too_deep || depth > kMostDepth;
          return depth <= kMostDepth;
        },
        /*allow_exceptions=*/false);
    if (too_deep) {
      problems_.push_back(StrCat("expected at most ", kMostDepth, " levels of JSON, got more"));
    } else if (root.is_object()) {
      Read(root, service);
    } else {
      problems_.emplace_back("expected a JSON object, got something else");
    }
  }
  if (routes_.empty()) routes_.push_back(StrCat("/", version_, "/private/", service));
}

EngineSchema::~EngineSchema() = default;

const EngineSchema::Field* EngineSchema::FindInput(std::string_view key) const {
  const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                  [key](const Field& field) { return field.key == key; });
  return found == inputs_.end() ? nullptr : &*found;
}

bool EngineSchema::HasRoute(const std::string& path) const {
  return std::find(routes_.begin(), routes_.end(), path) != routes_.end();
}

bool EngineSchema::HasPredictRoute(const std::string& path) const {
  return predict_ != nullptr && std::find(predict_->routes.begin(), predict_->routes.end(), path) !=
                                    predict_->routes.end();
}

void EngineSchema::ReadPredict(const json& said) {
  if (said.is_null()) return;
  if (!IsObjectSchema(Member(said, "input"))) {
    problems_.emplace_back("predict.input: expected the JSON Schema of an object");
    return;
  }
  predict_ = std::make_unique<Predict>();
  predict_->title = TextOf(said, "title", "predict");
  predict_->description = TextOf(said, "description", "");
  predict_->streams = Member(said, "streams") == true;
  predict_->input = std::make_unique<json>(said["input"]);
  predict_->output = std::make_unique<json>(Member(said, "output"));
  if (!predict_->output->is_object()) *predict_->output = json::object();
  const json& routes = Member(said, "routes");
  for (const json& route : routes.is_array() ? routes : json::array()) {
    if (route.is_string() && IsPlainPath(route.get<std::string>())) {
      predict_->routes.push_back(route.get<std::string>());
    } else {
      problems_.emplace_back("predict.routes: expected paths as /predict");
    }
  }
}

void EngineSchema::Read(const json& root, const std::string& service) {
  const json& meta = Member(root, "meta");
  if (meta.is_object()) ReadRoutes(meta, service);
  const json& request = Member(root, "schemainput");
  const json& answer = Member(root, "schemaoutput");
  ReadPredict(Member(root, "predict"));
  if (IsObjectSchema(request)) {
    *request_ = WithDefaults(request);
    declared_ = true;
    CloseInputs();
    ReadParameters();
  } else if (!request.is_null()) {
    problems_.emplace_back("schemainput: expected the JSON Schema of an object");
  }
  if (IsObjectSchema(answer)) {
    *answer_ = WithDefaults(Member(Member(answer, "properties"), "payload"));
  } else if (!answer.is_null()) {
    problems_.emplace_back("schemaoutput: expected the JSON Schema of an object");
  }
  const json& fields = Member(meta, TextOf(meta, "serviceId", kDefaultId));
  inputs_ = Fields(Member(fields, "input"));
  outputs_ = Fields(Member(fields, "accept"));
  for (Field& output : outputs_) {
    const json& properties =
        Member(Member(Member(*answer_, "properties"), output.key), "properties");
    output.format = TextOf(Member(properties, "format"), "default", "");
  }
}

void EngineSchema::ReadRoutes(const json& meta, const std::string& service) {
  const std::string version = TextOf(meta, "version", version_);
  if (IsPlainPath("/" + version) && version.find('/') == std::string::npos) version_ = version;
  routes_.push_back(StrCat("/", version_, "/private/", service));
  const std::string by_default = StrCat("/", version_, "/private/", kDefaultId);
  const json& declared = Member(meta, "route");
  for (const json& route : declared.is_array() ? declared : json::array({declared})) {
    if (route.is_null() || route == "") continue;
    if (!route.is_string() || !IsPlainPath(route.get<std::string>())) {
      problems_.push_back(StrCat("meta.route: expected a path as /v1/ocr, got ",
                                 route.dump(-1, ' ', true, json::error_handler_t::replace)));
    } else if (route != by_default && !HasRoute(route.get<std::string>())) {
      routes_.push_back(route.get<std::string>());
    }
  }
}

// What is not declared: an input is a mistake; so is an object among the parameters, which asks for
// an output; other parameters, and entries of the header, may be for others. The header itself is
// for gateways: it may be missing, what is there is as declared.
void EngineSchema::CloseInputs() {
  const auto close = [](json* object, const char* key, const json& value) {
    // Unless the author has said it.
    if (object->is_object() && !object->contains(key)) (*object)[key] = value;
  };
  if (Member(*request_, "required").is_array()) {
    json kept = json::array();
    for (const json& name : (*request_)["required"]) {
      if (name == "parameter" || name == "payload") kept.push_back(name);
    }
    (*request_)["required"] = kept;
  }
  const json scalar = {{"type", {"string", "number", "boolean", "null", "array"}}};
  if (!Member(*request_, "properties").is_object()) return;
  (*request_)["additionalProperties"] = false;
  json* properties = &(*request_)["properties"];
  // Nothing else is read of an envelope.
  for (auto it = properties->begin(); it != properties->end();) {
    if (std::find(std::begin(kSections), std::end(kSections), it.key()) != std::end(kSections)) {
      ++it;
      continue;
    }
    problems_.push_back(
        StrCat("schemainput: expected header, parameter and payload, got ", it.key()));
    it = properties->erase(it);
  }
  for (const char* section : kSections) {
    if (!properties->contains(section)) (*properties)[section] = {{"type", "object"}};
  }
  if (Member(Member(*properties, "payload"), "properties").is_object()) {
    close(&(*properties)["payload"], "additionalProperties", false);
    close(&(*properties)["payload"], "minProperties", 1);
  }
  if (!Member(Member(*properties, "parameter"), "properties").is_object()) return;
  json& parameter = (*properties)["parameter"];
  for (json& group : parameter["properties"]) close(&group, "additionalProperties", scalar);
  close(&parameter, "additionalProperties", {{"type", "object"}, {"additionalProperties", scalar}});
}

void EngineSchema::ReadParameters() {
  const json& groups = Member(Member(Member(*request_, "properties"), "parameter"), "properties");
  if (!groups.is_object()) return;
  for (const json& group : groups) {
    const json& entries = Member(group, "properties");
    if (!entries.is_object()) continue;
    for (const auto& [name, entry] : entries.items()) {
      if (!IsObjectSchema(entry)) (*parameters_)[name] = entry;  // Objects ask for an output.
    }
  }
}

std::vector<std::string> EngineSchema::required_parameters() const {
  std::vector<std::string> out;
  const json& groups = Member(Member(Member(*request_, "properties"), "parameter"), "properties");
  if (!groups.is_object()) return out;
  for (const json& group : groups) {
    const json& names = Member(group, "required");
    if (!names.is_array()) continue;
    for (const json& name : names) {
      if (name.is_string() && parameters_->contains(name.get<std::string>())) out.push_back(name);
    }
  }
  return out;
}

std::vector<EngineSchema::Field> EngineSchema::Fields(const json& declared) {
  std::vector<Field> out;
  if (!declared.is_object()) return out;
  for (const auto& [key, value] : declared.items()) {
    out.push_back({key, DataTypeOf(TextOf(value, "dataType", "text")), ""});
  }
  return out;
}

}  // namespace aiges
