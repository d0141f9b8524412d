// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/schema_check.h"

#include <gtest/gtest.h>

#include <string>

#include "loader/api/codes.h"

namespace aiges {
namespace {

constexpr const char* kDeclared = R"({
  "meta": {"version": "v1", "serviceId": "ocr",
           "ocr": {"input": {"img": {"dataType": "image"}, "about": {"dataType": "text"}}}},
  "schemainput": {"type": "object", "required": ["header", "payload"], "properties": {
    "header": {"type": "object", "properties": {"appid": {"type": "string", "maxLength": 5}},
               "required": ["appid"]},
    "parameter": {"type": "object", "properties": {"ocr": {"type": "object", "required": ["size"],
      "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "loud": {"type": "boolean"},
        "name": {"type": "string", "minLength": 2, "pattern": "^(a+)+$"}}}}},
    "payload": {"type": "object", "properties": {"img": {"type": "object", "required": ["image"],
        "properties": {"image": {"type": "string"}}}}}}}})";

class SchemaCheckTest : public ::testing::Test {
 protected:
  std::string Envelope(const std::string& body) { return check_.Envelope(body).text; }

  std::string Raw(const std::string& key, DataType type, Pairs params) {
    OnceCall call;
    call.request.payloads.emplace_back();
    call.request.payloads[0].key = key;
    call.request.payloads[0].type = type;
    call.request.params = std::move(params);
    return check_.Raw(call).text;
  }

  const EngineSchema schema_{kDeclared, "svc"};
  const SchemaCheck check_{schema_};
};

TEST_F(SchemaCheckTest, WhatIsDeclaredPasses) {
  EXPECT_EQ(check_.problem(), "");
  EXPECT_EQ(Envelope(R"({"header": {"appid": "x", "more": 1}, "parameter": {"ocr": {"size": 9}},
                         "payload": {"img": {"image": "AA==", "status": 3}}})"),
            "");
  EXPECT_EQ(Raw("img", DataType::kImage, {{"size", "3"}, {"loud", "true"}, {"free", "x"}}), "");
}

TEST_F(SchemaCheckTest, ErrorsNameThePlaceWhatWasExpectedAndWhatCame) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"header": {"appid": 7}, "payload": {"img": {"image": ""}}})",
       "header.appid: expected string of at most 5 characters, got 7"},
      {R"({"header": {"appid": "too long"}, "payload": {"img": {"image": ""}}})",
       "header.appid: expected string of at most 5 characters, got \"too long\""},
      {R"({"header": {}, "payload": {"img": {"image": ""}}})",
       "header.appid: expected string of at most 5 characters, got nothing"},
      {R"({"header": {"appid": "x"}})", "payload: expected object, got nothing"},
      {R"({"header": {"appid": "x"}, "payload": []})", "payload: expected object, got an array"},
      {R"({"header": {"appid": "x"}, "payload": {"img": {"image": ""}, "pic": {}}})",
       "payload.pic: expected one of img, got this name"},
      {R"({"header": {"appid": "x"}, "payload": {"img": {}}})",
       "payload.img.image: expected string, got nothing"},
      {R"({"header": {"appid": "x"}, "payload": {"img": {"image": ""}}, "parameter": {"ocr": {"size": 12, "kind": "c"}}})",
       "parameter.ocr.kind: expected string, one of \"a\", \"b\", got \"c\"; "
       "parameter.ocr.size: expected integer from 1 to 9, got 12"},
      {R"({"header": {"appid": "x"}, "payload": {"img": {"image": ""}}, "parameter": {"ocr": {"size": 1.5}}})",
       "parameter.ocr.size: expected integer from 1 to 9, got 1.5"},
  };
  for (const auto& [body, text] : rows) EXPECT_EQ(Envelope(body), text) << body;
  EXPECT_EQ(check_.Envelope("{}").code, kCodeInvalidValue);
  EXPECT_EQ(check_.Envelope("{}").kind, StatusKind::kInvalid);
}

// The header is for gateways; the quick start's own request has none.
TEST_F(SchemaCheckTest, HeaderMayBeMissing) {
  EXPECT_EQ(Envelope(R"({"payload": {"img": {"image": ""}}})"), "");
}

TEST_F(SchemaCheckTest, TextMayHaveAnyOfItsNames) {
  const SchemaCheck check(EngineSchema(R"({"schemainput": {"type": "object", "properties": {
    "payload": {"type": "object", "properties": {"t": {"type": "object", "required": ["text"],
      "properties": {"text": {"type": "string", "maxLength": 4}}}}}}}})",
                                       "svc"));
  for (const char* name : {"text", "text_plain", "text_base64"}) {
    EXPECT_EQ(check.Envelope(StrCat(R"({"payload":{"t":{")", name, R"(":"aaaa"}}})")).text, "");
    EXPECT_NE(check.Envelope(StrCat(R"({"payload":{"t":{")", name, R"(":"aaaaa"}}})")).text, "");
  }
}

// Found by schemathesis: 4.0 was no integer.
TEST_F(SchemaCheckTest, IntegersAreKnownByTheirValue) {
  EXPECT_EQ(Envelope(R"({"payload": {"img": {"image": ""}}, "parameter": {"ocr": {"size": 4.0}}})"),
            "");
  EXPECT_EQ(Raw("img", DataType::kImage, {{"size", "4.0"}}), "");
  EXPECT_NE(Raw("img", DataType::kImage, {{"size", "4.5"}}), "");
}

// Found by schemathesis: a text was measured up to its first NUL.
TEST_F(SchemaCheckTest, ANulDoesNotMakeATextShort) {
  EXPECT_NE(
      Envelope(R"({"header": {"appid": "a\u0000bcdefgh"}, "payload": {"img": {"image": ""}}})"),
      "");
}

TEST_F(SchemaCheckTest, EachPayloadOfAFormIsLookedAt) {
  OnceCall call;
  call.request.params = {{"size", "3"}};
  for (const char* key : {"img", "pic"}) {
    call.request.payloads.emplace_back().key = key;
    call.request.payloads.back().type = DataType::kImage;
  }
  EXPECT_EQ(check_.Raw(call).text, "key: expected one of img, about, got \"pic\"");
}

TEST_F(SchemaCheckTest, LongValuesAreNotRepeated) {
  const std::string body = R"({"header": {"appid": ")" + std::string(100'000, 'x') +
                           R"("}, "payload": {"img": {"image": ""}}})";
  EXPECT_EQ(Envelope(body),
            "header.appid: expected string of at most 5 characters, got a string of 100000 bytes");
}

TEST_F(SchemaCheckTest, RawCallsNameTheQuery) {
  EXPECT_EQ(Raw("pic", DataType::kImage, {{"size", "3"}}),
            "key: expected one of img, about, got \"pic\"");
  EXPECT_EQ(Raw("img", DataType::kText, {{"size", "3"}}), "type: expected image for img, got text");
  EXPECT_EQ(Raw("img", DataType::kImage, {{"size", "three"}}),
            "p.size: expected integer from 1 to 9, got \"three\"");
  EXPECT_EQ(Raw("img", DataType::kImage, {{"size", "3"}, {"loud", "yes"}}),
            "p.loud: expected boolean, got \"yes\"");
  EXPECT_EQ(Raw("img", DataType::kImage, {}), "p.size: expected integer from 1 to 9, got nothing");
  EXPECT_EQ(Raw("img", DataType::kImage, {{"size", "3"}, {"name", "7"}}),
            "p.name: expected string of at least 2 characters, got \"7\"");
}

// A pattern like that needs exponential time, and one library's stack.
TEST_F(SchemaCheckTest, PatternsCannotStopTheService) {
  EXPECT_EQ(
      Raw("img", DataType::kImage, {{"size", "3"}, {"name", std::string(100'000, 'a') + "!"}}), "");
}

TEST_F(SchemaCheckTest, DeepBodiesDoNoHarm) {
  std::string body = R"({"header": {"appid": "x"}, "payload": )";
  for (int i = 0; i < 1000; ++i) body += R"({"img":)";
  body += "1" + std::string(1000, '}') + "}";
  EXPECT_EQ(Envelope(body), "payload.img.image: expected string, got nothing");
}

TEST(SchemaCheck, OfAnEngineWithoutSchemaAllPasses) {
  const SchemaCheck check(EngineSchema("", "svc"));
  EXPECT_TRUE(check.Envelope("{}").ok());
}

// The library followed these until the stack was used up, or for minutes.
TEST(SchemaCheck, ReferencesAreNotFollowed) {
  for (
      const char* text :
      {R"({"schemainput":{"type":"object","properties":{"payload":{"$ref":"#/properties/payload"}}}})",
       R"({"schemainput":{"type":"object","properties":{"payload":{"$ref":"#/$defs/p"}},"$defs":{
            "p":{"anyOf":[{"$ref":"#/$defs/q"}]},"q":{"anyOf":[{"$ref":"#/$defs/p"}]}}}})"}) {
    const EngineSchema schema(text, "svc");
    const SchemaCheck check(schema);
    EXPECT_NE(check.problem().find("$ref"), std::string::npos) << check.problem();
    EXPECT_TRUE(check.Envelope(R"({"payload":{"a":{"text":"YQ=="}}})").ok());
  }
}

TEST(SchemaCheck, SchemaThatCannotBeUsedIsSaid) {
  const EngineSchema schema(
      R"({"schemainput": {"type": "object", "properties": {"payload": {"$ref": "http://x/y"}}}})",
      "svc");
  const SchemaCheck check(schema);
  EXPECT_NE(check.problem(), "");
  EXPECT_TRUE(check.Envelope("{}").ok());
}

}  // namespace
}  // namespace aiges
