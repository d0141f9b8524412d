// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/plain_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr const char* kSchema = R"({"meta": {"serviceId": "s", "s": {
    "input": {"say": {"dataType": "text"}, "img": {"dataType": "image"}},
    "accept": {"boxes": {"dataType": "text"}}}},
    "schemaoutput": {"type": "object", "properties": {"payload": {"properties": {"boxes": {
        "properties": {"text": {"type": "string"}, "format": {"default": "json"}}}}}}}})";

class PlainJsonTest : public testing::Test {
 protected:
  Status Parse(const std::string& text) {
    call_ = {};
    return ParsePlain(Bytes::Own(std::string(text)), schema_, &buffers_, &call_);
  }
  const Payload& Only() const { return call_.request.payloads.at(0); }
  std::string Write(std::vector<Payload> payloads) {
    return WritePlain(ByKey(std::move(payloads)), schema_);
  }

  const EngineSchema schema_{kSchema, "svc"};
  HeapBuffers buffers_;
  OnceCall call_;
};

Payload Make(std::string key, DataType type, std::string data, Pairs desc = {}) {
  Payload p;
  p.key = std::move(key);
  p.type = type;
  p.data = Bytes::Own(std::move(data));
  p.desc = std::move(desc);
  return p;
}

TEST_F(PlainJsonTest, AStringIsText) {
  ASSERT_TRUE(Parse(R"({"say": "h\u00e4 \"x\"", "other": ""})").ok());
  EXPECT_EQ(Only().key, "say");
  EXPECT_EQ(Only().type, DataType::kText);
  EXPECT_EQ(Only().data.view(), "h\xc3\xa4 \"x\"");
  EXPECT_EQ(call_.request.payloads.at(1).data.size(), 0u);
}

TEST_F(PlainJsonTest, JsonIsItsText) {
  const std::pair<const char*, const char*> cases[] = {
      {"5", "5"},
      {"true", "true"},
      {"[1, {\"a\": null}]", "[1,{\"a\":null}]"},
      {"{}", "{}"},
      {R"({"base64": 1})", R"({"base64":1})"},
      {R"({"base64": "AA==", "more": "x"})", R"({"base64":"AA==","more":"x"})"},
      {R"({"type": "image/png"})", R"({"type":"image/png"})"}};
  for (const auto& [value, text] : cases) {
    ASSERT_TRUE(Parse(StrCat("{\"say\": ", value, "}")).ok()) << value;
    EXPECT_EQ(Only().type, DataType::kText);
    EXPECT_EQ(Only().data.view(), text);
  }
}

TEST_F(PlainJsonTest, BytesHaveTheTypeThatIsSaidElseTheDeclaredOne) {
  const std::pair<const char*, DataType> cases[] = {
      {R"("x": {"base64": "AAE="})", DataType::kOther},
      {R"("img": {"base64": "AAE="})", DataType::kImage},
      {R"("img": {"base64": "AAE=", "type": "audio/wav"})", DataType::kAudio},
      {R"("x": {"type": "image/png", "base64": "AAE="})", DataType::kImage},
      {R"("x": {"type": "video", "base64": "AAE="})", DataType::kVideo},
      {R"("x": {"type": "application/octet-stream", "base64": "AAE="})", DataType::kOther}};
  for (const auto& [member, type] : cases) {
    ASSERT_TRUE(Parse(StrCat("{", member, "}")).ok()) << member;
    EXPECT_EQ(Only().type, type) << member;
    EXPECT_EQ(Only().data.view(), std::string_view("\0\1", 2));
  }
}

TEST_F(PlainJsonTest, WhatIsWrongIsSaidWithItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"say": null})",
       R"(say: expected a string, JSON or {"base64": "..", "type": "<media type>"}, got null)"},
      {R"({"img": "abc"})",
       R"(img: expected {"base64": "..", "type": "<media type>"} for image, got a string)"},
      {R"({"img": {"base64": "a"}})",
       R"(img: base64: expected standard base64 with padding, got "a")"},
      {R"({"img": {"base64": "", "type": "png"}})",
       R"(img: type: expected a media type as "image/png")"},
      {R"({"say": "a", "say": "b"})", R"(the body: expected each key once, got "say" again)"}};
  for (const auto& [body, text] : cases) {
    const Status status = Parse(body);
    EXPECT_EQ(status.code, kCodeConversion) << body;
    EXPECT_EQ(status.text.substr(0, std::string_view(text).size()), text);
  }
  for (const char* body : {"", "[]", "\"a\"", "{", "{\"a\": 1}x"}) {
    EXPECT_EQ(Parse(body).code, kCodeBodyNotJson) << body;
  }
}

TEST_F(PlainJsonTest, OutputsAreValues) {
  EXPECT_EQ(
      Write({Make("t", DataType::kText, "a\n\"b\""), Make("boxes", DataType::kText, "[1,\n 2]"),
             Make("img", DataType::kImage, "\x89PNG\r\n\x1a\n"),
             Make("b", DataType::kText, "\xff")}),
      R"({"t":"a\n\"b\"","boxes":[1, 2],"img":{"base64":"iVBORw0KGgo=","type":"image/png"},)"
      R"("b":{"base64":"/w==","type":"application/octet-stream"}})");
}

TEST_F(PlainJsonTest, OnlyWhatIsSaidToBeJsonGoesAsJson) {
  EXPECT_EQ(Write({Make("t", DataType::kText, "[1]")}), R"({"t":"[1]"})");
  EXPECT_EQ(Write({Make("t", DataType::kText, "[1]", {{"format", "json"}})}), R"({"t":[1]})");
  EXPECT_EQ(Write({Make("boxes", DataType::kText, "[1")}), R"({"boxes":"[1"})");
  EXPECT_EQ(Write({Make("boxes", DataType::kText, "")}), R"({"boxes":""})");
}

TEST_F(PlainJsonTest, OutputsOfOneKeyAreAnArray) {
  EXPECT_EQ(Write({Make("i", DataType::kOther, "a"), Make("t", DataType::kText, "x"),
                   Make("i", DataType::kOther, "b"), Make("t", DataType::kText, "y")}),
            R"({"i":[{"base64":"YQ==","type":"application/octet-stream"},)"
            R"({"base64":"Yg==","type":"application/octet-stream"}],"t":"xy"})");
}

TEST_F(PlainJsonTest, WhateverAnEngineWritesIsJsonOnOneLine) {
  for (const char* data :
       {"\n", "{\"a\":\n\r 1}", "\xc3", "{\"a\":\"\n\"}", "1\n", "\xe2\x80\xa8"}) {
    const std::vector<Payload> outputs = {Make("k\n\xff", DataType::kText, data),
                                          Make("boxes", DataType::kText, data)};
    const std::string line = WritePlainLine(outputs.data(), outputs.size(), schema_);
    EXPECT_TRUE(json::accept(line)) << line;
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos) << line;
  }
  EXPECT_EQ(WritePlainError(5, "a\nb"), R"({"error":{"code":5,"message":"a\nb"}})");
}

}  // namespace
}  // namespace aiges
