// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/json_answer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "loader/front/json_string.h"

namespace aiges {
namespace {

using nlohmann::json;

Payload MakePayload(std::string key, DataType type, std::string data, Pairs desc = {}) {
  Payload p;
  p.key = std::move(key);
  p.type = type;
  p.data = Bytes::Own(std::move(data));
  p.desc = std::move(desc);
  return p;
}

std::string Envelope(std::vector<Payload> payloads) {
  return WriteEnvelope("s", ByKey(std::move(payloads)));
}

// The payloads of a document in which no object has a key twice.
json PayloadsOf(const std::string& text) {
  std::vector<std::set<std::string>> seen;
  const auto look = [&seen](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) seen.emplace_back();
    if (event == json::parse_event_t::object_end) seen.pop_back();
    if (event == json::parse_event_t::key) {
      EXPECT_TRUE(seen.back().insert(value.get<std::string>()).second) << value << " twice";
    }
    return true;
  };
  return json::parse(text, look)["payload"];
}

TEST(JsonAnswer, TextIsPlainAndTheRestInBase64) {
  EXPECT_EQ(Envelope({MakePayload("result", DataType::kText, "say \"hi\"\n",
                                  {{"encoding", "utf8"}, {"seq", "0"}}),
                      MakePayload("img", DataType::kImage, "foo")}),
            R"({"header":{"code":0,"status":3,"sid":"s"},"payload":{)"
            R"("result":{"encoding":"utf8","seq":"0","text":"say \"hi\"\n"},)"
            R"("img":{"image":"Zm9v"}}})");
}

TEST(JsonAnswer, TypeBeyondTheKnownOnesIsOther) {
  EXPECT_EQ(PayloadsOf(Envelope({MakePayload("x", static_cast<DataType>(77), "f")})).dump(),
            R"({"x":{"other":"Zg=="}})");
}

// Each byte that is no UTF-8 came as "?", and the good characters beside it, too.
TEST(JsonAnswer, TextThatIsNoUtf8ComesBackWhole) {
  const std::string half = "\xe6\x97\xa5\xe6";
  const json payloads = PayloadsOf(Envelope({MakePayload("r", DataType::kText, half)}));
  EXPECT_EQ(payloads.dump(), R"({"r":{"text_base64":"5pel5g=="}})");
  const std::vector<Payload> batch = {MakePayload("r", DataType::kText, half)};
  EXPECT_NE(WriteStreamEnvelope(StreamForm::kEvents, "s", 1, batch.data(), 1)
                .find(R"("payload":{"r":{"text_base64":"5pel5g=="}})"),
            std::string::npos);
  EXPECT_NE(WriteStreamEnvelope(StreamForm::kSocket, "s", 1, batch.data(), 1)
                .find(R"("payload":{"r":{"text":"5pel5g=="}})"),
            std::string::npos)
      << "there text is always base64";
}

TEST(JsonAnswer, EveryCharacterOfUtf8ComesBackAsItIs) {
  std::string text;
  for (char c = 0; c < 0x7f; ++c) text.push_back(c);
  text += "\x7f\xc2\x80\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";
  const json payloads = PayloadsOf(Envelope({MakePayload("r", DataType::kText, text)}));
  EXPECT_EQ(payloads["r"]["text"], text);
}

TEST(JsonAnswer, TextsOfOneKeyAreJoined) {
  const json payloads = PayloadsOf(
      Envelope({MakePayload("r", DataType::kText, "\xe6\x97", {{"lang", "de"}, {"own", "1"}}),
                MakePayload("s", DataType::kText, "x"),
                MakePayload("r", DataType::kText, "\xa5", {{"lang", "ja"}})}));
  EXPECT_EQ(payloads.dump(),
            "{\"r\":{\"lang\":\"ja\",\"own\":\"1\",\"text\":\"\xe6\x97\xa5\"},"
            "\"s\":{\"text\":\"x\"}}");
}

TEST(JsonAnswer, OtherOutputsOfOneKeyAreAnArray) {
  EXPECT_EQ(PayloadsOf(Envelope({MakePayload("i", DataType::kImage, "1", {{"seq", "0"}}),
                                 MakePayload("i", DataType::kImage, "2"),
                                 MakePayload("m", DataType::kText, "t"),
                                 MakePayload("m", DataType::kOther, "o")}))
                .dump(),
            R"({"i":[{"image":"MQ==","seq":"0"},{"image":"Mg=="}],)"
            R"("m":[{"text":"t"},{"other":"bw=="}]})");
}

TEST(JsonAnswer, AttributesDoNotMeetDataOrEachOther) {
  const Pairs desc = {{"text", "1"},  {"image", "2"},       {"desc.text", "3"}, {"\xff", "a\xff"},
                      {"\\xff", "5"}, {"text_base64", "6"}, {"key", "\xc3\xbc"}};
  const json payloads = PayloadsOf(Envelope({MakePayload("r", DataType::kText, "t", desc)}));
  EXPECT_EQ(payloads["r"], json({{"text", "t"},
                                 {"desc.text", "1"},
                                 {"desc.image", "2"},
                                 {"desc.desc.text", "3"},
                                 {"\\xff", "5"},
                                 {"desc.text_base64", "6"},
                                 {"key", "\xc3\xbc"}}));
  EXPECT_EQ(PayloadsOf(Envelope({MakePayload("r", DataType::kText, "", {{"\xff", "a\xff"}})}))["r"],
            json({{"\\xff", "a\\xff"}, {"text", ""}}));
}

TEST(JsonAnswer, KeysThatLookTheSameInJsonAreOne) {
  EXPECT_EQ(PayloadsOf(Envelope({MakePayload("\xff", DataType::kText, "a"),
                                 MakePayload("\\xff", DataType::kText, "b")}))
                .dump(),
            R"({"\\xff":{"text":"ab"}})");
  EXPECT_EQ(SplitByKey({MakePayload("\xff", DataType::kText, "a"),
                        MakePayload("\\xff", DataType::kText, "b")}),
            (std::vector<size_t>{1, 2}));
}

TEST(JsonAnswer, ErrorHasNoPayload) {
  EXPECT_EQ(WriteErrorEnvelope("s", 10110, "no \"licence\""),
            R"({"header":{"code":10110,"sid":"s","message":"no \"licence\""},"payload":null})");
}

TEST(JsonString, IsEscapedSoThatEveryReaderTakesIt) {
  const std::pair<std::string, const char*> kCases[] = {
      {"plain", R"("plain")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {std::string("\0\x01\t\n\x1f", 5), R"("\u0000\u0001\u0009\n\u001f")"},
      {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
      {"<&>/", R"("<&>/")"},
      {"a\xff\xc3\xbc\xc3", "\"a\\\\xff\xc3\xbc\\\\xc3\""}};
  for (const auto& [text, expected] : kCases) {
    std::string out;
    AppendJsonString(&out, text);
    EXPECT_EQ(out, expected);
  }
}

TEST(JsonString, OnlyBytesOfNoCharacterAreShownByTheirNumber) {
  EXPECT_EQ(VisibleUtf8("\xe6\x97\xa5\xe6\x97"), "\xe6\x97\xa5\\xe6\\x97");
  EXPECT_EQ(VisibleUtf8("\xc0\x80\xed\xa0\x80\xf5"), "\\xc0\\x80\\xed\\xa0\\x80\\xf5");
  EXPECT_EQ(VisibleUtf8("\xf0\x9f\x98\x80\x80"), "\xf0\x9f\x98\x80\\x80");
}

}  // namespace
}  // namespace aiges
