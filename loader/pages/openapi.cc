// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/openapi.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/base/version.h"
#include "loader/pages/openapi_doors.h"
#include "loader/pages/openapi_plain.h"
#include "loader/pages/openapi_predict.h"
#include "loader/pages/openapi_schemas.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

// Media types in which data of a type usually come.
const std::vector<const char*>& MediaOf(DataType type) {
  static const std::vector<const char*> kMedia[] = {
      {"text/plain", "application/json"},
      {"audio/wav", "audio/mpeg", "application/octet-stream"},
      {"image/png", "image/jpeg", "application/octet-stream"},
      {"video/mp4", "application/octet-stream"},
      {"application/octet-stream"}};
  return kMedia[std::min(static_cast<size_t>(type), std::size(kMedia) - 1)];
}
json Ref(std::string_view name) { return {{"$ref", StrCat("#/components/", name)}}; }

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

json Refusal(const char* why) {
  return {{"description", why},
          {"content", {{"application/json", {{"schema", Ref("schemas/Error")}}}}}};
}

json Refusals() {
  json out = json::object();
  for (const auto& [status, why] : kRefusals) out[status] = Refusal(why);
  return out;
}

json WithRefusals(json responses) {
  for (const auto& [status, why] : kRefusals) {
    responses[status] = Ref(StrCat("responses/", status));
  }
  return responses;
}

json EnvelopeOperation(const EngineSchema& schema, size_t number) {
  return {
      {"tags", json::array({"call"})},
      {"operationId", number == 0 ? "call" : StrCat("call_", number + 1)},
      {"summary", "One call as a JSON envelope"},
      {"description",
       "Data are base64; text may be text_plain, as it is. The same path takes a WebSocket (one "
       "session), and with Accept: text/event-stream it answers as events."},
      {"requestBody",
       {{"required", true},
        {"content",
         {{"application/json",
           {{"schema", Ref("schemas/Request")}, {"example", RequestExample(schema)}}},
          {"multipart/form-data", {{"schema", Ref("schemas/Form")}}}}}}},
      {"responses",
       WithRefusals(
           {{"200",
             {{"description",
               "What the engine returned. Text is text (text_base64 where it is no UTF-8), all "
               "else is base64."},
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
    for (const DataType each : kDataTypes) types.push_back(NameOf(each));
  }
  json output = {{"type", "string"}};
  for (const EngineSchema::Field& field : schema.outputs()) output["enum"].push_back(field.key);
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
      {{"name", "output"},
       {"in", "query"},
       {"description", "The key of the only output that is wanted."},
       {"schema", output}},
      {{"name", "timeout_ms"},
       {"in", "query"},
       {"description", "The deadline of the call; a day at most."},
       {"schema",
        {{"type", "integer"}, {"minimum", 1}, {"maximum", std::numeric_limits<int64_t>::max()}}}}};
  const std::vector<std::string> required = schema.required_parameters();
  for (const auto& [name, declared] : schema.parameters().items()) {
    json parameter = {
        {"name", "p." + name}, {"in", "query"}, {"schema", ParameterSchema(declared)}};
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
    for (const char* media : MediaOf(field.type)) {
      const bool text = std::string_view(media).substr(0, 5) == "text/";
      out[media]["schema"] = {{"type", "string"}};
      if (!text) out[media]["schema"]["format"] = "binary";
    }
  }
  return out;
}

json RawRequest(const std::vector<EngineSchema::Field>& inputs) {
  json out = RawContent(inputs);
  out["multipart/form-data"]["schema"] = Ref("schemas/Form");
  return out;
}

// Any type: the engine, or the first bytes, may say another one than is usual.
json RawAnswerContent(const std::vector<EngineSchema::Field>& outputs, bool one) {
  json out = json::object();
  if (!one) out["multipart/mixed"] = json::object();
  const json usual = RawContent(outputs);
  for (const auto& [media, content] : usual.items()) out[media] = content;
  if (out.contains("application/json")) out["application/json"] = json::object();
  if (one) out["multipart/mixed"] = json::object();
  out["*/*"] = json::object();
  return out;
}

json RawOperation(const EngineSchema& schema) {
  std::vector<EngineSchema::Field> any;
  for (const DataType type : kDataTypes) any.push_back({"", type, ""});
  const auto& outputs = schema.outputs();
  const json answer = RawAnswerContent(outputs.empty() ? any : outputs, outputs.size() < 2);
  json responses = WithRefusals(
      {{"200",
        {{"description", "The output; several of them as the parts of multipart/mixed."},
         {"content", answer}}}});
  responses["406"] = Refusal(
      "Several outputs for a client that takes no multipart/mixed, or none of the key in output.");
  return {{"tags", json::array({"call"})},
          {"operationId", "callRaw"},
          {"summary", "One call with the data as they are: upload a file, get a file"},
          {"description",
           "The body is one input, the answer's body the output. A form (multipart/form-data) has "
           "several inputs; then key and type are not taken. desc.<name> is an attribute of the "
           "input."},
          {"parameters", RawParameters(schema)},
          {"requestBody",
           {{"description", "No body is empty data."},
            {"content", RawRequest(schema.inputs().empty() ? any : schema.inputs())}}},
          {"responses", responses}};
}

json PlainRefusals() {
  json responses = json::object();
  for (const auto& [status, why] : kRefusals) {
    responses[status] = {
        {"description", why},
        {"content", {{"application/json", {{"schema", Ref("schemas/PlainError")}}}}}};
  }
  return responses;
}

json PlainOperation(const EngineSchema& schema) {
  json parameters = json::array();
  for (json& each : RawParameters(schema)) {
    const std::string name = each["name"];
    if (name == "timeout_ms" || name.starts_with("p.")) parameters.push_back(std::move(each));
  }
  json responses = PlainRefusals();
  responses["200"] = {
      {"description", "The outputs. With Accept: text/event-stream one event for each step."},
      {"content",
       {{"application/json", {{"schema", Ref("schemas/PlainAnswer")}}},
        {"text/event-stream", {{"schema", {{"type", "string"}}}}}}}};
  return {{"tags", json::array({"call"})},
          {"operationId", "callJson"},
          {"summary", "One call as plain JSON"},
          {"description",
           "{input: value}, and back {output: value}. Text is a string, bytes are "
           "{\"base64\", \"type\"}, all else is JSON."},
          {"parameters", parameters},
          {"requestBody",
           {{"required", true},
            {"content",
             {{"application/json",
               {{"schema", Ref("schemas/PlainRequest")}, {"example", PlainExample(schema)}}},
              {"multipart/form-data", {{"schema", Ref("schemas/Form")}}}}}}},
          {"responses", responses}};
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

std::string Document(const EngineSchema& schema, const std::string& service,
                     const std::string& doors) {
  json paths = json::object();
  if (const EngineSchema::Predict* predict = schema.predict()) {
    for (const std::string& route : predict->routes) {
      paths[route] = {{"post", PredictOperation(*predict, PlainRefusals())}};
    }
  }
  for (size_t i = 0; i < schema.routes().size(); ++i) {
    paths[schema.routes()[i]] = {{"post", EnvelopeOperation(schema, i)}};
  }
  paths["/v1/raw/" + service] = {{"post", RawOperation(schema)}};
  paths["/v1/json/" + service] = {{"post", PlainOperation(schema)}};
  paths["/healthz"] = Probe("healthz", "The process answers", "");
  paths["/readyz"] = Probe("readyz", "An instance can serve", "No instance serves, or draining.");
  paths["/metrics"] = Probe("metrics", "Figures in Prometheus text format", "");
  AddDoorPaths(DoorTable(doors), &paths);
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
          {"Form", FormSchema(schema)},
          {"Answer", AnswerSchema(schema)},
          {"Error", ErrorSchema()},
          {"PlainRequest", PlainRequestSchema(schema)},
          {"PlainAnswer", PlainAnswerSchema(schema)},
          {"PlainError", PlainErrorSchema()}}},
        {"responses", Refusals()}}}};
  // What plugins wrote may be no UTF-8.
  return document.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string OpenApiDocument(const EngineSchema& schema, const std::string& service,
                            const std::string& doors) {
  try {
    return Document(schema, service, doors);
  } catch (const json::exception& e) {
    LogWarn("http", "openapi: the engine's schema cannot be used: ", e.what());
    return Document(EngineSchema("", service), service, {});
  }
}

}  // namespace aiges
