// SPDX-License-Identifier: Apache-2.0
// loader/protocols/predict_call.h: a request at a path of a typed model (/predict) -> its payloads.
//
// The engine reads the values itself, as it knows its inputs best (sdk/aiges/contracts/typed):
//
//   JSON (also what curl -d sends as a form and begins as JSON)   one payload ":json", the body
//   multipart/form-data                                           each part, file or field
//   application/x-www-form-urlencoded that names an input         each field
//   any other body                                                the first input
//   the query, but timeout_ms                                     each of its keys
//
// No body at all is an empty object. Pure functions; thread-safe.
#pragma once

#include "loader/protocols/http_call.h"

namespace aiges {

inline constexpr const char* kJsonKey = ":json";

// kInvalid with kCodeConversion. Takes the body over.
Status ReadPredict(HttpRequest* request, const EngineSchema& schema, HttpCall* out);

}  // namespace aiges
