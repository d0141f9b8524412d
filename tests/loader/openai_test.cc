// SPDX-License-Identifier: Apache-2.0
// OpenAI's API as values: requests, answers, pieces of a stream, errors, models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/openai/openai_answer.h"
#include "loader/protocols/openai/openai_error.h"
#include "loader/protocols/openai/openai_models.h"
#include "loader/protocols/openai/openai_request.h"
#include "tests/fakes/fake_models.h"

namespace aiges {
namespace {

using nlohmann::json;

const OpenAiTask& Chat() { return kOpenAiTasks[0]; }
const OpenAiTask& Embed() { return kOpenAiTasks[2]; }
const OpenAiTask& Transcribe() { return kOpenAiTasks[3]; }

HttpRequest Posted(const std::string& body, const std::string& type = "application/json") {
  HttpRequest request;
  request.method = "POST";
  request.content_type = type;
  request.body = Bytes::Own(std::string(body));
  return request;
}

OpenAiCall Read(const std::string& body, const OpenAiTask& task = Chat()) {
  HttpRequest request = Posted(body);
  return ReadOpenAi(&request, task);
}

std::string Part(const std::string& name, const std::string& data, const std::string& more = "") {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + data +
         "\r\n";
}

OpenAiCall ReadForm(const std::string& parts) {
  HttpRequest request = Posted(parts + "--b--\r\n", "multipart/form-data; boundary=b");
  return ReadOpenAi(&request, Transcribe());
}

const std::string kWav = Part("file", "RIFF", "; filename=\"a.wav\"\r\nContent-Type: audio/wav");

Payload Said(const std::string& data, Pairs desc = {}) {
  Payload p;
  p.key = kOpenAiKey;
  p.data = Bytes::Own(std::string(data));
  p.desc = std::move(desc);
  return p;
}

OpenAiMarks Marks(const OpenAiTask& task = Chat()) { return {&task, "chatcmpl-1", "m", 7}; }

HttpResponse Answered(const std::string& data, const OpenAiTask& task = Chat(), Pairs desc = {}) {
  return OpenAiAnswer(Marks(task), {Said(data, std::move(desc))});
}

std::string Body(const HttpResponse& r) {
  std::string all;
  for (const Bytes& piece : r.body) all += piece.view();
  return all;
}

json Error(const HttpResponse& r) { return json::parse(Body(r)).at("error"); }

TEST(OpenAiRequest, BodyGoesToTheEngineAsItCame) {
  const std::string body = R"({"model": "m", "stream": true, "x": [1, 2.50]})";
  const OpenAiCall asked = Read(body);
  ASSERT_TRUE(asked.status.ok()) << asked.status.text;
  EXPECT_EQ(asked.model, "m");
  EXPECT_TRUE(asked.stream);
  ASSERT_EQ(asked.call.request.payloads.size(), 1u);
  EXPECT_EQ(asked.call.request.payloads[0].key, "openai");
  EXPECT_EQ(asked.call.request.payloads[0].data.view(), body);
  EXPECT_EQ(*Find(asked.call.request.params, ":task"), "chat");
}

TEST(OpenAiRequest, ModelAndStreamMayBeMissingOrNull) {
  for (const char* body : {"{}", R"({"model": null, "stream": null})"}) {
    const OpenAiCall asked = Read(body);
    EXPECT_TRUE(asked.status.ok()) << asked.status.text;
    EXPECT_EQ(asked.model, "");
    EXPECT_FALSE(asked.stream);
  }
}

TEST(OpenAiRequest, EmbeddingsDoNotStream) {
  EXPECT_FALSE(Read(R"({"stream": true})", Embed()).stream);
}

TEST(OpenAiRequest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(Read(R"({"model": 1})").status.text, "model: expected a string, got a number");
  EXPECT_EQ(Read(R"({"stream": "yes"})").status.text, "stream: expected a boolean, got a string");
  for (const char* body : {"", "[]", "{", R"({"a": 1, "a": 2})", "{\"a\": \"\xff\"}"}) {
    EXPECT_EQ(Read(body).status.kind, StatusKind::kInvalid) << body;
  }
}

TEST(OpenAiRequest, FormBecomesJsonAndFile) {
  const OpenAiCall asked = ReadForm(
      Part("model", "whisper") + kWav + Part("temperature", "0.5") + Part("stream", "True") +
      Part("timestamp_granularities[]", "word") + Part("timestamp_granularities[]", "seg\"ment"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.text;
  EXPECT_EQ(asked.model, "whisper");
  EXPECT_TRUE(asked.stream);
  const auto& payloads = asked.call.request.payloads;
  ASSERT_EQ(payloads.size(), 2u);
  EXPECT_EQ(json::parse(payloads[0].data.view()),
            json::parse(R"({"model": "whisper", "temperature": 0.5, "stream": true,
                            "timestamp_granularities": ["word", "seg\"ment"]})"));
  EXPECT_EQ(payloads[1].key, "file");
  EXPECT_EQ(payloads[1].type, DataType::kAudio);
  EXPECT_EQ(payloads[1].data.view(), "RIFF");
  EXPECT_EQ(*Find(payloads[1].desc, "filename"), "a.wav");
  EXPECT_EQ(*Find(payloads[1].desc, "content-type"), "audio/wav");
}

TEST(OpenAiRequest, FormErrorsNameTheField) {
  EXPECT_EQ(ReadForm(Part("model", "m")).status.text, "file: expected one file, got 0");
  EXPECT_EQ(ReadForm(kWav + kWav).status.text, "file: expected one file, got 2");
  EXPECT_EQ(ReadForm(kWav + Part("stream", "1")).status.text,
            "stream: expected true or false, got \"1\"");
  for (const char* number : {"", "x", "1x", "nan", "inf", "1e999"}) {
    EXPECT_EQ(ReadForm(kWav + Part("temperature", number)).status.kind, StatusKind::kInvalid);
  }
  EXPECT_EQ(ReadForm(kWav + Part("model", "a") + Part("model", "b")).status.text,
            "model: expected the field once, got it again");
  EXPECT_FALSE(ReadForm(kWav + Part("x[]", "a") + Part("x", "b")).status.ok());
  EXPECT_FALSE(ReadForm(kWav + Part("x", "a") + Part("x[]", "b")).status.ok());
}

TEST(OpenAiRequest, TellsWhichContentItTakes) {
  for (const char* type : {"", "application/json", "application/json; charset=utf-8",
                           "application/x-www-form-urlencoded"}) {
    EXPECT_TRUE(TakesOpenAiContent(Chat(), type)) << type;
    EXPECT_FALSE(TakesOpenAiContent(Transcribe(), type)) << type;
  }
  EXPECT_FALSE(TakesOpenAiContent(Chat(), "multipart/form-data; boundary=b"));
  EXPECT_TRUE(TakesOpenAiContent(Transcribe(), "multipart/form-data; boundary=b"));
}

TEST(OpenAiAnswer, FillsWhatTheEngineLeftOut) {
  const HttpResponse r = Answered(" {\"choices\": [\n]}");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(Body(r), R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m",)"
                     R"("choices": [ ]})");
}

TEST(OpenAiAnswer, KeepsWhatTheEngineSays) {
  const json said = json::parse(Body(Answered(R"({"id": "x", "model": "y", "created": 1})")));
  EXPECT_EQ(said, json::parse(R"({"id": "x", "model": "y", "created": 1,
                                  "object": "chat.completion"})"));
  EXPECT_EQ(json::parse(Body(Answered("{}"))).size(), 4u);
}

TEST(OpenAiAnswer, ListsHaveNeitherIdNorTime) {
  const std::string body = Body(Answered(R"({"data": []})", Embed()));
  EXPECT_EQ(body, R"({"object":"list","model":"m","data": []})");
  EXPECT_EQ(Body(Answered(R"({"text": "hi"})", Transcribe())), R"({"text": "hi"})");
}

TEST(OpenAiAnswer, FormsOfTranscriptsAreText) {
  const HttpResponse r = Answered("1\n00:00", Transcribe(), {{"content-type", "text/vtt"}});
  EXPECT_EQ(r.content_type, "text/vtt");
  EXPECT_EQ(Body(r), "1\n00:00");
  // What could break out of the head is none.
  EXPECT_EQ(Answered("x", Transcribe(), {{"content-type", "text/a\r\nX: y"}}).status, 500);
  EXPECT_EQ(Answered("x", Chat(), {{"content-type", "text/html"}}).status, 500);
}

TEST(OpenAiAnswer, AnErrorOfTheEngineKeepsItsWords) {
  const char* error = R"({"error": {"message": "no", "type": "invalid_request_error"}})";
  EXPECT_EQ(Answered(error).status, 400);
  EXPECT_EQ(Body(Answered(error)), error);
  EXPECT_EQ(Answered(error, Chat(), {{"http-status", "418"}}).status, 418);
  EXPECT_EQ(Answered(error, Chat(), {{"http-status", "99"}}).status, 400);
  EXPECT_EQ(Answered(R"({"error": {}})").status, 500);
  EXPECT_EQ(Answered(R"({"error": null})").status, 200);
}

TEST(OpenAiAnswer, WhatIsNoAnswerIsTheEnginesFault) {
  for (const char* data : {"", "hello", "[1]", "{", "{\"a\": NaN}", "\xff"}) {
    const HttpResponse r = Answered(data);
    EXPECT_EQ(r.status, 500) << data;
    EXPECT_EQ(Error(r).at("type"), "server_error") << data;
  }
  EXPECT_EQ(OpenAiAnswer(Marks(), {}).status, 500);
  EXPECT_EQ(OpenAiAnswer(Marks(), {Said("{}"), Said("{}")}).status, 500);
  Payload other = Said("{}");
  other.key = "result";
  EXPECT_EQ(OpenAiAnswer(Marks(), {other}).status, 500);
}

class OpenAiEventsTest : public testing::Test {
 protected:
  std::string Write(std::vector<std::vector<Payload>> batches, bool last = false) {
    SessionOutput output;
    output.batches = std::move(batches);
    output.last = last;
    std::string out;
    status_ = events_->Write(&output, &out);
    return out;
  }

  const std::unique_ptr<EventWords> events_ = MakeOpenAiEvents(Marks());
  Status status_;
};

TEST_F(OpenAiEventsTest, EachPayloadIsAPieceOnOneLine) {
  const std::string head =
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m",)";
  EXPECT_EQ(Write({{Said("{\"a\":\r\n1}"), Said("{\"b\":2}")}}),
            head + "\"a\":  1}\n\n" + head + "\"b\":2}\n\n");
  EXPECT_TRUE(status_.ok());
  EXPECT_EQ(Write({{Said("")}}, true), "data: [DONE]\n\n");
}

TEST_F(OpenAiEventsTest, WhatIsNoPieceEndsTheStream) {
  Write({{Said("hello")}});
  EXPECT_EQ(status_.kind, StatusKind::kInternal);
  Payload other = Said("{}");
  other.key = "result";
  Write({{other}});
  EXPECT_EQ(status_.kind, StatusKind::kInternal);
  EXPECT_EQ(events_->Fail(Status::Error(StatusKind::kInternal, "it broke")),
            "data: {\"error\":{\"message\":\"it broke\",\"type\":\"server_error\",\"param\":null,"
            "\"code\":null}}\n\ndata: [DONE]\n\n");
}

TEST(OpenAiError, SaysWhatClientsReactTo) {
  struct Case {
    Status status;
    int http;
    const char *type, *code;
  };
  const auto error = [](StatusKind kind, int code = 0) { return Status::Error(kind, "x", code); };
  for (const Case& c :
       {Case{error(StatusKind::kInvalid), 400, "invalid_request_error", ""},
        {error(StatusKind::kInvalid, kCodeUnauthenticated), 401, "authentication_error",
         "invalid_api_key"},
        {error(StatusKind::kInvalid, kCodeDenied), 403, "permission_error", "permission_denied"},
        {error(StatusKind::kNotFound, kCodeInvalidOutput), 404, "invalid_request_error",
         "model_not_found"},
        {error(StatusKind::kNotFound), 404, "invalid_request_error", ""},
        {error(StatusKind::kOverloaded), 429, "rate_limit_error", "rate_limit_exceeded"},
        {error(StatusKind::kDisconnected), 503, "server_error", "service_unavailable"},
        {error(StatusKind::kDeadline), 504, "server_error", "timeout"},
        {error(StatusKind::kInternal), 500, "server_error", ""}}) {
    const HttpResponse r = OpenAiRefusal(c.status);
    EXPECT_EQ(r.status, c.http);
    EXPECT_EQ(Error(r).at("type"), c.type) << c.http;
    EXPECT_EQ(Error(r).at("code"), *c.code == '\0' ? json() : json(c.code)) << c.http;
    EXPECT_EQ(Find(r.headers, "Retry-After") != nullptr, c.http == 429 || c.http == 503);
  }
}

TEST(OpenAiError, CodesOfTheShimAreLeftOut) {
  const auto text = [](const char* said) {
    return Error(OpenAiRefusal(Status::Error(StatusKind::kInternal, said))).at("message");
  };
  EXPECT_EQ(text("it broke;code=30003"), "it broke");
  EXPECT_EQ(text("it broke;code=7"), "it broke;code=7");
  EXPECT_EQ(text(";code=3000"), ";code=3000");
}

TEST(OpenAiError, NamesTheParameter) {
  const auto param = [](const char* text) {
    return Error(OpenAiRefusal(Status::Error(StatusKind::kInvalid, text))).at("param");
  };
  EXPECT_EQ(param("messages[0].role: expected a string, got null"), "messages[0].role");
  EXPECT_EQ(param("model: expected a string, got 1"), "model");
  EXPECT_EQ(param("the body: expected an object"), json());
  EXPECT_EQ(param("no good"), json());
  EXPECT_EQ(param(": expected x"), json());
}

// Two of one name, of which the first is not ready, and a third.
FakeModels ThreeModels() {
  FakeModels models({std::make_shared<FakeModel>("a", "1", ""),
                     std::make_shared<FakeModel>("a", "1", "{}"),
                     std::make_shared<FakeModel>("b\"", "1", R"({"model": {"tasks": ["chat"]}})")});
  models.all.front()->ready = false;
  models.any = false;
  return models;
}

TEST(OpenAiModels, ListHasBothClientsFields) {
  const json list = json::parse(WriteModelList(ThreeModels(), 7));
  EXPECT_EQ(list.at("object"), "list");
  EXPECT_EQ(list.at("models"), json::array({"a", "b\""}));
  ASSERT_EQ(list.at("data").size(), 2u);
  EXPECT_EQ(list.at("data").at(0), json::parse(R"({"id": "a", "object": "model", "created": 7,
                                       "owned_by": "aiges", "name": "a", "ready": true})"));
}

TEST(OpenAiModels, TaskThatIsNotDeclaredNamesThoseWhoDoIt) {
  FakeModels models = ThreeModels();
  EXPECT_TRUE(CheckTask(models, *models.all[2], "chat").ok());
  Status status = CheckTask(models, *models.all[1], "chat");
  EXPECT_EQ(status.kind, StatusKind::kNotFound);
  EXPECT_EQ(status.text, "the model a does not declare the task chat; there are b\"");
  status = CheckTask(models, *models.all[2], "embed");
  EXPECT_NE(status.text.find("no model of this loader"), std::string::npos);
}

TEST(OpenAiModels, OneThatHasNotSaidAnythingIsAsked) {
  FakeModels models = ThreeModels();
  EXPECT_TRUE(CheckTask(models, *models.all[0], "chat").ok());  // The call loads it.
  models.any = true;
  EXPECT_EQ(CheckTask(models, *models.all[0], "chat").kind, StatusKind::kDisconnected);
}

}  // namespace
}  // namespace aiges
