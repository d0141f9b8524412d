// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_call.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/json_codec.h"
#include "loader/protocols/multipart.h"
#include "loader/protocols/plain_json.h"
#include "loader/protocols/predict_call.h"

namespace aiges {
namespace {

constexpr const char* kForm = "multipart/form-data";

bool IsForm(const std::string& content_type) { return MediaType(content_type) == kForm; }

// The one payload is the body. Its key is that of the engine's first input where the query names
// none.
void ReadRaw(HttpRequest* request, const EngineSchema& schema, HttpCall* out) {
  Payload& p = out->call.request.payloads.emplace_back();
  p.key = schema.inputs().empty() ? "data" : schema.inputs().front().key;
  if (out->query.key) p.key = *out->query.key;
  p.type = TypeOfInput(request->content_type, schema.FindInput(p.key));
  if (out->query.type) p.type = *out->query.type;
  p.data = std::move(request->body);
  p.desc.emplace_back("status", "3");
  for (const auto& attribute : out->query.desc) p.desc.push_back(attribute);
  KeepLast(&p.desc);
}

void AddPayload(FormPart part, const EngineSchema::Field* declared, OnceCall* call) {
  Payload& p = call->request.payloads.emplace_back();
  p.type = TypeOfInput(part.content_type, declared);
  p.key = std::move(part.name);
  p.data = std::move(part.data);
  p.desc.emplace_back("status", "3");
  if (part.filename) p.desc.emplace_back("filename", *std::move(part.filename));
}

std::string Names(const Pairs& params) {
  std::string out;
  for (const auto& [name, value] : params) out += StrCat(out.empty() ? "" : ", ", name);
  return out.empty() ? "none" : out;
}

// What of a form is no payload is a parameter: a form without payload is a mistake.
Status NoPayload(const EngineSchema& schema, const Pairs& params) {
  std::string inputs;
  for (const auto& field : schema.inputs()) inputs += StrCat(inputs.empty() ? "" : ", ", field.key);
  return Status::Error(
      StatusKind::kInvalid,
      StrCat("input invalid data: ", kForm, ": expected a file (curl -F key=@file)",
             inputs.empty() ? "" : StrCat(" or one of the fields ", inputs),
             ", got only parameters: ", Names(params)),
      kCodeInvalidInput);
}

// What the query says of a payload of the form: of the one that `key` names, else of the only one.
Status Describe(const CallQuery& query, std::vector<Payload>* payloads) {
  if (!query.key && !query.type && query.desc.empty()) return Status::Ok();
  std::string keys;
  bool found = false;
  for (Payload& p : *payloads) {
    keys += StrCat(keys.empty() ? "" : ", ", p.key);
    if (query.key ? p.key != *query.key : payloads->size() > 1) continue;
    found = true;
    if (query.type) p.type = *query.type;
    for (const auto& attribute : query.desc) p.desc.push_back(attribute);
    KeepLast(&p.desc);
  }
  if (found) return Status::Ok();
  return Status::Error(StatusKind::kInvalid,
                       StrCat("?key: expected the payload that the query tells of, one of ", keys,
                              ", got ", query.key ? *query.key : "none"),
                       kCodeConversion);
}

Status ReadForm(HttpRequest* request, const EngineSchema& schema, HttpCall* out) {
  std::vector<FormPart> parts;
  const Status status = ParseForm(request->content_type, request->body, &parts);
  if (!status.ok()) return status;
  Pairs& params = out->call.request.params;
  for (FormPart& part : parts) {
    const EngineSchema::Field* declared = schema.FindInput(part.name);
    if (part.filename || declared != nullptr) {
      AddPayload(std::move(part), declared, &out->call);
    } else if (Find(params, part.name) != nullptr) {
      return Status::Error(
          StatusKind::kInvalid,
          StrCat(kForm, ": expected the parameter ", part.name, " once, got it again"),
          kCodeConversion);
    } else {
      params.emplace_back(std::move(part.name), part.data.view());
    }
  }
  std::vector<Payload>* payloads = &out->call.request.payloads;
  return payloads->empty() ? NoPayload(schema, params) : Describe(out->query, payloads);
}

CallForm FormOf(CallRoute route, bool is_form) {
  if (route == CallRoute::kRaw) return CallForm::kRaw;
  if (is_form) return CallForm::kForm;
  return route == CallRoute::kPlain ? CallForm::kPlain : CallForm::kEnvelope;
}

// All but the JSON envelope, which has parameters and headers of its own.
Status ReadBody(HttpRequest* request, CallRoute route, const CallRules& rules, BufferPool* buffers,
                HttpCall* out) {
  if (IsForm(request->content_type)) return ReadForm(request, rules.schema, out);
  if (route == CallRoute::kPlain) {
    return ParsePlain(request->body, rules.schema, buffers, &out->call);
  }
  ReadRaw(request, rules.schema, out);
  return Status::Ok();
}

Status Read(HttpRequest* request, CallRoute route, const CallRules& rules, BufferPool* buffers,
            HttpCall* out) {
  if (route == CallRoute::kPredict) return ReadPredict(request, rules.schema, out);
  const bool is_form = IsForm(request->content_type);
  Status status = ReadCallQuery(request->query, FormOf(route, is_form), rules.schema, &out->query);
  if (!status.ok()) return status;
  if (!is_form && route == CallRoute::kEnvelope) {
    status = ParseEnvelope(request->body, buffers, &out->call);
    if (!status.ok() || rules.check == nullptr) return status;
    return rules.check->Envelope(request->body.view());
  }
  status = ReadBody(request, route, rules, buffers, out);
  if (!status.ok()) return status;
  // A field of the form is before a parameter of the query, which must be right all the same.
  Pairs& params = out->call.request.params;
  params.insert(params.begin(), out->query.params.begin(), out->query.params.end());
  out->call.headers = request->headers;
  if (rules.check != nullptr) status = rules.check->Raw(out->call);
  KeepLast(&params);
  return status;
}

}  // namespace

bool TakesContent(CallRoute route, const std::string& content_type) {
  if (IsRaw(route) || content_type.empty()) return true;
  const std::string media = MediaType(content_type);
  return media.find("json") != std::string::npos || media == "text/plain" || media == kForm ||
         media == "application/x-www-form-urlencoded";
}

size_t BytesToRead(const HttpRequest& request, CallRoute route) {
  const bool looks = !IsRaw(route) || IsForm(request.content_type);
  return looks ? request.body.size() : 0;
}

HttpCall ReadCall(HttpRequest* request, CallRoute route, const CallRules& rules,
                  BufferPool* buffers) {
  HttpCall out;
  out.status = Read(request, route, rules, buffers, &out);
  return out;
}

std::string ServiceIdOf(const std::string& path) {
  const size_t second = path.find('/', path.find('/', 1) + 1);
  return second == std::string::npos ? "" : path.substr(second + 1);
}

}  // namespace aiges
