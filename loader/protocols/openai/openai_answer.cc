// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/openai/openai_answer.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/front/json_string.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/json_body.h"
#include "loader/protocols/openai/openai_error.h"

namespace aiges {
namespace {

constexpr const char* kJson = "application/json";

Status Wrong(std::string_view text) {
  return Status::Error(StatusKind::kInternal, StrCat("the engine's answer: ", text),
                       kCodeInvalidOutput);
}

// Break lines only between tokens, as no string of JSON holds one.
void AppendOneLine(std::string* out, std::string_view json) {
  const size_t begin = out->size();
  *out += json;
  std::replace_if(
      out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

// What of the marks the object lacks, as members.
std::string Missing(const OpenAiMarks& marks, bool chunk, simdjson::dom::object object) {
  const OpenAiTask& task = *marks.task;
  std::string out;
  const auto lacks = [&object](const char* key) {
    return object[key].error() == simdjson::NO_SUCH_FIELD;
  };
  const auto text = [&](const char* key, std::string_view value) {
    if (!lacks(key)) return;
    StrAppend(&out, '"', key, "\":");
    AppendJsonString(&out, value);
    out += ',';
  };
  if (*task.object == '\0' || !lacks("error")) return out;
  if (*task.id != '\0') text("id", marks.id);
  text("object", chunk ? task.chunk : task.object);
  if (*task.id != '\0' && lacks("created")) StrAppend(&out, "\"created\":", marks.created, ',');
  text("model", marks.model);
  return out;
}

struct ReadBody {
  bool is_error = false, callers = false;  // callers: it says that it is the caller's fault.
};

Status Complete(const OpenAiMarks& marks, bool chunk, const Bytes& json, std::string* out,
                ReadBody* read) {
  const Status status = ReadJsonObject(json, [&](simdjson::dom::object object) {
    std::string missing = Missing(marks, chunk, object);
    if (object.begin() == object.end() && !missing.empty()) missing.pop_back();  // The comma.
    const size_t at = json.view().find('{') + 1;
    StrAppend(out, '{', missing);
    AppendOneLine(out, json.view().substr(at));
    simdjson::dom::element error;
    read->is_error = object["error"].get(error) == simdjson::SUCCESS && !error.is_null();
    std::string_view type;
    read->callers = read->is_error && error["type"].get(type) == simdjson::SUCCESS &&
                    type == "invalid_request_error";
    return Status::Ok();
  });
  if (status.ok()) return status;
  return Wrong(StrCat("expected a JSON object as payload ", kOpenAiKey, ", got ",
                      BeginOf(VisibleUtf8(json.view().substr(0, 100)))));
}

int BodyStatus(const Payload& body, const ReadBody& read) {
  if (!read.is_error) return 200;
  int said = 0;
  if (const std::string* text = Find(body.desc, "http-status")) {
    std::from_chars(text->data(), text->data() + text->size(), said);
  }
  if (said >= 400 && said <= 599) return said;
  return read.callers ? 400 : 500;
}

// Its own type, where it is another than JSON and may stand in a head.
const std::string* OtherType(const Payload& body) {
  const std::string* type = Find(body.desc, "content-type");
  if (type == nullptr || MediaType(*type) == kJson || type->empty()) return nullptr;
  const bool fits =
      std::all_of(type->begin(), type->end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return fits ? type : nullptr;
}

// The one payload that is the answer.
Status FindBody(std::vector<Payload>* outputs, Payload** body) {
  size_t found = 0;
  for (Payload& p : *outputs) {
    if (p.key != kOpenAiKey) continue;
    *body = &p;
    ++found;
  }
  if (found == 1) return Status::Ok();
  return Wrong(
      StrCat("expected one payload ", kOpenAiKey, ", got ", found, " of ", outputs->size()));
}

class OpenAiSink final : public ReplySink {
 public:
  OpenAiSink(OpenAiMarks marks, HttpWork* work, HttpDone done)
      : to_{std::move(marks), std::move(done)}, work_(*work) {}

  // On the hub, which encodes nothing.
  void Done(Reply reply) override {
    size_t bytes = 0;
    for (const Payload& p : reply.payloads) bytes += p.data.size();
    work_.Run(bytes, [to = std::move(to_), reply = std::move(reply)]() mutable {
      HttpResponse response = reply.status.ok() ? OpenAiAnswer(to.marks, std::move(reply.payloads))
                                                : OpenAiRefusal(reply.status);
      response.headers.emplace_back("Server-Timing", ServerTiming(reply.times));
      to.done(std::move(response));
    });
  }

 private:
  struct To {
    OpenAiMarks marks;
    HttpDone done;
  };
  To to_;
  HttpWork& work_;
};

class OpenAiEvents final : public EventWords {
 public:
  explicit OpenAiEvents(OpenAiMarks marks) : marks_(std::move(marks)) {}

  HttpResponse Refuse(const Status& status) override { return OpenAiRefusal(status); }

  Status Write(SessionOutput* output, std::string* out) override {
    for (const std::vector<Payload>& batch : output->batches) {
      for (const Payload& p : batch) {
        if (p.data.empty()) continue;  // The end of a stream of payloads.
        if (p.key != kOpenAiKey) {
          return Wrong(StrCat("expected payloads ", kOpenAiKey, ", got ", p.key));
        }
        *out += "data: ";
        const Status status = AppendCompleted(marks_, /*chunk=*/true, p.data, out);
        if (!status.ok()) return status;
        *out += "\n\n";
      }
    }
    if (output->last) *out += kDone;
    return Status::Ok();
  }

  std::string Fail(const Status& status) override {
    return StrCat("data: ", WriteOpenAiError(status), "\n\n", kDone);
  }

 private:
  static constexpr std::string_view kDone = "data: [DONE]\n\n";

  const OpenAiMarks marks_;
};

}  // namespace

Status AppendCompleted(const OpenAiMarks& marks, bool chunk, const Bytes& json, std::string* out) {
  ReadBody read;
  return Complete(marks, chunk, json, out, &read);
}

HttpResponse OpenAiAnswer(const OpenAiMarks& marks, std::vector<Payload> outputs) {
  Payload* body = nullptr;
  Status status = FindBody(&outputs, &body);
  if (!status.ok()) return OpenAiRefusal(status);
  HttpResponse r;
  if (const std::string* type = OtherType(*body); type != nullptr && marks.task->form) {
    r.content_type = *type;
    r.body.push_back(std::move(body->data));
    return r;
  }
  ReadBody read;
  std::string text;
  text.reserve(body->data.size() + 256);
  status = Complete(marks, /*chunk=*/false, body->data, &text, &read);
  if (!status.ok()) return OpenAiRefusal(status);
  return HttpResponse::Text(BodyStatus(*body, read), kJson, std::move(text));
}

std::unique_ptr<ReplySink> MakeOpenAiSink(OpenAiMarks marks, HttpWork* work, HttpDone done) {
  return std::make_unique<OpenAiSink>(std::move(marks), work, std::move(done));
}

std::unique_ptr<EventWords> MakeOpenAiEvents(OpenAiMarks marks) {
  return std::make_unique<OpenAiEvents>(std::move(marks));
}

}  // namespace aiges
