// SPDX-License-Identifier: Apache-2.0
// loader/protocols/openai/openai_answer.h: what an engine answers -> a response of OpenAI's API.
//
// An answer of the engine is one payload, "openai": a JSON object, which goes to the client as it
// is but for id, object, created and model, which are put in where it has none. Of a session each
// payload is a piece, and the end is "[DONE]". An object with "error" is an error: its HTTP status
// is what its desc says in "http-status", else that of its type. A form of transcriptions that is
// no JSON (srt, vtt, text) has its type in the payload's desc, "content-type".
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/api/service.h"
#include "loader/front/http_types.h"
#include "loader/protocols/openai/openai_request.h"
#include "loader/protocols/session_events.h"

namespace aiges {

// What answers say of themselves where the engine does not.
struct OpenAiMarks {
  const OpenAiTask* task = nullptr;
  std::string id, model;
  int64_t created = 0;  // Seconds since 1970.
};

// Appends the engine's JSON on one line, completed. kInternal: it is none.
Status AppendCompleted(const OpenAiMarks& marks, bool chunk, const Bytes& json, std::string* out);

// The one answer of an engine.
HttpResponse OpenAiAnswer(const OpenAiMarks& marks, std::vector<Payload> outputs);

// Answers one request. `work` outlives the sink; `done` is called where it says.
std::unique_ptr<ReplySink> MakeOpenAiSink(OpenAiMarks marks, HttpWork* work, HttpDone done);
std::unique_ptr<EventWords> MakeOpenAiEvents(OpenAiMarks marks);

}  // namespace aiges
