// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/content_type.h"

#include <gtest/gtest.h>

#include <string>

namespace aiges {
namespace {

using std::string_literals::operator""s;

Payload Output(DataType type, std::string data, Pairs desc = {}, std::string key = "out") {
  Payload p;
  p.key = std::move(key);
  p.type = type;
  p.data = Bytes::Own(std::move(data));
  p.desc = std::move(desc);
  return p;
}

constexpr const char* kDeclared = R"({
  "meta": {"serviceId": "s", "s": {"input": {"in": {"dataType": "text"}},
           "accept": {"out": {"dataType": "text"}, "img": {"dataType": "image"}}}},
  "schemainput": {"type": "object"},
  "schemaoutput": {"type": "object", "properties": {"payload": {"type": "object", "properties": {
    "out": {"type": "object", "properties": {"format": {"type": "string", "default": "json"}}},
    "img": {"type": "object", "properties": {"encoding": {"type": "string", "default": "jpg"}}}}}}}
})";

TEST(ContentType, FirstBytesShowTheFormat) {
  const std::pair<std::string, const char*> kRows[] = {
      {"\x89PNG\r\n\x1a\n\0\0"s, "image/png"},
      {"\xff\xd8\xff\xe0\0"s, "image/jpeg"},
      {"GIF89a\1\0\1\0"s, "image/gif"},
      {"RIFF\x24\0\0\0WEBPVP8 "s, "image/webp"},
      {"RIFF\x24\0\0\0WAVEfmt "s, "audio/wav"},
      {"fLaC\0"s, "audio/flac"},
      {"OggS\0"s, "audio/ogg"},
      {"ID3\4\0"s, "audio/mpeg"},
      {"\0\0\0\x18"s + "ftypisom\0"s, "video/mp4"},
      {"%PDF-1.7\n%\xe2\xe3", "application/pdf"},
      {"RIFF\x24\0\0\0AVI "s, "application/octet-stream"},
      {"\x89PNG\r\n", "application/octet-stream"},
      {"\0\1\2"s, "application/octet-stream"}};
  const EngineSchema none("", "svc");
  for (const auto& [data, type] : kRows) {
    EXPECT_EQ(ContentTypeOf(Output(DataType::kOther, data), none), type);
    if (std::string_view(type) == "application/octet-stream") continue;
    EXPECT_EQ(ContentTypeOf(Output(DataType::kText, data), none), type) << "of no type named";
  }
  EXPECT_EQ(ContentTypeOf(Output(DataType::kAudio, "\xff\xfb\x90"), none), "audio/mpeg");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kOther, "\xff\xfb\x90"), none),
            "application/octet-stream");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kImage, "BM\1\2"), none), "image/bmp");
}

TEST(ContentType, TextIsTextOnlyWhenItIsUtf8) {
  const EngineSchema none("", "svc");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "gr\xc3\xbc\xc3\x9f"), none),
            "text/plain; charset=utf-8");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, ""), none), "text/plain; charset=utf-8");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "gr\xfc\xdf"), none), "application/octet-stream");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "GIF89a and ID3 are formats"), none),
            "text/plain; charset=utf-8");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "%PDF-1.4 of ASCII"), none), "application/pdf");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kImage, "no picture"), none),
            "application/octet-stream");
}

TEST(ContentType, TheEnginesOwnWordIsFirst) {
  const std::string png = "\x89PNG\r\n\x1a\n";
  const EngineSchema none("", "svc");
  const std::pair<Pairs, const char*> kRows[] = {
      {{{"mime", "application/x-thing"}}, "application/x-thing"},
      {{{"content_type", "image/apng"}, {"encoding", "jpg"}}, "image/apng"},
      {{{"encoding", "jpg"}}, "image/jpeg"},
      {{{"encoding", "raw"}}, "image/png"},
      {{{"mime", "x\r\nEvil: 1/2"}}, "image/png"},
      {{{"mime", "none"}}, "image/png"}};
  for (const auto& [desc, type] : kRows) {
    EXPECT_EQ(ContentTypeOf(Output(DataType::kImage, png, desc), none), type);
  }
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "{}", {{"format", "json"}}), none),
            "application/json");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "\xff", {{"format", "json"}}), none),
            "application/octet-stream");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "\xc4\xe3", {{"encoding", "gbk"}}), none),
            "text/plain; charset=gbk");
}

// A picture was named by the default of its field, whatever it was; declared JSON was plain text.
TEST(ContentType, WhatIsDeclaredIsNoMoreThanAGuess) {
  const EngineSchema schema(kDeclared, "svc");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kImage, "\x89PNG\r\n\x1a\n", {}, "img"), schema),
            "image/png");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "{\"a\": 1}"), schema), "application/json");
  EXPECT_EQ(ContentTypeOf(Output(DataType::kText, "{\"a\": 1}", {}, "else"), schema),
            "text/plain; charset=utf-8");
}

TEST(ContentType, SaysWhatABodyIsTakenFor) {
  EXPECT_EQ(TypeOfContent("Image/PNG"), DataType::kImage);
  EXPECT_EQ(TypeOfContent("audio/wav; x=y"), DataType::kAudio);
  EXPECT_EQ(TypeOfContent("video/mp4"), DataType::kVideo);
  EXPECT_EQ(TypeOfContent("application/octet-stream"), DataType::kOther);
  EXPECT_EQ(TypeOfContent("application/x-www-form-urlencoded"), DataType::kText);
  EXPECT_EQ(TypeOfContent(""), DataType::kText);
}

TEST(Accepts, TheNarrowestRangeDecides) {
  const std::pair<const char*, bool> kRows[] = {{"", true},
                                                {"*/*", true},
                                                {"multipart/*", true},
                                                {"Multipart/Mixed; q=0.1", true},
                                                {"text/html, multipart/mixed", true},
                                                {"image/png", false},
                                                {"multipart/form-data", false},
                                                {"*/*; q=0", false},
                                                {"*/*, multipart/mixed;q=0.0", false},
                                                {"multipart/mixed, */*;q=0", true},
                                                {"multipart/*;q=0, multipart/mixed", true},
                                                {",,;", false}};
  for (const auto& [text, expected] : kRows) {
    const std::string accept = text;
    EXPECT_EQ(Accepts(&accept, "multipart/mixed"), expected) << text;
  }
  EXPECT_TRUE(Accepts(nullptr, "multipart/mixed"));
}

}  // namespace
}  // namespace aiges
