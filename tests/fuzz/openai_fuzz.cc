// SPDX-License-Identifier: Apache-2.0
// Whatever body comes to OpenAI's routes, and whatever body an engine answers: `<Content-Type>\n
// <body>`. What the engine is given is JSON, an answer is JSON on one line, and errors can be told.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "loader/front/json_string.h"
#include "loader/protocols/json_body.h"
#include "loader/protocols/openai/openai_answer.h"
#include "loader/protocols/openai/openai_error.h"
#include "loader/protocols/openai/openai_request.h"

namespace {

using namespace aiges;

bool IsObject(const Bytes& json) {
  return ReadJsonObject(json, [](simdjson::dom::object) { return Status::Ok(); }).ok();
}

void CheckError(const Status& status) {
  if (status.kind != StatusKind::kInvalid && status.kind != StatusKind::kInternal) std::abort();
  if (!IsObject(Bytes::Own(WriteOpenAiError(status)))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const Bytes body = Bytes::Own(text.substr(std::min(line + 1, text.size())));
  for (const OpenAiTask& task : kOpenAiTasks) {
    HttpRequest request;
    request.content_type = text.substr(0, line);
    request.body = body;
    const OpenAiCall asked = ReadOpenAi(&request, task);
    if (!asked.status.ok()) {
      CheckError(asked.status);
    } else if (!IsObject(asked.call.request.payloads.at(0).data)) {
      std::abort();
    }
    for (const bool chunk : {false, true}) {
      std::string answer;
      const Status status = AppendCompleted({&task, "id", "m", 1}, chunk, body, &answer);
      if (!status.ok()) {
        CheckError(status);
        continue;
      }
      if (answer.find_first_of("\r\n") != std::string::npos) std::abort();
      if (!IsObject(Bytes::Own(std::move(answer)))) std::abort();
    }
  }
  return 0;
}
