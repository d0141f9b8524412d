// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/predict_call.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/multipart.h"

namespace aiges {
namespace {

constexpr const char* kFields = "application/x-www-form-urlencoded";

Payload* Add(std::string key, DataType type, Bytes data, HttpCall* out) {
  Payload& p = out->call.request.payloads.emplace_back();
  p.key = std::move(key);
  p.type = type;
  p.data = std::move(data);
  p.desc.emplace_back("status", "3");
  return &p;
}

void AddMedia(const std::string& content_type, Payload* p) {
  if (!content_type.empty()) p->desc.emplace_back("content_type", content_type);
}

Status AddParts(HttpRequest* request, HttpCall* out) {
  std::vector<FormPart> parts;
  Status status = ParseForm(request->content_type, request->body, &parts);
  if (!status.ok()) return status;
  for (FormPart& part : parts) {
    const DataType type = part.filename ? TypeOfContent(part.content_type) : DataType::kText;
    Payload* p = Add(std::move(part.name), type, std::move(part.data), out);
    AddMedia(part.content_type, p);
    if (part.filename) p->desc.emplace_back("filename", *std::move(part.filename));
  }
  return Status::Ok();
}

// What curl -d sends is called a form, whatever it is.
bool LooksLikeJson(std::string_view body) {
  const size_t begin = body.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && (body[begin] == '{' || body[begin] == '[');
}

// Else it is a text that curl -d sends, though it may have a '=' as well.
bool NamesInputs(const Pairs& pairs, const EngineSchema& schema) {
  return std::any_of(pairs.begin(), pairs.end(), [&schema](const auto& pair) {
    return schema.FindInput(pair.first) != nullptr;
  });
}

Status AddPairs(Pairs pairs, const EngineSchema& schema, bool query, HttpCall* out) {
  for (auto& [name, value] : pairs) {
    const bool of_host = query && schema.FindInput(name) == nullptr;
    if (of_host && IsOfGateways(name)) continue;
    if (of_host && name == "timeout_ms") {
      const Status status = ReadTimeout(value, &out->query.timeout_ms);
      if (!status.ok()) return status;
      continue;
    }
    if (out->call.request.payloads.size() == kMostPayloads) {
      return Status::Error(StatusKind::kInvalid,
                           StrCat("expected at most ", kMostPayloads, " inputs, got more"),
                           kCodeInvalidInput);
    }
    Add(std::move(name), DataType::kText, Bytes::Own(std::move(value)), out);
  }
  return Status::Ok();
}

Status AddBody(HttpRequest* request, const EngineSchema& schema, HttpCall* out) {
  const std::string media = MediaType(request->content_type);
  const std::string_view body = request->body.view();
  if (media == "multipart/form-data") return AddParts(request, out);
  const bool untold = media.empty() || media == kFields;
  if (media.find("json") != std::string::npos || (untold && LooksLikeJson(body))) {
    Add(kJsonKey, DataType::kText, std::move(request->body), out);
    return Status::Ok();
  }
  if (media == kFields) {
    Pairs pairs = ParseQuery(body);
    if (body.find('=') != std::string_view::npos && NamesInputs(pairs, schema)) {
      return AddPairs(std::move(pairs), schema, /*query=*/false, out);
    }
  }
  static const EngineSchema::Field kAny{"data", DataType::kText, ""};
  const EngineSchema::Field& first = schema.inputs().empty() ? kAny : schema.inputs().front();
  Payload* p =
      Add(first.key, TypeOfInput(request->content_type, &first), std::move(request->body), out);
  if (!untold) AddMedia(request->content_type, p);
  return Status::Ok();
}

}  // namespace

Status ReadPredict(HttpRequest* request, const EngineSchema& schema, HttpCall* out) {
  Status status;
  if (request->body.size() > 0) status = AddBody(request, schema, out);
  if (status.ok()) status = AddPairs(request->query, schema, /*query=*/true, out);
  if (status.ok() && out->call.request.payloads.empty()) {
    Add(kJsonKey, DataType::kText, Bytes::Own("{}"), out);
  }
  out->call.headers = request->headers;
  return status;
}

}  // namespace aiges
