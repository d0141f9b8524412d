// SPDX-License-Identifier: Apache-2.0
// What xtest reads out of answers.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "loader.pb.h"
#include "xsf.pb.h"
#include "xtest/events.h"
#include "xtest/json_answer.h"
#include "xtest/timing.h"
#include "xtest/xsf_answer.h"

namespace aiges {
namespace {

grpc::ByteBuffer Buffer(const std::string& bytes, size_t pieces = 1) {
  std::vector<grpc::Slice> slices;
  const size_t step = bytes.size() / pieces + 1;
  for (size_t at = 0; at < bytes.size(); at += step) slices.emplace_back(bytes.substr(at, step));
  return {slices.data(), slices.size()};
}

protocol::LoaderOutput Output() {
  protocol::LoaderOutput output;
  output.set_status(protocol::LoaderOutput::END);
  for (const char* data : {"one", "two"}) {
    auto* payload = output.add_pl();
    payload->mutable_meta()->set_name("out");
    payload->mutable_meta()->set_datatype(protocol::MetaDesc::IMAGE);
    (*payload->mutable_meta()->mutable_attribute())["seq"] = "1";
    payload->set_data(data);
  }
  return output;
}

utils::ResData Answer(const protocol::LoaderOutput& output) {
  utils::ResData answer;
  answer.mutable_s()->set_h("handle-of-26-characters-xx");
  (*answer.mutable_s()->mutable_sess())["PeerAddr"] = "host:1";
  answer.add_data()->set_data(output.SerializeAsString());
  answer.add_data()->set_data("not looked at");
  return answer;
}

TEST(ReadResData, SaysStatusAndItems) {
  for (const size_t pieces : {1, 7}) {
    XsfAnswer answer;
    std::vector<ResultItem> results;
    ASSERT_TRUE(ReadResData(Buffer(Answer(Output()).SerializeAsString(), pieces),
                            XsfWants::kSession, &answer, &results));
    EXPECT_EQ(answer.code, 0);
    EXPECT_TRUE(answer.over());
    EXPECT_EQ(answer.items, 2);
    EXPECT_EQ(answer.handle, "handle-of-26-characters-xx");
    utils::Session session;
    ASSERT_TRUE(session.ParseFromString(answer.session));
    EXPECT_EQ(session.sess().at("PeerAddr"), "host:1");
    ASSERT_EQ(results.size(), 2);
    EXPECT_EQ(results[1].name, "out");
    EXPECT_EQ(results[1].type, DataType::kImage);
    EXPECT_EQ(results[1].data, "two");
  }
}

TEST(ReadResData, ErrorIsThatOfTheOutput) {
  protocol::LoaderOutput output;
  output.set_code(10110);
  output.set_err("service license not enough");
  utils::ResData whole = Answer(output);
  whole.set_code(10110);
  whole.set_error_info("outer text");
  XsfAnswer answer;
  ASSERT_TRUE(ReadResData(Buffer(whole.SerializeAsString()), XsfWants::kOutcome, &answer, nullptr));
  EXPECT_EQ(answer.code, 10110);
  EXPECT_EQ(answer.text, "service license not enough");
  utils::ResData only;
  only.set_code(7);
  only.set_error_info("outer text");
  XsfAnswer outer;
  ASSERT_TRUE(ReadResData(Buffer(only.SerializeAsString()), XsfWants::kOutcome, &outer, nullptr));
  EXPECT_EQ(outer.code, 7);
  EXPECT_EQ(outer.text, "outer text");
}

TEST(ReadResData, NegativeCodesStayNegative) {
  protocol::LoaderOutput output;
  output.set_code(-5);
  XsfAnswer answer;
  const std::string bytes = Answer(output).SerializeAsString();
  ASSERT_TRUE(ReadResData(Buffer(bytes), XsfWants::kOutcome, &answer, nullptr));
  EXPECT_EQ(answer.code, -5);
}

TEST(ReadResData, OtherBytesAreNoAnswer) {
  XsfAnswer answer;
  for (const std::string& bytes : {std::string("\x22\x7F", 2), std::string("\x07\x07", 2),
                                   Answer(Output()).SerializeAsString().substr(0, 40)}) {
    EXPECT_FALSE(ReadResData(Buffer(bytes), XsfWants::kSession, &answer, nullptr));
  }
}

TEST(ReadLoaderOutput, IsThePlainMessage) {
  XsfAnswer answer;
  ASSERT_TRUE(ReadLoaderOutput(Buffer(Output().SerializeAsString()), &answer, nullptr));
  EXPECT_EQ(answer.items, 2);
  EXPECT_EQ(answer.status, 2);
}

TEST(ReadEnvelope, TextAsTextAndTheRestInBase64) {
  JsonAnswer answer;
  std::vector<ResultItem> results;
  ASSERT_TRUE(ReadEnvelope(
      R"({"header":{"code":0,"status":3,"sid":"s"},"payload":{"t":{"seq":"0","text":"plain"},)"
      R"("i":{"image":"eHl6"}}})",
      false, &answer, &results));
  EXPECT_EQ(answer.sid, "s");
  EXPECT_EQ(answer.items, 2);
  EXPECT_TRUE(answer.over());
  ASSERT_EQ(results.size(), 2);
  EXPECT_EQ(results[0].data, "plain");
  EXPECT_EQ(results[1].data, "xyz");
  EXPECT_EQ(results[1].type, DataType::kImage);
}

TEST(ReadEnvelope, SocketTextIsBase64OrJson) {
  JsonAnswer answer;
  std::vector<ResultItem> results;
  ASSERT_TRUE(ReadEnvelope(
      R"({"header":{"code":0,"status":1},"payload":{"a":{"text":"eHl6"},"b":{"text":{"k":1}}}})",
      true, &answer, &results));
  EXPECT_FALSE(answer.over());
  EXPECT_EQ(results[0].data, "xyz");
  EXPECT_EQ(results[1].data, R"({"k":1})");
}

TEST(ReadEnvelope, ErrorsHaveCodeAndText) {
  JsonAnswer answer;
  ASSERT_TRUE(
      ReadEnvelope(R"({"header":{"code":10110,"sid":"s","message":"no licence"},"payload":null})",
                   false, &answer, nullptr));
  EXPECT_EQ(answer.code, 10110);
  EXPECT_EQ(answer.text, "no licence");
  EXPECT_TRUE(answer.over());
  for (const char* other : {"", "<html>", "{}", R"({"header":{}})", "[1]"}) {
    EXPECT_FALSE(ReadEnvelope(other, false, &answer, nullptr)) << other;
  }
}

TEST(EventReader, TakesEventsAsTheyBecomeWhole) {
  EventReader reader;
  std::string name, data;
  reader.Add(": keep-alive\n\nid: 1\nda");
  EXPECT_FALSE(reader.Next(&name, &data));
  reader.Add("ta: {\"a\":1}\n");
  EXPECT_FALSE(reader.Next(&name, &data));
  reader.Add("\nevent: error\r\ndata: x\r\ndata:y\r\n\r\nid: 3\n");
  ASSERT_TRUE(reader.Next(&name, &data));
  EXPECT_EQ(data, "{\"a\":1}");
  EXPECT_EQ(name, "");
  ASSERT_TRUE(reader.Next(&name, &data));
  EXPECT_EQ(name, "error");
  EXPECT_EQ(data, "x\ny");
  EXPECT_FALSE(reader.Next(&name, &data));
}

TEST(ServerTiming, ReadsTheStages) {
  const StageSample sample = ParseServerTiming(
      "queue;dur=0.125, cache;desc=x, channel;dur=1, engine;dur=20.5,total;dur=21.625");
  EXPECT_TRUE(sample.known);
  EXPECT_EQ(sample.queue, 0.125);
  EXPECT_EQ(sample.channel, 1);
  EXPECT_EQ(sample.engine, 20.5);
  EXPECT_EQ(sample.total, 21.625);
  EXPECT_FALSE(ParseServerTiming("").known);
  EXPECT_FALSE(ParseServerTiming("queue;dur=fast, ;").known);
}

}  // namespace
}  // namespace aiges
