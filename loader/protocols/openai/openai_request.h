// SPDX-License-Identifier: Apache-2.0
// loader/protocols/openai/openai_request.h: a request of OpenAI's API -> the call of an engine.
//
// The engine gets the parameter ":task" (the name of the task) and one payload, "openai", which is
// the client's JSON as it came. Of a form (transcriptions) that is made of its fields, and the file
// is a second payload, "file", with "filename" and "content-type" in its desc. The loader itself
// reads `model` and `stream` alone. Pure functions; thread-safe.
#pragma once

#include <string>

#include "loader/api/buffers.h"
#include "loader/front/http_types.h"
#include "loader/protocols/once.h"

namespace aiges {

inline constexpr const char* kOpenAiKey = "openai";
inline constexpr const char* kTaskParam = ":task";

// What a path of the API asks of a model.
struct OpenAiTask {
  const char *name, *path;
  const char *object, *chunk;  // What answers and pieces of them say that they are, in "object".
  const char* id;              // What their ids begin with; empty: they have none.
  bool form;                   // The body is multipart/form-data.
  bool streams;                // "stream" means something.
};

inline constexpr OpenAiTask kOpenAiTasks[] = {
    {"chat", "/v1/chat/completions", "chat.completion", "chat.completion.chunk", "chatcmpl-", false,
     true},
    {"complete", "/v1/completions", "text_completion", "text_completion", "cmpl-", false, true},
    {"embed", "/v1/embeddings", "list", "", "", false, false},
    {"transcribe", "/v1/audio/transcriptions", "", "", "", true, true},
};

struct OpenAiCall {
  Status status;      // kInvalid: what is wrong with the request; nothing else is set then.
  std::string model;  // As the client calls it; empty where it does not.
  bool stream = false;
  OnceCall call;
};

// Whether a task takes a body of this type. curl -d sends the form type without being asked.
bool TakesOpenAiContent(const OpenAiTask& task, const std::string& content_type);
// Takes the body over.
OpenAiCall ReadOpenAi(HttpRequest* request, const OpenAiTask& task);

}  // namespace aiges
