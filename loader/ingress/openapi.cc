#include "loader/ingress/openapi.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/base/version.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

// RFC 4648 §4, as the front decodes it.
constexpr const char* kBase64 =
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

// The smallest data of their kind, so that the form of a page can be sent as it is.
struct Sample {
  DataType type;
  const char* base64;
  std::initializer_list<const char*> media;
};
const Sample kSamples[] = {
    {DataType::kText, "aGVsbG8=", {"text/plain", "application/json"}},
    {DataType::kAudio, "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=",
     {"audio/wav", "audio/mpeg", "application/octet-stream"}},
    {DataType::kImage,
     "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==",
     {"image/png", "image/jpeg", "application/octet-stream"}},
    {DataType::kVideo, "AAAAAA==", {"video/mp4", "application/octet-stream"}},
    {DataType::kOther, "AAAAAA==", {"application/octet-stream"}},
};

const Sample& SampleOf(DataType type) {
  return kSamples[std::min(static_cast<size_t>(type), std::size(kSamples) - 1)];
}

json Ref(std::string_view name) { return {{"$ref", StrCat("#/components/", name)}}; }

json Text(const char* description) { return {{"type", "string"}, {"description", description}}; }

// Says of a payload that its text is base64, which JSON Schema only knows as an annotation.
void TellBase64(json* payload) {
  if (!payload->is_object() || !payload->contains("properties")) return;
  for (auto& [key, field] : (*payload)["properties"].items()) {
    if (!field.is_object() || !field.contains("properties")) continue;
    for (auto& [name, value] : field["properties"].items()) {
      if (value.is_object() && value.value("contentEncoding", "") == "base64") {
        value["pattern"] = kBase64;
      }
    }
  }
}

json RequestSchema(const EngineSchema& schema) {
  if (schema.declared()) {
    json out = schema.request();
    if (out.contains("properties") && out["properties"].contains("payload")) {
      TellBase64(&out["properties"]["payload"]);
    }
    return out;
  }
  json data = {{"type", "object"}, {"description", "One of text, audio, image, video, other."}};
  for (const Sample& sample : kSamples) {
    data["properties"][NameOf(sample.type)] = {
        {"type", "string"}, {"contentEncoding", "base64"}, {"pattern", kBase64}};
  }
  return {{"type", "object"},
          {"properties",
           {{"header", {{"type", "object"}}},
            {"parameter", {{"type", "object"}, {"additionalProperties", {{"type", "object"}}}}},
            {"payload",
             {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", data}}}}},
          {"required", json::array({"payload"})}};
}

// Of an answer, attributes are text on the wire, and text is no base64.
json AnswerSchema(const EngineSchema& schema) {
  json payload = {{"type", "object"}, {"additionalProperties", {{"type", "object"}}}};
  if (schema.answer().is_object()) payload = schema.answer();
  if (payload.contains("properties")) {
    for (auto& [key, field] : payload["properties"].items()) {
      if (!field.is_object() || !field.contains("properties")) continue;
      for (auto& [name, value] : field["properties"].items()) {
        const bool is_data = DataTypeOf(name) != DataType::kOther || name == "other";
        if (!is_data) value = {{"type", "string"}};
      }
    }
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

constexpr std::pair<const char*, const char*> kRefusals[] = {
    {"400", "The request cannot be handed to the engine; the message names the place."},
    {"404", "The engine does not serve this kind of call."},
    {"408", "The request did not come in time."},
    {"413", "The request is larger than [limits] max_message_bytes."},
    {"415", "The body is of another type."},
    {"429", "All licences are taken, or too many calls wait. Not executed: try again."},
    {"500", "The engine said or made an error."},
    {"503", "No instance serves, or it died with the call."},
    {"504", "The deadline passed."}};

json Refusals() {
  json out = json::object();
  for (const auto& [status, why] : kRefusals) {
    out[status] = {{"description", why},
                   {"content", {{"application/json", {{"schema", Ref("schemas/Error")}}}}}};
  }
  return out;
}

json WithRefusals(json responses) {
  for (const auto& [status, why] : kRefusals) {
    responses[status] = Ref(StrCat("responses/", status));
  }
  return responses;
}

// A request that passes its own schema: what is declared as default, else something small.
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
    out[key] = encoding == "base64" ? json(SampleOf(DataTypeOf(key)).base64) : ExampleOf(each);
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

json RequestExample(const EngineSchema& schema) {
  if (!schema.declared()) {
    return {{"header", {{"appid", "demo"}}},
            {"payload", {{"data", {{"text", SampleOf(DataType::kText).base64}}}}}};
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

json EnvelopeOperation(const EngineSchema& schema, size_t number) {
  return {{"tags", json::array({"call"})},
          {"operationId", number == 0 ? "call" : StrCat("call_", number + 1)},
          {"summary", "One call as a JSON envelope"},
          {"description",
           "Data are base64. The same path takes a WebSocket (one session), and with "
           "Accept: text/event-stream it answers as events."},
          {"requestBody",
           {{"required", true},
            {"content",
             {{"application/json",
               {{"schema", Ref("schemas/Request")}, {"example", RequestExample(schema)}}}}}}},
          {"responses",
           WithRefusals(
               {{"200",
                 {{"description", "What the engine returned. Text is text, all else is base64."},
                  {"content",
                   {{"application/json", {{"schema", Ref("schemas/Answer")}}},
                    {"text/event-stream", {{"schema", {{"type", "string"}}}}}}}}}})}};
}

json RawParameters(const EngineSchema& schema) {
  json keys = json::array(), types = json::array();
  for (const EngineSchema::Field& input : schema.inputs()) {
    keys.push_back(input.key);
    const json type = NameOf(input.type);
    if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  }
  if (types.empty()) {
    for (const Sample& sample : kSamples) types.push_back(NameOf(sample.type));
  }
  json key = {{"type", "string"}, {"default", keys.empty() ? json("data") : keys[0]}};
  json type = {{"type", "string"}, {"enum", types}};
  if (!keys.empty()) {
    key["enum"] = keys;
    type["default"] = NameOf(schema.inputs()[0].type);
  }
  json out = {
      {{"name", "key"},
       {"in", "query"},
       {"description", "Which input the body is."},
       {"schema", key}},
      {{"name", "type"},
       {"in", "query"},
       {"description", "What the engine takes it for. Without it: by the Content-Type."},
       {"schema", type}},
      {{"name", "timeout_ms"},
       {"in", "query"},
       {"description", "The deadline of the call; a day at most."},
       {"schema",
        {{"type", "integer"}, {"minimum", 1}, {"maximum", std::numeric_limits<int64_t>::max()}}}}};
  const std::vector<std::string> required = schema.required_parameters();
  for (const auto& [name, declared] : schema.parameters().items()) {
    json parameter = {{"name", "p." + name}, {"in", "query"}, {"schema", declared}};
    if (std::find(required.begin(), required.end(), name) != required.end()) {
      parameter["required"] = true;
    }
    out.push_back(std::move(parameter));
  }
  return out;
}

// Media types of the fields; of anything where nothing is declared. Bodies are bytes, of any form.
json RawContent(const std::vector<EngineSchema::Field>& fields) {
  json out = json::object();
  for (const EngineSchema::Field& field : fields) {
    for (const char* media : SampleOf(field.type).media) {
      const bool text = std::string_view(media).substr(0, 5) == "text/";
      out[media]["schema"] = {{"type", "string"}};
      if (!text) out[media]["schema"]["format"] = "binary";
    }
  }
  return out;
}

json RawOperation(const EngineSchema& schema) {
  std::vector<EngineSchema::Field> any;
  for (const Sample& sample : kSamples) any.push_back({"", sample.type, ""});
  const auto& outputs = schema.outputs();
  json answer = RawContent(outputs.empty() ? any : outputs);
  if (answer.contains("application/json")) answer["application/json"] = json::object();
  return {{"tags", json::array({"call"})},
          {"operationId", "callRaw"},
          {"summary", "One call with the data as they are: upload a file, get a file"},
          {"description", "The body is one input, the answer's body the first output."},
          {"parameters", RawParameters(schema)},
          {"requestBody",
           {{"description", "No body is empty data."},
            {"content", RawContent(schema.inputs().empty() ? any : schema.inputs())}}},
          {"responses",
           WithRefusals({{"200", {{"description", "The first output."}, {"content", answer}}}})}};
}

json Probe(const char* id, const char* summary, const char* no) {
  const json text = {{"text/plain", {{"schema", {{"type", "string"}}}}}};
  json responses = {{"200", {{"description", "Yes."}, {"content", text}}}};
  if (*no != '\0') responses["503"] = {{"description", no}, {"content", text}};
  return {{"get",
           {{"tags", json::array({"operations"})},
            {"operationId", id},
            {"summary", summary},
            {"responses", responses}}}};
}

std::string Document(const EngineSchema& schema, const std::string& service) {
  json paths = json::object();
  for (size_t i = 0; i < schema.routes().size(); ++i) {
    paths[schema.routes()[i]] = {{"post", EnvelopeOperation(schema, i)}};
  }
  paths["/v1/raw/" + service] = {{"post", RawOperation(schema)}};
  paths["/healthz"] = Probe("healthz", "The process answers", "");
  paths["/readyz"] = Probe("readyz", "An instance can serve", "No instance serves, or draining.");
  paths["/metrics"] = Probe("metrics", "Figures in Prometheus text format", "");
  const json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", service},
        {"version", schema.version()},
        {"description", schema.declared()
                            ? StrCat("Served by AIService ", kHostVersion, ".")
                            : StrCat("Served by AIService ", kHostVersion,
                                     ". The engine declares no schema: any input is shown.")}}},
      {"servers", json::array({json{{"url", "/"}}})},
      {"paths", paths},
      {"components",
       {{"schemas",
         {{"Request", RequestSchema(schema)},
          {"Answer", AnswerSchema(schema)},
          {"Error", ErrorSchema()}}},
        {"responses", Refusals()}}}};
  // What plugins wrote may be no UTF-8.
  return document.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string OpenApiDocument(const EngineSchema& schema, const std::string& service) {
  try {
    return Document(schema, service);
  } catch (const json::exception& e) {
    LogWarn("ingress", "openapi: the engine's schema cannot be used: ", e.what());
    return Document(EngineSchema("", service), service);
  }
}

}  // namespace aiges
