// SPDX-License-Identifier: Apache-2.0
// What clients get at the path of a typed model: fields and status that the engine says, texts of
// errors, and the operation in the OpenAPI document.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "loader/pages/openapi_predict.h"
#include "loader/protocols/http_answer.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

Payload Result(std::string data, Pairs desc) {
  Payload p;
  p.key = "result";
  p.data = Bytes::Own(std::move(data));
  p.desc = std::move(desc);
  return p;
}

HttpResponse Answer(std::vector<Payload> outputs, const char* accept = "*/*",
                    CallRoute route = CallRoute::kPredict) {
  AnswerWish wish;
  wish.route = route;
  wish.accept = accept;
  wish.schema = std::make_shared<const EngineSchema>("", "svc");
  return RawAnswer(wish, "sid", std::move(outputs));
}

HttpResponse Said(Pairs desc) { return Answer({Result("a", std::move(desc))}); }

// The value of a header; "none".
std::string Header(const HttpResponse& r, const std::string& name) {
  const std::string* value = Find(r.headers, name);
  return value == nullptr ? "none" : *value;
}

TEST(PredictAnswer, HasTheStatusThatTheEngineSays) {
  EXPECT_EQ(Said({{":status", "201"}}).status, 201);
  EXPECT_EQ(Said({{":status", "599"}}).status, 599);
  for (const char* wrong : {"", "0", "99", "199", "600", "-200", "200x", " 200", "2e2", "101"}) {
    EXPECT_EQ(Said({{":status", wrong}}).status, 200) << wrong;
  }
}

TEST(PredictAnswer, HasTheFieldsThatTheEngineSays) {
  const HttpResponse r = Said({{":headers", R"({"X-Model": "m", "content-type": "a/b"})"}});
  EXPECT_EQ(Header(r, "X-Model"), "m");
  EXPECT_EQ(r.content_type, "a/b");
  EXPECT_EQ(Header(r, "X-Output-Key"), "none");
}

TEST(PredictAnswer, LeavesFieldsOutThatWouldBreakTheHead) {
  for (const char* wrong :
       {R"({"X-A": "b\r\nC: d"})", R"({"X-A": "b\u0000"})", R"({"X-A\r\nC": "d"})",
        R"({"X A": "b"})", R"({"X:A": "b"})", R"({"": "b"})", R"({"X-A": 5})", R"({"X-A": ["b"]})",
        R"({"Content-Length": "1"})", R"({"TRANSFER-ENCODING": "chunked"})",
        R"({"Connection": "close"})", R"({"keep-alive": "1"})", R"({"TE": "1"})",
        R"({"X-Request-Id": "1"})", R"({"Content-Type": "a\nb"})", R"(["X-A"])", "{", "", "5"}) {
    const HttpResponse r = Said({{":headers", wrong}});
    EXPECT_TRUE(r.headers.empty()) << wrong;
    EXPECT_EQ(r.content_type, "text/plain; charset=utf-8") << wrong;
  }
}

TEST(PredictAnswer, NamesAFile) {
  const auto name = [](std::string said) {
    return Header(Said({{"filename", std::move(said)}}), "Content-Disposition");
  };
  EXPECT_EQ(name("a b.csv"), "inline; filename=\"a b.csv\"");
  EXPECT_EQ(name("a\"b\\.csv"), "inline; filename=\"a_b_.csv\"; filename*=UTF-8''a%22b%5C.csv");
  EXPECT_EQ(name("\xc3\xa9.csv"), "inline; filename=\"__.csv\"; filename*=UTF-8''%C3%A9.csv");
  EXPECT_EQ(name("a\r\nb"), "none");
}

// There were two, of which each client took another.
TEST(PredictAnswer, ADispositionOfTheEnginesOwnIsTheOnlyOne) {
  const HttpResponse r =
      Said({{"filename", "a"}, {":headers", R"({"Content-Disposition": "attachment"})"}});
  ASSERT_EQ(r.headers.size(), 1u);
  EXPECT_EQ(r.headers[0].second, "attachment");
}

TEST(PredictAnswer, NothingOfThisHoldsOnOtherPaths) {
  const HttpResponse r = Answer(
      {Result("a", {{":status", "201"}, {":headers", R"({"X-A": "b"})"}})}, "*/*", CallRoute::kRaw);
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(Header(r, "X-A"), "none");
  EXPECT_EQ(Header(r, "X-Output-Key"), "result");
}

TEST(PredictAnswer, RefusalsHaveTheFormOfThePath) {
  std::vector<Payload> two = {Result("a", {}), Result("b", {})};
  two[1].key = "other";
  EXPECT_TRUE(Answer(two).content_type.starts_with("multipart/mixed; boundary="));
  const HttpResponse r = Answer(two, "application/json");
  EXPECT_EQ(r.status, 406);
  const json error = json::parse(r.body.front().view());
  EXPECT_TRUE(error["error"]["message"].get<std::string>().starts_with("Accept: expected "));
  const json other =
      json::parse(Answer(two, "application/json", CallRoute::kRaw).body.front().view());
  EXPECT_TRUE(other.contains("header"));
}

TEST(ShownText, IsWithoutTheCodeOfTheEngineAtItsOwnPathAlone) {
  for (const auto& [text, shown] : std::vector<std::pair<const char*, const char*>>{
           {"predict raised;code=100", "predict raised"},
           {"predict raised;code=-1", "predict raised"},
           {"a;code=1;code=2", "a;code=1"},
           {"a;code=x", "a;code=x"},
           {"a;code=1 ", "a;code=1 "},
           {"a;cod=1", "a;cod=1"},
           {"", ""}}) {
    EXPECT_EQ(ShownText(text, CallRoute::kPredict), shown);
    EXPECT_EQ(ShownText(text, CallRoute::kRaw), text);
    EXPECT_EQ(ShownText(text, CallRoute::kPlain), text);
  }
}

json Operation(const char* input, const char* output = "{}", bool streams = false) {
  EngineSchema::Predict predict;
  predict.title = "mine";
  predict.streams = streams;
  predict.input = std::make_unique<json>(json::parse(input));
  predict.output = std::make_unique<json>(json::parse(output));
  return PredictOperation(predict, json::object());
}

json Body(const char* input, const char* media) {
  return Operation(input)["requestBody"]["content"][media];
}

// Files in lists, in unions and in objects were left as binary strings, which JSON has not.
TEST(PredictOperation, FilesAreBase64InJsonWhereverTheyStand) {
  constexpr const char* kInput = R"({"type": "object", "required": ["a"], "properties": {
      "a": {"type": "string", "format": "binary", "description": "d"},
      "b": {"anyOf": [{"type": "array", "items": {"type": "string", "format": "binary"}},
                      {"type": "null"}]},
      "c": {"type": "object", "properties": {"format": {"type": "string", "format": "binary"}}},
      "d": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}},
      "e": {"type": "array", "prefixItems": [{"type": "string", "format": "binary"}]}}})";
  EXPECT_EQ(Body(kInput, "multipart/form-data")["schema"], json::parse(kInput));
  const json schema = Body(kInput, "application/json")["schema"];
  EXPECT_EQ(schema.dump().find("\"binary\""), std::string::npos) << schema.dump(1);
  const json& made = schema["properties"];
  EXPECT_EQ(made["a"]["description"], "d");
  for (const json& each :
       {made["a"], made["b"]["anyOf"][0]["items"], made["c"]["properties"]["format"],
        made["d"]["additionalProperties"], made["e"]["prefixItems"][0]}) {
    EXPECT_EQ(each["required"], json::array({"base64"})) << each;
  }
  EXPECT_EQ(made["b"]["anyOf"][1]["type"], "null");
}

TEST(PredictOperation, TheExampleHasTheRequiredInputs) {
  const json example = Body(R"({"type": "object", "required": ["a", "b", "c", "d", "e", "f", "g"],
      "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 3},
      "c": {"enum": ["x", "y"]}, "d": {"type": "array", "items": {"type": "boolean"}},
      "e": {"anyOf": [{"type": "number"}, {"type": "null"}]}, "f": {},
      "g": {"type": "string", "format": "binary", "contentMediaType": "image/*"},
      "h": {"type": "string", "default": "z"}}})",
                            "application/json")["example"];
  EXPECT_EQ(example["a"], "hello");
  EXPECT_EQ(example["b"], 3);
  EXPECT_EQ(example["c"], "x");
  EXPECT_EQ(example["d"], json::array({true}));
  EXPECT_EQ(example["e"], 0.5);
  EXPECT_TRUE(example["g"]["base64"].get<std::string>().starts_with("R0lGOD"));
  EXPECT_FALSE(example.contains("h"));
}

TEST(PredictOperation, OddSchemasAreNoTrap) {
  for (const char* input :
       {R"({})", R"({"properties": {}})", R"({"required": ["a"], "properties": {}})",
        R"({"required": [5, null], "properties": {"a": true}})",
        R"({"properties": {"a": {"anyOf": [true]}, "b": {"items": true}, "c": {"enum": []}}})"}) {
    EXPECT_TRUE(Body(input, "application/json").contains("example")) << input;
  }
}

TEST(PredictOperation, TheAnswerIsWhatTheResultSays) {
  const auto media = [](const char* output, bool streams = false) {
    std::vector<std::string> out;
    const json operation = Operation("{}", output, streams);
    for (const auto& [name, schema] : operation["responses"]["200"]["content"].items()) {
      out.push_back(name);
    }
    return out;
  };
  using Media = std::vector<std::string>;
  EXPECT_EQ(media("{}"), Media{"application/json"});
  EXPECT_EQ(media(R"({"type": "string"})"), Media{"text/plain"});
  EXPECT_EQ(media(R"({"format": "binary", "contentMediaType": "image/*"})"), Media{"image/png"});
  EXPECT_EQ(media(R"({"format": "binary", "contentMediaType": "audio/*"})"), Media{"audio/wav"});
  EXPECT_EQ(media(R"({"format": "binary"})"), Media{"application/octet-stream"});
  EXPECT_EQ(media(R"({"type": "string"})", true), (Media{"text/plain", "text/event-stream"}));
}

}  // namespace
}  // namespace aiges
