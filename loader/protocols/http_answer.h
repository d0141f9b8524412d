// SPDX-License-Identifier: Apache-2.0
// loader/protocols/http_answer.h: what the scheduler says of a call -> an HTTP answer.
//
// Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/service.h"
#include "loader/front/http_types.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/http_call.h"
#include "loader/protocols/once.h"

namespace aiges {

inline constexpr const char* kJsonType = "application/json";

// An error as clients of the route read it. 429 and 503 say when to come again.
HttpResponse Refusal(int http_status, int code, const std::string& sid, std::string_view text,
                     CallRoute route = CallRoute::kEnvelope);
HttpResponse Refusal(const Status& status, const std::string& sid,
                     CallRoute route = CallRoute::kEnvelope);

// A text of an error as clients of the route see it: at a typed model's own path without the code
// of the engine, which clients of other routes parse.
std::string_view ShownText(std::string_view text, CallRoute route);

// How a client takes the outputs of its call.
struct AnswerWish {
  CallRoute route = CallRoute::kEnvelope;
  std::shared_ptr<const EngineSchema> schema;  // What the engine declares of them.
  // Of kRaw and kPredict:
  std::optional<std::string> accept;  // The header.
  std::string output;                 // The key of the only one that is wanted, or empty.
};

// The outputs of a call, as they are: one is the body; several are a multipart/mixed. 406 where the
// client does not take that, or wants an output that is not there.
HttpResponse RawAnswer(const AnswerWish& wish, const std::string& sid,
                       std::vector<Payload> outputs);

// Answers one HTTP request. `work` outlives the sink; `done` is called where it says.
std::unique_ptr<ReplySink> MakeHttpSink(std::vector<Expected> expect, std::string sid,
                                        AnswerWish wish, HttpWork* work, HttpDone done);

}  // namespace aiges
