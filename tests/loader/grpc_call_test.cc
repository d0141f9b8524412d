// SPDX-License-Identifier: Apache-2.0
// gRPC calls through a real HTTP/2 connection.
#include "loader/front/grpc_call.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/loader/h2_peer.h"

namespace aiges {
namespace {

using Header = std::pair<std::string, std::string>;

const std::vector<Header> kGrpc = {{"content-type", "application/grpc"}, {"te", "trailers"}};

std::vector<Header> With(std::vector<Header> more) {
  std::vector<Header> all = kGrpc;
  for (Header& h : more) all.push_back(std::move(h));
  return all;
}

std::string Framed(std::string_view data, bool packed = false) {
  return std::string(FrameHead(data.size(), packed).view()).append(data);
}

// Answers a unary call with its message; keeps those of a stream.
class Service final : public Handler {
 public:
  explicit Service(Budget** budget) : budget_(*budget) {}

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    env_.budget = budget_;
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    const bool stream = exchange->head().path() == "/stream";
    return std::make_unique<Call>(std::move(exchange),
                                  stream ? GrpcCall::Kind::kStream : GrpcCall::Kind::kUnary, &env_,
                                  this);
  }

  class Call final : public GrpcCall {
   public:
    Call(std::shared_ptr<Exchange> exchange, Kind kind, const GrpcEnv* env, Service* service)
        : GrpcCall(std::move(exchange), kind, env),
          service_(*service),
          stream_(kind == Kind::kStream) {
      service_.call = this;
    }
    void OnMessage(Bytes message) override {
      service_.messages.emplace_back(message.view());
      service_.deadline = deadline();
      if (service_.pauses) Pause();
      if (stream_) return;
      if (service_.packs) PackAnswers();
      for (int i = 1; i < service_.answers; ++i) Send({message, Bytes::Own("!")});
      Send({std::move(message)});
      Finish({}, {{"t", "1"}});
    }
    void OnMessagesEnd() override {
      service_.ended = true;
      Finish({GrpcCode::kNotFound, "50%"});
    }
    void OnOver(Over how) override {
      service_.over = how;
      service_.call = nullptr;
    }
    void Go() { Resume(); }

   private:
    Service& service_;
    const bool stream_;
  };

  std::vector<std::string> messages;
  bool ended = false, pauses = false, packs = false;
  int answers = 1;  // Messages to a unary request, the last as it came.
  std::optional<Over> over;
  TimePoint deadline{};
  Call* call = nullptr;

 private:
  Budget*& budget_;
  HeapPool pool_;
  GrpcEnv env_{1 << 20, &pool_, nullptr};
};

class GrpcCallTest : public testing::Test {
 protected:
  Got& Ask(std::vector<Header> headers, std::string body, bool open = false) {
    id = pair.client->Ask(std::move(headers), std::move(body), open);
    pair.Until([&] { return pair.client->got[id].ended || pair.client->got[id].reset; });
    return pair.client->got[id];
  }
  Got& Bad(std::vector<Header> headers, std::string body) {
    Got& got = Ask(std::move(headers), std::move(body));
    EXPECT_TRUE(service.messages.empty());
    return got;
  }

  Budget* budget = nullptr;
  Service service{&budget};
  H2Pair pair{&service};
  int32_t id = 0;
  GrpcCallTest() { budget = &pair.budget; }
};

TEST_F(GrpcCallTest, UnaryCall) {
  Got& got = Ask(kGrpc, Framed("hello"));
  EXPECT_EQ(got.body, Framed("hello"));
  EXPECT_EQ(got.fields[":status"], "200");
  EXPECT_EQ(got.fields["content-type"], "application/grpc");
  EXPECT_EQ(got.fields["grpc-status"], "0");
  EXPECT_EQ(got.fields["grpc-accept-encoding"], "identity, deflate, gzip");
  EXPECT_EQ(got.fields["t"], "1");
  EXPECT_EQ(got.blocks, 2);
  EXPECT_EQ(service.deadline, TimePoint::max());
  EXPECT_EQ(service.over, Over::kAnswered);
}

TEST_F(GrpcCallTest, StreamHearsOfEachMessageAndOfTheEnd) {
  Got& got = Ask(With({{":path", "/stream"}}), Framed("a") + Framed("") + Framed("ccc"));
  EXPECT_EQ(service.messages, (std::vector<std::string>{"a", "", "ccc"}));
  EXPECT_TRUE(service.ended);
  EXPECT_EQ(got.fields["grpc-status"], "5");
  EXPECT_EQ(got.fields["grpc-message"], "50%25");
}

TEST_F(GrpcCallTest, PausedStreamStopsItsClientAtTheWindow) {
  service.pauses = true;
  std::string body;
  for (int i = 0; i < 40; ++i) body += Framed(std::string(50'000, 'x'));
  id = pair.client->Ask(With({{":path", "/stream"}}), body);
  pair.Settle();
  const size_t held = service.messages.size();
  EXPECT_GE(held, 4u);
  EXPECT_LE(held, 7u);  // 256 KiB, and what the first bytes gave back.
  service.pauses = false;
  service.call->Go();
  ASSERT_TRUE(pair.Until([&] { return service.ended; }));
  EXPECT_EQ(service.messages.size(), 40u);
}

TEST_F(GrpcCallTest, DeadlineIsFromTheArrivalOfTheHead) {
  const TimePoint before = std::chrono::steady_clock::now();
  Ask(With({{"grpc-timeout", "5S"}}), Framed("x"));
  EXPECT_GE(service.deadline, before + std::chrono::seconds(5) - std::chrono::milliseconds(1));
  EXPECT_LE(service.deadline, std::chrono::steady_clock::now() + std::chrono::seconds(5));
  Ask(With({{"grpc-timeout", "99999999H"}}), Framed("x"));
  EXPECT_GT(service.deadline, before + std::chrono::hours(24 * 3000));
}

TEST_F(GrpcCallTest, StreamEndsWhenItsClientGivesUp) {
  id = pair.client->Ask(With({{":path", "/stream"}, {"grpc-timeout", "20m"}}), Framed("x"), true);
  const TimePoint begin = std::chrono::steady_clock::now();
  while (!pair.client->got[id].ended &&
         std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)) {
    pair.lane.io.restart();
    pair.client->Pump();
    pair.lane.io.run_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(pair.client->got[id].fields["grpc-status"], "4");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(19));
  EXPECT_EQ(service.over, Over::kAnswered);
}

TEST_F(GrpcCallTest, AlarmOfACallThatIsOverDoesNotRing) {
  id = pair.client->Ask(With({{":path", "/stream"}, {"grpc-timeout", "5m"}}), Framed("x"));
  pair.Settle();
  EXPECT_EQ(pair.client->got[id].fields["grpc-status"], "5");
  pair.lane.io.restart();
  pair.lane.io.run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(service.over, Over::kAnswered);
}

TEST_F(GrpcCallTest, CompressedMessagesAreUnpacked) {
  const std::string text(100'000, 'x');
  Got& got =
      Ask(With({{"grpc-encoding", "gzip"}}), Framed(PackGzip(Bytes::Own(text)).view(), true));
  EXPECT_EQ(got.body, Framed(text));
}

TEST_F(GrpcCallTest, OrderHoldsWhileOneIsUnpackedInSteps) {
  const std::string big(900'000, 'x');
  Got& got = Ask(With({{":path", "/stream"}, {"grpc-encoding", "gzip"}}),
                 Framed("first") + Framed(PackGzip(Bytes::Own(big)).view(), true) +
                     Framed("plain") + Framed(PackGzip(Bytes::Own("last")).view(), true));
  EXPECT_EQ(service.messages, (std::vector<std::string>{"first", big, "plain", "last"}));
  EXPECT_EQ(got.fields["grpc-status"], "5");
}

TEST_F(GrpcCallTest, AnswersArePackedForThoseWhoTakeThat) {
  service.packs = true;
  const std::string big(700'000, 'x');
  Got& plain = Ask(kGrpc, Framed(big));
  EXPECT_EQ(plain.body, Framed(big));
  EXPECT_EQ(plain.fields.count("grpc-encoding"), 0u);
  service.answers = 3;
  Got& packed = Ask(With({{"grpc-accept-encoding", "identity,gzip"}}), Framed(big));
  EXPECT_EQ(packed.fields["grpc-encoding"], "gzip");
  EXPECT_EQ(packed.fields["grpc-status"], "0");
  EXPECT_LT(packed.body.size(), 50'000u);
  HeapPool pool;
  Account account("max_input_bytes", 8 << 20);
  GrpcReader reader(1 << 20, &pool, &account);
  std::vector<GrpcMessage> got;
  ASSERT_TRUE(reader.Read(packed.body, &got).ok());
  ASSERT_EQ(got.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(got[i].packed);
    Unpacker unpacker(Coding::kGzip, got[i].data, 1 << 20, &pool, &account);
    while (unpacker.Step() == Packing::kMore) {
    }
    EXPECT_EQ(unpacker.Take().view(), i < 2 ? big + "!" : big);
  }
  EXPECT_EQ(pair.budget.output.used(), 0u);
  Got& small = Ask(With({{"grpc-accept-encoding", "gzip"}}), Framed("small"));
  EXPECT_EQ(small.body, Framed("small!") + Framed("small!") + Framed("small"));
}

TEST_F(GrpcCallTest, WhatIsNoGrpcIsSaidInHttp) {
  EXPECT_EQ(Bad({{"content-type", "application/json"}}, "{}").fields[":status"], "415");
  EXPECT_EQ(Bad({}, "").fields[":status"], "415");
  EXPECT_EQ(Bad(With({{":method", "PUT"}}), Framed("x")).fields[":status"], "405");
}

TEST_F(GrpcCallTest, ProtocolErrorsHaveTheirCodes) {
  EXPECT_EQ(Bad(With({{"grpc-encoding", "snappy"}}), Framed("x", true)).fields["grpc-status"],
            "12");
  EXPECT_EQ(Bad(kGrpc, Framed("x", true)).fields["grpc-status"], "13");
  EXPECT_EQ(Bad(kGrpc, "").fields["grpc-status"], "13");
  EXPECT_EQ(Bad(kGrpc, Framed("x").substr(0, 5)).fields["grpc-status"], "13");
  EXPECT_EQ(Bad(kGrpc, Framed("x") + Framed("y")).fields["grpc-status"], "12");
  EXPECT_EQ(Bad(With({{"x-bin", "no base64!"}}), Framed("x")).fields["grpc-status"], "3");
  EXPECT_EQ(Bad(With({{"grpc-encoding", "gzip"}}), Framed("no gzip", true)).fields["grpc-status"],
            "13");
  const Bytes bomb = PackGzip(Bytes::Own(std::string(20 << 20, '\0')));
  EXPECT_EQ(Bad(With({{"grpc-encoding", "gzip"}}), Framed(bomb.view(), true)).fields["grpc-status"],
            "8");
}

TEST_F(GrpcCallTest, TooLongAMessageIsRefusedBeforeItHasCome) {
  Got& got = Ask(kGrpc, std::string(FrameHead(2 << 20, false).view()), true);
  EXPECT_EQ(got.fields["grpc-status"], "8");
  EXPECT_EQ(got.reset.value_or(NGHTTP2_NO_ERROR), NGHTTP2_NO_ERROR);
}

TEST_F(GrpcCallTest, ClientThatLeavesWhileItsMessageIsUnpacked) {
  const Bytes big = PackGzip(Bytes::Own(std::string(1 << 20, 'x')));
  id = pair.client->Ask(With({{"grpc-encoding", "gzip"}}), Framed(big.view(), true), true);
  pair.client->Pump();
  pair.lane.io.restart();
  pair.lane.io.poll_one();
  nghttp2_submit_rst_stream(pair.client->session, 0, id, NGHTTP2_CANCEL);
  pair.Settle();
  EXPECT_EQ(service.call, nullptr);
  EXPECT_EQ(pair.budget.input.used(), 0u);
}

}  // namespace
}  // namespace aiges
