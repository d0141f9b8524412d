// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_answer.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/protocols/content_type.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/multipart.h"
#include "loader/protocols/plain_json.h"
#include "loader/protocols/predict_call.h"

namespace aiges {
namespace {

constexpr const char* kMixed = "multipart/mixed";
constexpr const char* kCodeMark = ";code=";  // Behind it stands the engine's own code.
constexpr size_t kMostNamed = 8;

// A header value must stay on its line.
bool FitsHeader(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// "boxes (text), img (image)"
std::string Listed(const std::vector<Payload>& outputs) {
  std::string out;
  for (size_t i = 0; i < outputs.size() && i < kMostNamed; ++i) {
    out += StrCat(i > 0 ? ", " : "", outputs[i].key, " (", NameOf(outputs[i].type), ')');
  }
  return outputs.size() > kMostNamed ? out + ", .." : out;
}

// A field of HTTP that an engine may set: a token, and none of the connection's.
bool MayBeSaid(const std::string& name) {
  static constexpr std::string_view kOurs[] = {"connection", "content-length", "keep-alive",
                                               "te",         "trailer",        "transfer-encoding",
                                               "upgrade",    "x-request-id"};
  const auto token = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), token) &&
         std::find(std::begin(kOurs), std::end(kOurs), Lowered(name)) == std::end(kOurs);
}

void AddFields(const Payload& output, HttpResponse* r) {
  const std::string* fields = Find(output.desc, ":headers");
  if (fields == nullptr) return;
  const auto object = nlohmann::json::parse(*fields, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string() || !MayBeSaid(name)) continue;
    const std::string text = value.get<std::string>();
    if (!FitsHeader(text)) continue;
    if (Lowered(name) == "content-type") {
      r->content_type = text;
    } else {
      r->headers.emplace_back(name, text);
    }
  }
}

// As RFC 6266 has it: a name in ASCII for all, and the right one for those who read UTF-8.
std::string Disposition(std::string_view name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string quoted, encoded;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    quoted.push_back(byte > 0x7e || c == '"' || c == '\\' ? '_' : c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_')) {
      encoded.push_back(c);
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  std::string out = StrCat("inline; filename=\"", quoted, '"');
  return quoted == name ? out : StrCat(out, "; filename*=UTF-8''", encoded);
}

// What the engine says of the answer itself: attributes ":status" and ":headers" (a JSON object),
// and the name of a file. Fields that would break the head are left out.
void AddSaid(const Payload& output, HttpResponse* r) {
  int status = 0;
  const std::string* said = Find(output.desc, ":status");
  if (said != nullptr && ReadWhole(*said, &status) && status >= 200 && status <= 599) {
    r->status = status;
  }
  AddFields(output, r);
  const std::string* name = Find(output.desc, "filename");
  if (name == nullptr || !FitsHeader(*name)) return;
  const bool own = std::any_of(r->headers.begin(), r->headers.end(), [](const auto& header) {
    return Lowered(header.first) == "content-disposition";
  });
  if (!own) r->headers.emplace_back("Content-Disposition", Disposition(*name));
}

HttpResponse OneOutput(const AnswerWish& wish, Payload output) {
  HttpResponse r;
  r.content_type = ContentTypeOf(output, *wish.schema);
  if (wish.route == CallRoute::kPredict) {
    AddSaid(output, &r);
  } else if (FitsHeader(output.key)) {
    r.headers.emplace_back("X-Output-Key", output.key);
  }
  r.body.push_back(std::move(output.data));
  return r;
}

HttpResponse AllOutputs(const AnswerWish& wish, std::vector<Payload> outputs) {
  const std::string boundary = RandomUuid();
  HttpResponse r;
  r.content_type = StrCat(kMixed, "; boundary=", boundary);
  for (Payload& p : outputs) {
    const std::string type = ContentTypeOf(p, *wish.schema);
    r.body.push_back(Bytes::Own(PartHead(boundary, p.key, type, r.body.empty())));
    r.body.push_back(std::move(p.data));
  }
  r.body.push_back(Bytes::Own(PartsEnd(boundary)));
  return r;
}

class HttpSink : public ReplySink {
 public:
  HttpSink(std::vector<Expected> expect, std::string sid, AnswerWish wish, HttpWork* work,
           HttpDone done)
      : to_({std::move(expect), std::move(sid), std::move(wish), std::move(done)}), work_(*work) {}

  // On the hub, which encodes nothing. Of a raw answer only text is looked at as a whole.
  void Done(Reply reply) override {
    const bool raw = IsRaw(to_.wish.route);
    size_t bytes = 0;
    for (const Payload& p : reply.payloads) {
      if (!raw || p.type == DataType::kText) bytes += p.data.size();
    }
    work_.Run(bytes, [to = std::move(to_), reply = std::move(reply)]() mutable {
      to.Answer(std::move(reply));
    });
  }

 private:
  struct Answering {
    std::vector<Expected> expect;
    std::string sid;
    AnswerWish wish;
    HttpDone done;

    void Answer(Reply reply) {
      Status status = std::move(reply.status);
      if (status.ok()) status = CheckOutput(expect, &reply.payloads);
      HttpResponse response =
          status.ok() ? Success(std::move(reply.payloads)) : Refusal(status, sid, wish.route);
      response.headers.emplace_back("Server-Timing", ServerTiming(reply.times));
      done(std::move(response));
    }
    HttpResponse Success(std::vector<Payload> outputs) const {
      if (IsRaw(wish.route)) return RawAnswer(wish, sid, std::move(outputs));
      const OutputsByKey groups = ByKey(std::move(outputs));
      const bool plain = wish.route == CallRoute::kPlain;
      return HttpResponse::Text(
          200, kJsonType, plain ? WritePlain(groups, *wish.schema) : WriteEnvelope(sid, groups));
    }
  };

  Answering to_;
  HttpWork& work_;
};

}  // namespace

HttpResponse Refusal(int http_status, int code, const std::string& sid, std::string_view text,
                     CallRoute route) {
  const bool plain = route == CallRoute::kPlain || route == CallRoute::kPredict;
  HttpResponse r = HttpResponse::Text(
      http_status, kJsonType,
      plain ? WritePlainError(code, ShownText(text, route)) : WriteErrorEnvelope(sid, code, text));
  if (http_status == 429 || http_status == 503) r.headers.emplace_back("Retry-After", "1");
  return r;
}

HttpResponse Refusal(const Status& status, const std::string& sid, CallRoute route) {
  return Refusal(HttpStatusOf(status), CodeOf(status), sid, status.text, route);
}

HttpResponse RawAnswer(const AnswerWish& wish, const std::string& sid,
                       std::vector<Payload> outputs) {
  OutputsByKey groups = ByKey(std::move(outputs));
  const bool one = groups.size() == 1 && groups.front().size() == 1;
  if (one && (wish.output.empty() || groups.front().front().key == wish.output)) {
    return OneOutput(wish, std::move(groups.front().front()));
  }
  std::vector<Payload> wanted, others;
  for (std::vector<Payload>& group : groups) {
    const bool is_wanted = wish.output.empty() || group.front().key == wish.output;
    for (Payload& p : group) (is_wanted ? wanted : others).push_back(std::move(p));
  }
  if (wanted.empty()) {
    return Refusal(406, kCodeInvalidOutput, sid,
                   StrCat("?output: expected the key of an output, got ", wish.output,
                          "; the engine returned ", Listed(others)),
                   wish.route);
  }
  if (wanted.size() == 1) return OneOutput(wish, std::move(wanted.front()));
  if (Accepts(wish.accept ? &*wish.accept : nullptr, kMixed)) {
    return AllOutputs(wish, std::move(wanted));
  }
  return Refusal(406, kCodeInvalidOutput, sid,
                 StrCat("Accept: expected ", kMixed, " (or */*) for ", wanted.size(),
                        " outputs, got ", *wish.accept, "; the engine returned ", Listed(wanted),
                        ": ?output=<key> gives those of one key alone"),
                 wish.route);
}

std::string_view ShownText(std::string_view text, CallRoute route) {
  if (route != CallRoute::kPredict) return text;
  const size_t mark = text.rfind(kCodeMark);
  const bool number = mark != std::string_view::npos &&
                      text.find_first_not_of("-0123456789", mark + std::strlen(kCodeMark)) ==
                          std::string_view::npos;
  return number ? text.substr(0, mark) : text;
}

std::unique_ptr<ReplySink> MakeHttpSink(std::vector<Expected> expect, std::string sid,
                                        AnswerWish wish, HttpWork* work, HttpDone done) {
  return std::make_unique<HttpSink>(std::move(expect), std::move(sid), std::move(wish), work,
                                    std::move(done));
}

}  // namespace aiges
