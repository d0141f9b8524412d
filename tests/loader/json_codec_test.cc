// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/json_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "loader/api/codes.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges {
namespace {

struct Parsed {
  Status status;
  OnceCall call;
};

Parsed Parse(std::string body) {
  HeapBuffers buffers;
  Parsed p;
  p.status = ParseEnvelope(Bytes::Own(std::move(body)), &buffers, &p.call);
  return p;
}

TEST(JsonCodec, EnvelopeBecomesACall) {
  const Parsed p = Parse(R"({
    "header": {"appid": "a1", "status": 3, "flag": true, "rate": 0.25, "none": null, "x": {}},
    "parameter": {
      "svc": {"lang": "en", "n": 8000, "neg": -1, "big": 18446744073709551615, "half": 1e-3,
              "list": [1], "none": null,
              "result": {"encoding": "utf8", "format": "json", "compress": "raw",
                         "data_type": "text", "other": "dropped", "encoding2": 1}},
      "ignored": [1], "too": null},
    "payload": {"img": {"encoding": "png", "status": 3, "image": "Zm9v"}}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.call.headers,
            (Pairs{{"appid", "a1"}, {"status", "3"}, {"flag", "true"}, {"rate", "0.25"}}));
  EXPECT_EQ(p.call.request.params, (Pairs{{"lang", "en"},
                                          {"n", "8000"},
                                          {"neg", "-1"},
                                          {"big", "18446744073709551615"},
                                          {"half", "0.001"}}));
  ASSERT_EQ(p.call.expect.size(), 1u);
  EXPECT_EQ(p.call.expect[0].name, "result");
  EXPECT_EQ(p.call.expect[0].type, DataType::kText);
  EXPECT_EQ(p.call.expect[0].attributes,
            (Pairs{{"encoding", "utf8"}, {"format", "json"}, {"compress", "raw"}}));
  ASSERT_EQ(p.call.request.payloads.size(), 1u);
  const Payload& img = p.call.request.payloads[0];
  EXPECT_EQ(img.key, "img");
  EXPECT_EQ(img.type, DataType::kImage);
  EXPECT_EQ(img.data.view(), "foo");
  EXPECT_EQ(img.desc, (Pairs{{"encoding", "png"}, {"status", "3"}}));
}

// The parser knows 64 bits; JSON has no such bound. Found by schemathesis: the call was 10000.
TEST(JsonCodec, IntegerBeyond64BitsIsANumberToo) {
  const Parsed p = Parse(R"({"parameter": {"s": {"n": 100000000000000000000}}, "payload": {}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.call.request.params, (Pairs{{"n", "100000000000000000000"}}));
  std::string deep = "{\"a\": 100000000000000000000, \"b\": ";
  for (int i = 0; i < 300'000; ++i) deep += "[";
  EXPECT_FALSE(Parse(deep).status.ok());
  EXPECT_FALSE(Parse(deep + std::string(300'000, ']') + "}").status.ok());
}

TEST(JsonCodec, EveryDataTypeIsBase64TextToo) {
  const std::pair<const char*, DataType> kTypes[] = {{"text", DataType::kText},
                                                     {"audio", DataType::kAudio},
                                                     {"image", DataType::kImage},
                                                     {"video", DataType::kVideo},
                                                     {"other", DataType::kOther}};
  for (const auto& [name, type] : kTypes) {
    const Parsed p = Parse(StrCat("{\"payload\":{\"k\":{\"", name, "\":\"Zm9v\"}}}"));
    ASSERT_TRUE(p.status.ok()) << p.status.text;
    EXPECT_EQ(p.call.request.payloads[0].type, type);
    EXPECT_EQ(p.call.request.payloads[0].data.view(), "foo");
  }
}

TEST(JsonCodec, ObjectOrArrayAsDataIsHandedOnAsJsonText) {
  const Parsed p = Parse(R"({"payload":{"a":{"text":{"x" : [1, "y"]}},"b":{"text":[ 1 ]}}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.call.request.payloads[0].data.view(), "{\"x\":[1,\"y\"]}\n");
  EXPECT_EQ(p.call.request.payloads[1].data.view(), "[1]\n");
}

TEST(JsonCodec, PayloadWithoutDataIsEmptyText) {
  const Parsed p = Parse(R"({"payload":{"a":{"encoding":"utf8"}}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.call.request.payloads[0].type, DataType::kText);
  EXPECT_TRUE(p.call.request.payloads[0].data.empty());
}

TEST(JsonCodec, ExpectWithoutDataTypeAcceptsAnyAndAnUnknownOneMeansOther) {
  const Parsed p = Parse(R"({"parameter":{"s":{"a":{},"b":{"data_type":"binary"}}}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  ASSERT_EQ(p.call.expect.size(), 2u);
  EXPECT_EQ(p.call.expect[0].type, std::nullopt);
  EXPECT_EQ(p.call.expect[1].type, DataType::kOther);
}

TEST(JsonCodec, MissingSectionsAreEmpty) {
  for (const char* body : {"{}", R"({"header":null,"parameter":null,"payload":null})"}) {
    const Parsed p = Parse(body);
    EXPECT_TRUE(p.status.ok()) << p.status.text;
    EXPECT_TRUE(p.call.request.payloads.empty());
  }
}

TEST(JsonCodec, BodyThatIsNoJsonObjectIs10000) {
  for (const char* body : {"", " ", "x", "[]", "1", "\"s\"", "null", "{", "{\"a\":}", "{}{}",
                           "{\"a\":\"\xff\"}", "{\"a\":1,}", "\xef\xbb\xbf"}) {
    const Parsed p = Parse(body);
    EXPECT_EQ(p.status.kind, StatusKind::kInvalid) << body;
    EXPECT_EQ(p.status.code, kCodeBodyNotJson) << body;
  }
  EXPECT_EQ(Parse(std::string(100'000, '[')).status.code, kCodeBodyNotJson) << "depth is bounded";
}

TEST(JsonCodec, TextHasUnambiguousFormsToo) {
  const Parsed p = Parse(R"({"payload": {"a": {"text_plain": "hiya \u00fc\u0000"},
                                         "b": {"text_base64": "aGl5YQ=="}, "c": {"text": "hiya"}}})");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  const auto& payloads = p.call.request.payloads;
  EXPECT_EQ(payloads[0].data.view(), std::string_view("hiya \xc3\xbc\0", 8));
  EXPECT_EQ(payloads[1].data.view(), "hiya");
  EXPECT_EQ(payloads[2].data.view(), "\x86\x2c\x9a") << "base64, as ever";
  for (const Payload& payload : payloads) {
    EXPECT_EQ(payload.type, DataType::kText);
    EXPECT_TRUE(payload.desc.empty());
  }
}

TEST(JsonCodec, LongPlainTextArrivesWhole) {
  const std::string text(300'000, 'x');
  const Parsed p = Parse(StrCat(R"({"payload":{"a":{"text_plain":")", text, R"("}}})"));
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.call.request.payloads[0].data.view(), text);
}

// Each was taken before: something of the request was passed over without a word.
TEST(JsonCodec, NothingOfARequestIsPassedOver) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"payloads":{}})",
       "payloads: unknown; expected header, parameter and payload; did you mean payload?"},
      {R"({"business":{}})", "business: unknown; expected header, parameter and payload"},
      {R"({"payload":{},"payload":{}})", "the body: expected each key once, got \"payload\" again"},
      {R"({"header":{"a":1,"a":2}})", "header: expected each key once, got \"a\" again"},
      {R"({"parameter":{"g":{"a":1,"b":0,"a":2}}})",
       "parameter.g: expected each key once, got \"a\" again"},
      {R"({"payload":{"k":{},"k":{}}})", "payload: expected each key once, got \"k\" again"},
      {R"({"payload":{"k":{"x":"1","x":"2"}}})",
       "payload.k: expected each key once, got \"x\" again"},
      {R"({"payload":{"k":{"text":"","image":""}}})",
       "payload.k: expected data once, got text and image"},
      {R"({"header":1})", "header: expected an object, got a number"},
      {R"({"parameter":[]})", "parameter: expected an object, got an array"},
      {R"({"payload":"x"})", "payload: expected an object, got a string"},
      {R"({"parameter":{"size":3}})",
       R"(parameter.size: expected a group of parameters, as {"parameter": {"<service>": )"
       R"({"size": ..}}}, got a number)"}};
  for (const auto& [body, text] : kCases) {
    const Parsed p = Parse(body);
    EXPECT_EQ(p.status.kind, StatusKind::kInvalid) << body;
    EXPECT_EQ(p.status.code, kCodeConversion) << body;
    EXPECT_EQ(p.status.text, text);
  }
}

TEST(JsonCodec, PartsAreBounded) {
  std::string payloads, params;
  for (int i = 0; i < 4097; ++i) payloads += StrCat(i > 0 ? "," : "", "\"k", i, "\":{}");
  EXPECT_EQ(Parse(StrCat("{\"payload\":{", payloads, "}}")).status.text,
            "input invalid data: expected at most 4096 payloads in one message, got more");
  for (int i = 0; i < 16'385; ++i) params += StrCat(i > 0 ? "," : "", "\"p", i, "\":1");
  const Status status = Parse(StrCat("{\"parameter\":{\"g\":{", params, "}}}")).status;
  EXPECT_EQ(status.code, kCodeInvalidInput);
}

TEST(JsonCodec, ValueThatCannotBeDataIs10001WithItsPlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"payload":{"img":{"image":"no base64"}}})",
       R"(payload.img.image: expected standard base64 with padding, got "no base64")"},
      {R"({"payload":{"img":{"image":"Zm9"}}})", "payload.img.image: expected standard base64"},
      {R"({"payload":{"t":{"text":"hello world, gr\u00fc\u00dfe an alle Leute"}}})",
       "payload.t.text: expected standard base64 with padding, got \"hello world, "
       "gr\xc3\xbc\xc3\x9f"
       "e an ..\"; plain text goes as {\"text_plain\": ..}"},
      {R"({"payload":{"t":{"text":5}}})",
       "payload.t.text: expected a base64 string, an object or an array, got a number; plain "},
      {R"({"payload":{"t":{"text_plain":{}}}})",
       "payload.t.text_plain: expected a string, got an object"},
      {R"({"payload":{"t":{"text_base64":"h"}}})",
       "payload.t.text_base64: expected standard base64"},
      {R"({"payload":{"t":{"text":null}}})", "payload.t.text: expected"},
      {R"({"payload":{"t":"Zm9v"}})", "payload.t: expected an object"}};
  for (const auto& [body, where] : kCases) {
    const Parsed p = Parse(body);
    EXPECT_EQ(p.status.code, kCodeConversion) << body;
    EXPECT_EQ(p.status.text.rfind(where, 0), 0u) << p.status.text;
  }
}

}  // namespace
}  // namespace aiges
