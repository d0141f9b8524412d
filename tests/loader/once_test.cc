// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/once.h"

#include <gtest/gtest.h>

#include "loader/api/codes.h"

namespace aiges {
namespace {

Payload Out(std::string key, DataType type, Pairs desc = {}) {
  Payload p;
  p.key = std::move(key);
  p.type = type;
  p.status = DataStatus::kBegin;
  p.desc = std::move(desc);
  p.data = Bytes::Own("x");
  return p;
}

TEST(PassHeaders, NamedHeadersAndSidGoIntoTheParameters) {
  ServiceSettings settings;
  settings.header_pass = {"traceId", "absent", "own"};
  OnceCall call;
  call.headers = {{"traceId", "t"}, {"sid", "s"}, {"secret", "x"}, {"own", "header"}};
  call.request.params = {{"own", "client"}};
  PassHeaders(settings, &call);
  EXPECT_EQ(call.request.params,
            (Pairs{{"own", "client"}, {"traceId", "t"}, {"absent", ""}, {"sid", "s"}}));
}

TEST(PassHeaders, SidIsAlwaysThere) {
  OnceCall call;
  PassHeaders({}, &call);
  EXPECT_EQ(call.request.params, (Pairs{{"sid", ""}}));
}

TEST(CheckInput, CallWithoutPayloadIs10009) {
  const Status status = CheckInput({});
  EXPECT_EQ(status.kind, StatusKind::kInvalid);
  EXPECT_EQ(status.code, kCodeInvalidInput);
}

TEST(CheckInput, OnlyDataSentWithTheRequestIsTaken) {
  for (const char* source : {"", "client"}) {
    OnceCall call;
    call.request.payloads.push_back(Out("img", DataType::kImage, {{"dataSrc", source}}));
    EXPECT_TRUE(CheckInput(call).ok());
  }
  OnceCall call;
  call.request.payloads.push_back(Out("ok", DataType::kText));
  call.request.payloads.push_back(Out("img", DataType::kImage, {{"dataSrc", "http"}}));
  const Status status = CheckInput(call);
  EXPECT_EQ(status.code, kCodeInvalidInput);
  EXPECT_NE(status.text.find("payload img: dataSrc \"http\""), std::string::npos);
}

// An engine would have seen the text up to the NUL, as C strings end there.
TEST(CheckInput, TextWithANulIsRefusedDataMayHaveIt) {
  const std::string nul("a\0b", 3);
  OnceCall call;
  call.request.payloads.push_back(Out("img", DataType::kImage));
  call.request.payloads[0].data = Bytes::Own(nul);
  EXPECT_TRUE(CheckInput(call).ok());
  OnceCall parameter = call, name = call, key = call, attribute = call;
  parameter.request.params = {{"p", nul}};
  name.request.params = {{nul, "1"}};
  key.request.payloads[0].key = nul;
  attribute.request.payloads[0].desc = {{"d", nul}};
  for (const OnceCall& each : {parameter, name, key, attribute}) {
    const Status status = CheckInput(each);
    EXPECT_EQ(status.code, kCodeInvalidInput);
    EXPECT_NE(status.text.find("expected text without NUL bytes, got one at 1"), std::string::npos)
        << status.text;
  }
  EXPECT_NE(CheckInput(attribute).text.find("attribute d"), std::string::npos);
}

TEST(CheckSource, NamesAtMostSoManyResources) {
  OnceCall call;
  std::string ids = "1";
  for (int i = 1; i < 1024; ++i) ids += ",1";
  call.request.params = {{"psr_ids", ids}};
  EXPECT_TRUE(CheckSource(call).ok());
  call.request.params = {{"psr_ids", ids + ",1"}};
  const Status status = CheckSource(call);
  EXPECT_EQ(status.code, kCodeInvalidInput);
  EXPECT_NE(status.text.find("psr_ids: expected at most 1024 numbers, got 1025"), std::string::npos)
      << status.text;
}

TEST(KeepLast, OfAKeyTwiceTheLastStays) {
  Pairs few = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  KeepLast(&few);
  EXPECT_EQ(few, (Pairs{{"b", "2"}, {"a", "3"}}));
  Pairs many;
  for (int i = 0; i < 100; ++i) many.emplace_back(std::to_string(i % 50), std::to_string(i));
  KeepLast(&many);
  ASSERT_EQ(many.size(), 50u);
  EXPECT_EQ(many.front(), (std::pair<std::string, std::string>("0", "50")));
}

TEST(ByKey, GroupsStandByTheirFirstAndTextsAreJoined) {
  std::vector<Payload> outputs = {
      Out("t", DataType::kText, {{"a", "1"}, {"b", "1"}}), Out("i", DataType::kImage),
      Out("t", DataType::kText, {{"b", "2"}}), Out("i", DataType::kImage)};
  outputs[2].data = Bytes::Own("y");
  const OutputsByKey groups = ByKey(outputs);
  ASSERT_EQ(groups.size(), 2u);
  ASSERT_EQ(groups[0].size(), 1u);
  EXPECT_EQ(groups[0][0].data.view(), "xy");
  EXPECT_EQ(groups[0][0].desc, (Pairs{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(groups[1].size(), 2u);
}

TEST(CheckOutput, WithoutExpectEverythingPasses) {
  std::vector<Payload> outputs = {Out("a", DataType::kText, {{"e", "1"}}),
                                  Out("b", DataType::kImage)};
  ASSERT_TRUE(CheckOutput({}, &outputs).ok());
  EXPECT_EQ(outputs[0].desc, (Pairs{{"e", "1"}, {"seq", "0"}, {"status", "3"}}));
  EXPECT_EQ(outputs[0].status, DataStatus::kOnce) << "a once reply is whole";
  EXPECT_EQ(outputs[1].desc, (Pairs{{"seq", "0"}, {"status", "3"}}));
}

TEST(CheckOutput, AttributesOfExpectWinOverThoseOfTheEngine) {
  std::vector<Payload> outputs = {
      Out("a", DataType::kText, {{"encoding", "gbk"}, {"seq", "9"}, {"own", "1"}})};
  const std::vector<Expected> expect = {
      {"a", DataType::kText, {{"encoding", "utf8"}, {"status", "7"}}}};
  ASSERT_TRUE(CheckOutput(expect, &outputs).ok());
  EXPECT_EQ(outputs[0].desc,
            (Pairs{{"encoding", "utf8"}, {"seq", "0"}, {"own", "1"}, {"status", "3"}}));
}

// The client's word overlaid the first of the two, and the engine's second one was sent.
TEST(CheckOutput, AttributeThatTheEngineGivesTwiceIsOne) {
  std::vector<Payload> outputs = {
      Out("a", DataType::kText, {{"status", "1"}, {"status", "2"}, {"e", "1"}, {"e", "2"}})};
  ASSERT_TRUE(CheckOutput({{"a", std::nullopt, {{"e", "3"}}}}, &outputs).ok());
  EXPECT_EQ(outputs[0].desc, (Pairs{{"status", "3"}, {"e", "3"}, {"seq", "0"}}));
}

TEST(CheckOutput, NoOutputOrAnUnexpectedKeyOrTypeIs10106) {
  const std::vector<Expected> expect = {{"a", DataType::kText, {}}};
  std::vector<Payload> none;
  EXPECT_EQ(CheckOutput(expect, &none).code, kCodeInvalidOutput);
  EXPECT_EQ(CheckOutput({}, &none).code, kCodeInvalidOutput);
  std::vector<Payload> other_key = {Out("b", DataType::kText)};
  const Status key = CheckOutput(expect, &other_key);
  EXPECT_EQ(key.code, kCodeInvalidOutput);
  EXPECT_NE(key.text.find("\"b\""), std::string::npos);
  std::vector<Payload> other_type = {Out("a", DataType::kImage)};
  const Status type = CheckOutput(expect, &other_type);
  EXPECT_EQ(type.code, kCodeInvalidOutput);
  EXPECT_NE(type.text.find("is image, the request expects text"), std::string::npos);
}

TEST(CheckOutput, ExpectWithoutATypeTakesAny) {
  const std::vector<Expected> expect = {{"a", std::nullopt, {}}};
  std::vector<Payload> outputs = {Out("a", static_cast<DataType>(77))};
  EXPECT_TRUE(CheckOutput(expect, &outputs).ok());
}

TEST(CheckOutput, EngineThatDoesNotReturnEveryExpectedOutputIsNoError) {
  const std::vector<Expected> expect = {{"a", std::nullopt, {}}, {"b", std::nullopt, {}}};
  std::vector<Payload> outputs = {Out("b", DataType::kText)};
  EXPECT_TRUE(CheckOutput(expect, &outputs).ok());
}

TEST(ServerTiming, ListsTheStagesInMilliseconds) {
  StageTimes times;
  times.queue = std::chrono::microseconds(10);
  times.channel = std::chrono::microseconds(50);
  times.engine = std::chrono::microseconds(812'100);
  EXPECT_EQ(ServerTiming(times),
            "queue;dur=0.010, channel;dur=0.050, engine;dur=812.100, total;dur=812.160");
  times.channel = std::chrono::microseconds(-5);
  EXPECT_NE(ServerTiming(times).find("channel;dur=0.000"), std::string::npos);
}

}  // namespace
}  // namespace aiges
