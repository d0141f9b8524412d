// SPDX-License-Identifier: Apache-2.0
// What an engine declares of itself, and a request to it: `<wrapperSchema>\0<body>`. Routes, the
// OpenAPI document and the check of requests, of any schema: used, or a problem that is told.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "loader/api/codes.h"
#include "loader/pages/openapi.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/json_codec.h"
#include "loader/protocols/schema_check.h"
#include "tests/fakes/heap_buffers.h"

namespace {

using namespace aiges;
using nlohmann::json;

void Require(bool holds) {
  if (!holds) std::abort();
}

// An error goes to the client, and names the reason by its number.
void RequireRefusal(const Status& status) {
  if (status.ok()) return;
  Require(status.kind == StatusKind::kInvalid && status.code == kCodeInvalidValue);
  Require(json::accept(WriteErrorEnvelope("sid", status.code, status.text)));
}

void CheckDocument(const EngineSchema& schema) {
  const json document = json::parse(OpenApiDocument(schema, "svc"), nullptr, false);
  Require(document.is_object() && document.contains("paths"));
  for (const std::string& route : schema.routes()) {
    Require(schema.HasRoute(route));
    Require(route.size() > 1 && route.front() == '/');
    for (const char c : route) Require(c > 0x20 && c < 0x7f);
    Require(document["paths"].contains(route));
  }
}

// The body as an envelope, and as a raw payload whose parameters it names, too.
void CheckRequests(const SchemaCheck& check, const EngineSchema& schema, const std::string& text) {
  HeapBuffers buffers;
  OnceCall call;
  const Bytes body = Bytes::Own(std::string(text));
  if (ParseEnvelope(body, &buffers, &call).ok()) RequireRefusal(check.Envelope(body.view()));
  OnceCall raw;
  raw.request.payloads.emplace_back();
  raw.request.payloads[0].key = schema.inputs().empty() ? "data" : schema.inputs().front().key;
  raw.request.payloads[0].data = body;
  for (const auto& [name, value] : schema.parameters().items()) {
    raw.request.params.emplace_back(name, text);
  }
  RequireRefusal(check.Raw(raw));
  raw.request.payloads[0].key = text;
  raw.request.params = call.request.params;
  RequireRefusal(check.Raw(raw));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t middle = text.find('\0');
  const EngineSchema schema(text.substr(0, middle), "svc");
  CheckDocument(schema);
  const SchemaCheck check(schema);
  CheckRequests(check, schema, middle == std::string::npos ? "" : text.substr(middle + 1));
  return 0;
}
