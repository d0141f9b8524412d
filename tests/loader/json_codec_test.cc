#include "loader/ingress/json_codec.h"

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

Payload MakePayload(std::string key, DataType type, std::string data, Pairs desc = {}) {
  Payload p;
  p.key = std::move(key);
  p.type = type;
  p.data = Bytes::Own(std::move(data));
  p.desc = std::move(desc);
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
      "scalar": 1},
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

TEST(JsonCodec, MissingOrOddSectionsAreEmpty) {
  for (const char* body : {"{}", R"({"header":1,"parameter":[],"payload":null})"}) {
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

TEST(JsonCodec, ValueThatCannotBeDataIs10001WithItsPlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"payload":{"img":{"image":"no base64"}}})", "payload.img.image: "},
      {R"({"payload":{"img":{"image":"Zm9"}}})", "payload.img.image: "},
      {R"({"payload":{"t":{"text":5}}})", "payload.t.text: expected a base64 string"},
      {R"({"payload":{"t":{"text":null}}})", "payload.t.text: expected"},
      {R"({"payload":{"t":"Zm9v"}})", "payload.t: expected an object"}};
  for (const auto& [body, where] : kCases) {
    const Parsed p = Parse(body);
    EXPECT_EQ(p.status.code, kCodeConversion) << body;
    EXPECT_EQ(p.status.text.rfind(where, 0), 0u) << p.status.text;
  }
}

TEST(JsonCodec, AnswerHasTextRawAndTheRestInBase64) {
  const std::vector<Payload> payloads = {
      MakePayload("result", DataType::kText, "say \"hi\"\n", {{"encoding", "utf8"}, {"seq", "0"}}),
      MakePayload("img", DataType::kImage, "foo")};
  EXPECT_EQ(WriteEnvelope("sid-1", payloads),
            R"({"header":{"code":0,"status":3,"sid":"sid-1"},"payload":{)"
            R"("result":{"encoding":"utf8","seq":"0","text":"say \"hi\"\n"},)"
            R"("img":{"image":"Zm9v"}}})");
}

TEST(JsonCodec, AnswerTypeBeyondTheKnownOnesIsOther) {
  const std::vector<Payload> payloads = {MakePayload("x", static_cast<DataType>(77), "f")};
  EXPECT_NE(WriteEnvelope("s", payloads).find(R"("x":{"other":"Zg=="})"), std::string::npos);
}

TEST(JsonCodec, ErrorAnswerHasNoPayload) {
  EXPECT_EQ(WriteErrorEnvelope("s", 10110, "no \"licence\""),
            R"({"header":{"code":10110,"sid":"s","message":"no \"licence\""},"payload":null})");
}

TEST(JsonCodec, StringsAreEscapedSoThatEveryReaderTakesThem) {
  const std::pair<std::string, const char*> kCases[] = {
      {"plain", R"("plain")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {std::string("\0\x01\t\n\x1f", 5), R"("\u0000\u0001\u0009\n\u001f")"},
      {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
      {"<&>/", R"("<&>/")"},
      {"a\xff" "b\xc3", R"("a?b?")"}};
  for (const auto& [text, expected] : kCases) {
    std::string out;
    AppendJsonString(&out, text);
    EXPECT_EQ(out, expected);
  }
}

}  // namespace
}  // namespace aiges
