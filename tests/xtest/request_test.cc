// SPDX-License-Identifier: Apache-2.0
// What xtest sends, read back with protobuf and as JSON text.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loader.pb.h"
#include "xsf.pb.h"
#include "xtest/json_request.h"
#include "xtest/xsf_request.h"

namespace aiges {
namespace {

using Map = std::map<std::string, std::string>;

InputStream Stream(const std::string& name, DataType type, std::vector<std::string> data) {
  InputStream stream;
  stream.name = name;
  stream.type = type;
  stream.describe = {{"encoding", "raw"}};
  for (std::string& d : data) {
    stream.data.push_back(std::make_shared<const std::string>(std::move(d)));
  }
  return stream;
}

Plan MakePlan() {
  Plan plan;
  plan.service_id = "svcName";
  plan.timeout_ms = 750;
  plan.headers = {{"appid", "me"}};
  plan.params = {{"beam", "5"}};
  plan.expect = {{"result", DataType::kAudio, {{"encoding", "utf8"}}}};
  plan.inputs = {Stream("text", DataType::kText, {"one", "two", "three"}),
                 Stream("image", DataType::kImage, {"x", "y"})};
  return plan;
}

Call MakeCall(uint64_t index) {
  Call call;
  call.index = index;
  call.sid = "ase00010002@hu18c0ffee1230001500";
  return call;
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string all;
  for (const grpc::Slice& s : slices) {
    all.append(reinterpret_cast<const char*>(s.begin()), s.size());
  }
  return all;
}

utils::ReqData Parse(const grpc::ByteBuffer& buffer) {
  utils::ReqData request;
  EXPECT_TRUE(request.ParseFromString(Bytes(buffer)));
  return request;
}

protocol::LoaderInput Input(const utils::ReqData& request) {
  protocol::LoaderInput input;
  EXPECT_EQ(request.data_size(), 1);
  EXPECT_TRUE(input.ParseFromString(request.data(0).data()));
  return input;
}

template <class M>
Map AsMap(const M& map) {
  return {map.begin(), map.end()};
}

TEST(XsfRequests, OnceHasWhatTheOldClientSent) {
  const Plan plan = MakePlan();
  XsfRequests requests(plan);
  const utils::ReqData request = Parse(requests.Once(MakeCall(4)));
  EXPECT_EQ(request.op(), "AIIn");
  EXPECT_TRUE(request.has_s());
  EXPECT_EQ(request.s().h(), "");
  EXPECT_EQ(AsMap(request.param()),
            (Map{{"SeqNo", "1"}, {"baseId", "0"}, {"version", "v2"}, {"waitTime", "750"}}));
  const protocol::LoaderInput input = Input(request);
  EXPECT_EQ(input.serviceid(), "svcName");
  EXPECT_EQ(input.state(), protocol::LoaderInput::ONCE);
  EXPECT_EQ(input.sync_id(), 0);
  EXPECT_EQ(AsMap(input.headers()),
            (Map{{"sid", MakeCall(0).sid}, {"status", "3"}, {"appid", "me"}}));
  EXPECT_EQ(AsMap(input.params()), (Map{{"beam", "5"}}));
  ASSERT_EQ(input.expect_size(), 1);
  EXPECT_EQ(input.expect(0).name(), "result");
  EXPECT_EQ(input.expect(0).datatype(), protocol::MetaDesc::AUDIO);
  EXPECT_EQ(AsMap(input.expect(0).attribute()), (Map{{"encoding", "utf8"}}));
  ASSERT_EQ(input.pl_size(), 2);
  EXPECT_EQ(input.pl(0).meta().name(), "text");
  EXPECT_EQ(input.pl(0).meta().datatype(), protocol::MetaDesc::TEXT);
  EXPECT_EQ(AsMap(input.pl(0).meta().attribute()),
            (Map{{"encoding", "raw"}, {"status", "3"}, {"seq", "0"}}));
  EXPECT_EQ(input.pl(0).data(), "two");  // 4 mod 3.
  EXPECT_EQ(input.pl(1).data(), "x");    // 4 mod 2.
  EXPECT_EQ(input.pl(1).meta().datatype(), protocol::MetaDesc::IMAGE);
}

TEST(XsfRequests, HeadersOfTheUserWin) {
  Plan plan = MakePlan();
  plan.headers = {{"sid", "mine"}, {"status", "9"}};
  XsfRequests requests(plan);
  EXPECT_EQ(AsMap(Input(Parse(requests.Once(MakeCall(0)))).headers()),
            (Map{{"sid", "mine"}, {"status", "9"}}));
}

TEST(XsfRequests, LongDataIsReferredTo) {
  Plan plan = MakePlan();
  const std::string data(100'000, 'd'), other(XsfRequests::kCopied, 'e');
  plan.inputs = {Stream("a", DataType::kText, {data}), Stream("b", DataType::kText, {other}),
                 Stream("c", DataType::kText, {data + "!"})};
  XsfRequests requests(plan);
  const grpc::ByteBuffer buffer = requests.Once(MakeCall(0));
  const protocol::LoaderInput input = Input(Parse(buffer));
  ASSERT_EQ(input.pl_size(), 3);
  EXPECT_EQ(input.pl(0).data(), data);
  EXPECT_EQ(input.pl(1).data(), other);
  EXPECT_EQ(input.pl(2).data(), data + "!");
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(buffer.Dump(&slices).ok());
  bool same = false;
  for (const grpc::Slice& s : slices) {
    same = same || reinterpret_cast<const char*>(s.begin()) == plan.inputs[0].data[0]->data();
  }
  EXPECT_TRUE(same);
  // The next short request has nothing of it.
  EXPECT_LT(requests.Out("").Length(), 200);
}

TEST(XsfRequests, SessionBeginsEmptyAndGoesOnWithItsHandle) {
  const Plan plan = MakePlan();
  XsfRequests requests(plan);
  const utils::ReqData create = Parse(requests.Create(MakeCall(0)));
  EXPECT_EQ(create.param().at("SeqNo"), "1");
  const protocol::LoaderInput opened = Input(create);
  EXPECT_EQ(opened.state(), protocol::LoaderInput::STREAM);
  EXPECT_EQ(opened.pl_size(), 0);
  EXPECT_EQ(opened.sync_id(), 0);
  EXPECT_EQ(opened.headers().at("status"), "0");
  EXPECT_EQ(opened.params().at("beam"), "5");
  EXPECT_EQ(opened.expect_size(), 1);

  utils::Session session;
  session.set_h("handle");
  session.set_t("trace");
  Packet packet;
  packet.sync_id = 300;
  packet.parts = {{0, "abc", 1, 17}, {1, "xyz", 2, 18}};
  const utils::ReqData in = Parse(requests.In(MakeCall(0), session.SerializeAsString(), packet));
  EXPECT_EQ(in.op(), "AIIn");
  EXPECT_EQ(in.param().count("SeqNo"), 0);
  EXPECT_EQ(in.s().h(), "handle");
  EXPECT_EQ(in.s().t(), "trace");
  const protocol::LoaderInput input = Input(in);
  EXPECT_EQ(input.sync_id(), 300);
  EXPECT_EQ(input.headers().at("status"), "1");
  ASSERT_EQ(input.pl_size(), 2);
  EXPECT_EQ(AsMap(input.pl(0).meta().attribute()),
            (Map{{"encoding", "raw"}, {"status", "1"}, {"seq", "17"}}));
  EXPECT_EQ(AsMap(input.pl(1).meta().attribute()),
            (Map{{"encoding", "raw"}, {"status", "2"}, {"seq", "18"}}));
  EXPECT_EQ(input.pl(1).data(), "xyz");

  for (const bool stop : {false, true}) {
    const std::string handle = session.SerializeAsString();
    const utils::ReqData request = Parse(stop ? requests.Stop(handle) : requests.Out(handle));
    EXPECT_EQ(request.op(), stop ? "AIExcp" : "AIOut");
    EXPECT_EQ(request.s().h(), "handle");
    EXPECT_EQ(request.param().count("SeqNo"), 0);
    EXPECT_EQ(request.param().at("waitTime"), "750");
    EXPECT_EQ(request.data_size(), 0);
  }
}

TEST(XsfRequests, NativeStreamIsPlainLoaderInput) {
  const Plan plan = MakePlan();
  XsfRequests requests(plan);
  protocol::LoaderInput input;
  ASSERT_TRUE(input.ParseFromString(Bytes(requests.StreamOnce(MakeCall(1)))));
  EXPECT_EQ(input.state(), protocol::LoaderInput::ONCE);
  EXPECT_EQ(input.pl(0).data(), "two");
  ASSERT_TRUE(input.ParseFromString(Bytes(requests.StreamOpen(MakeCall(1)))));
  EXPECT_EQ(input.state(), protocol::LoaderInput::STREAM);
  EXPECT_EQ(input.pl_size(), 0);
  EXPECT_EQ(input.headers().at("sid"), MakeCall(1).sid);
  Packet packet;
  packet.parts = {{0, "abc", 0, 0}};
  ASSERT_TRUE(input.ParseFromString(Bytes(requests.StreamPacket(packet))));
  EXPECT_EQ(input.pl(0).data(), "abc");
  EXPECT_EQ(input.pl(0).meta().attribute().at("status"), "0");
}

std::string Http(JsonRequests* requests, uint64_t index) {
  std::string head, all;
  std::vector<std::string_view> pieces;
  requests->Http(MakeCall(index), "host:80", &head, &pieces);
  for (const std::string_view piece : pieces) all += piece;
  const size_t body = all.find("\r\n\r\n") + 4;
  EXPECT_NE(all.find("\r\nContent-Length: " + std::to_string(all.size() - body) + "\r\n"),
            std::string::npos);
  return all;
}

TEST(JsonRequests, EnvelopeHasHeaderParameterAndPayload) {
  Plan plan = MakePlan();
  plan.protocol = Protocol::kJson;
  JsonRequests requests(plan);
  const std::string all = Http(&requests, 4);
  EXPECT_EQ(all.substr(0, all.find("\r\n")), "POST /v1/private/svcName?timeout_ms=750 HTTP/1.1");
  EXPECT_EQ(all.substr(all.find("\r\n\r\n") + 4),
            R"({"header":{"appid":"me","status":3},"parameter":{"svcName":{"beam":"5",)"
            R"("result":{"encoding":"utf8","data_type":"audio"}}},"payload":{)"
            R"("text":{"encoding":"raw","status":3,"seq":0,"text":"dHdv"},)"
            R"("image":{"encoding":"raw","status":3,"seq":0,"image":"eA=="}}})");
  EXPECT_EQ(Http(&requests, 4), all);  // From what was kept.
}

TEST(JsonRequests, RawBodyIsTheData) {
  Plan plan = MakePlan();
  plan.protocol = Protocol::kRaw;
  plan.inputs.pop_back();
  plan.params = {{"a b", "c&d"}};
  plan.headers = {{"appid", "me"}, {"bad", "two\r\nlines"}};
  JsonRequests requests(plan);
  const std::string all = Http(&requests, 2);
  EXPECT_EQ(all.substr(0, all.find(" HTTP")),
            "POST /v1/raw/svcName?timeout_ms=750&key=text&type=text&desc.encoding=raw"
            "&p.a%20b=c%26d");
  EXPECT_NE(all.find("\r\nappid: me\r\n"), std::string::npos);
  EXPECT_EQ(all.find("bad"), std::string::npos);
  EXPECT_EQ(all.substr(all.find("\r\n\r\n") + 4), "three");
}

TEST(JsonRequests, EventsAreAskedFor) {
  Plan plan = MakePlan();
  plan.protocol = Protocol::kEvents;
  JsonRequests requests(plan);
  EXPECT_NE(Http(&requests, 0).find("\r\nAccept: text/event-stream\r\n"), std::string::npos);
}

TEST(JsonRequests, FramesOfASession) {
  Plan plan = MakePlan();
  plan.protocol = Protocol::kWebSocket;
  plan.inputs.pop_back();
  JsonRequests requests(plan);
  Packet packet;
  packet.sync_id = 1;
  packet.parts = {{0, "a", 0, 0}};
  const std::string first = requests.Frame(packet);
  EXPECT_NE(first.find(R"("header":{"appid":"me","status":0},"parameter":{"svcName")"),
            std::string::npos);
  packet.sync_id = 2;
  packet.parts = {{0, "b", 1, 1}};
  EXPECT_EQ(requests.Frame(packet),
            R"({"header":{"status":1},"payload":{"text":{"encoding":"raw","status":1,"seq":1,)"
            R"("text":"Yg=="}}})");
  packet.sync_id = 3;
  packet.parts = {{0, "", 2, 2}};
  EXPECT_EQ(requests.Frame(packet),
            R"({"header":{"status":2},"payload":{"text":{"encoding":"raw","status":2,"seq":2,)"
            R"("text":""}}})");
}

TEST(Base64, ThereAndBack) {
  std::string text;
  for (int i = 0; i < 70; ++i) {
    std::string coded, back;
    AppendBase64(&coded, text);
    ASSERT_TRUE(DecodeBase64(coded, &back));
    EXPECT_EQ(back, text);
    text.push_back(static_cast<char>(i * 37));
  }
  std::string out;
  EXPECT_FALSE(DecodeBase64("not base64", &out));
}

}  // namespace
}  // namespace aiges
