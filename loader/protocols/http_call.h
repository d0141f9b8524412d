// SPDX-License-Identifier: Apache-2.0
// loader/protocols/http_call.h: an HTTP request -> the call that it asks for.
//
// On all routes the body may be multipart/form-data: files, and fields that the engine declares as
// inputs, become payloads, other fields parameters. Else it is the JSON envelope, plain JSON, or on
// the raw route the one payload. A typed model's own path takes all of these (predict_call.h). Pure
// functions; thread-safe.
#pragma once

#include <cstddef>

#include "loader/api/buffers.h"
#include "loader/front/http_types.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/http_query.h"
#include "loader/protocols/once.h"
#include "loader/protocols/schema_check.h"

namespace aiges {

enum class CallRoute { kEnvelope, kPlain, kRaw, kPredict };

// Whether bodies and answers are data as they are, of any type.
inline bool IsRaw(CallRoute route) {
  return route == CallRoute::kRaw || route == CallRoute::kPredict;
}

struct HttpCall {
  Status status;  // kInvalid: what is wrong with the request; nothing else is set then.
  OnceCall call;
  CallQuery query;
};

// What the engine declares, as far as requests are looked at by it. check: nullptr without
// [http] validate.
struct CallRules {
  const EngineSchema& schema;
  const SchemaCheck* check;
};

// Whether the route takes a body of this type. curl -d sends the form type without being asked;
// an explicit other type is a mistake.
bool TakesContent(CallRoute route, const std::string& content_type);
// How much of the body ReadCall looks at.
size_t BytesToRead(const HttpRequest& request, CallRoute route);
// Takes the body over, where it is no JSON.
HttpCall ReadCall(HttpRequest* request, CallRoute route, const CallRules& rules,
                  BufferPool* buffers);

// <serviceId> of /<version>/private/<serviceId> and its like: what stands behind the second
// element.
std::string ServiceIdOf(const std::string& path);

}  // namespace aiges
