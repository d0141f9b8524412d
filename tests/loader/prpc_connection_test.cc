// SPDX-License-Identifier: Apache-2.0
#include "loader/front/prpc_connection.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/loader/byte_peer.h"

namespace aiges {
namespace {

using PrpcPair = BytePair<PrpcConnection, PrpcLimits>;

TimePoint In(Duration d) { return std::chrono::steady_clock::now() + d; }

std::string Field(int number, std::string_view bytes) {
  return StrCat(std::string(1, static_cast<char>(number << 3 | 2)),
                std::string(1, static_cast<char>(bytes.size())), bytes);
}

std::string Field(int number, int value) {  // Below 128.
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

std::string BigEndian(size_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 0xff);
  return out;
}

std::string Frame(std::string_view meta, std::string_view rest) {
  return StrCat("PRPC", BigEndian(meta.size() + rest.size()), BigEndian(meta.size()), meta, rest);
}

std::string Call(int id, std::string_view message, std::string_view more = "") {
  return Frame(StrCat(Field(1, Field(1, "a.B") + Field(2, "Go")), Field(4, id), more), message);
}

// Answers as gRPC does.
void Answer(Exchange& exchange, const std::string& message, const char* status = "0") {
  exchange.Begin(200, {{"content-type", "application/grpc"}});
  exchange.Send(Bytes::Own(std::string(1, '\0') + BigEndian(message.size())));
  exchange.Send(Bytes::Own(message));
  exchange.End({{"grpc-status", status}, {"grpc-message", "bad%20luck"}});
}

TEST(PrpcConnection, ACallIsOneOfGrpc) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "answer"); };
  PrpcPair pair(&handler);
  EXPECT_TRUE(pair.resting);
  pair.Say(Call(7, "hello"));
  ASSERT_TRUE(pair.Until([&] { return !pair.got.empty(); }));
  const RequestHead& head = handler.all[0]->exchange->head();
  EXPECT_EQ(head.method(), "POST");
  EXPECT_EQ(head.path(), "/a.B/Go");
  EXPECT_EQ(head.fields.Find("content-type"), "application/grpc");
  EXPECT_EQ(handler.all[0]->body, std::string(1, '\0') + BigEndian(5) + "hello");
  EXPECT_TRUE(handler.all[0]->ended);
  EXPECT_EQ(handler.all[0]->over, Over::kAnswered);
  EXPECT_EQ(pair.got, Frame(Field(2, "") + Field(4, 7), "answer"));
  EXPECT_TRUE(pair.resting);
  EXPECT_EQ(pair.budget.input.used(), 0u);
  EXPECT_EQ(pair.budget.output.used(), 0u);
}

TEST(PrpcConnection, BytesMayComeOneByOne) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "answer"); };
  PrpcPair pair(&handler);
  const std::string frames = Call(1, "hello", Field(5, 2)) + Call(2, "");
  for (const char c : frames) {
    pair.Say({&c, 1});
    pair.Turn();
  }
  pair.Settle();
  EXPECT_EQ(pair.got, Frame(Field(2, "") + Field(4, 1), "answer") +
                          Frame(Field(2, "") + Field(4, 2), "answer"));
  ASSERT_EQ(handler.all.size(), 2u);
  EXPECT_EQ(handler.all[0]->body.substr(5), "hel");  // The rest is an attachment.
  EXPECT_EQ(handler.all[1]->body.substr(5), "");
}

TEST(PrpcConnection, CallsRunTogetherAndAreAnsweredAsTheyEnd) {
  Recorder handler;
  PrpcPair pair(&handler);
  pair.Say(Call(1, "a") + Call(2, "b"));
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 2; }));
  Answer(*handler.all[1]->exchange, "second");
  pair.Settle();
  EXPECT_EQ(pair.Take(), Frame(Field(2, "") + Field(4, 2), "second"));
  Answer(*handler.all[0]->exchange, "first");
  pair.Settle();
  EXPECT_EQ(pair.Take(), Frame(Field(2, "") + Field(4, 1), "first"));
}

TEST(PrpcConnection, ErrorsHaveANumberOfBrpcAndTheirText) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "", "3"); };
  PrpcPair pair(&handler);
  pair.Say(Call(1, "x"));
  pair.Settle();
  const std::string error = StrCat(std::string("\x08\xeb\x07", 3), Field(2, "bad luck"));  // 1003
  EXPECT_EQ(pair.Take(), Frame(Field(2, error) + Field(4, 1), ""));
  handler.on_end = [](Exchange& e) { e.Reset(ResetReason::kInternal); };
  pair.Say(Call(2, "x"));
  pair.Settle();
  EXPECT_NE(pair.Take().find("the call was ended before it was answered"), std::string::npos);
  EXPECT_EQ(handler.all[1]->over, Over::kReset);
  handler.on_end = [](Exchange& e) {
    e.Begin(404, {});
    e.End();
  };
  pair.Say(Call(3, "x"));
  pair.Settle();
  EXPECT_NE(pair.Take().find("expected an answer of gRPC, got HTTP 404"), std::string::npos);
}

TEST(PrpcConnection, WhatTheMetaSaysIsSaidByFields) {
  Recorder handler;
  PrpcPair pair(&handler);
  const std::string request = Field(1, "a.B") + Field(2, "Go") + Field(8, 100);
  pair.Say(Frame(Field(1, request) + Field(3, 2) + Field(7, "Bearer k") + Field(4, 1), "x"));
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty() && handler.all[0]->ended; }));
  const Fields& fields = handler.all[0]->exchange->head().fields;
  EXPECT_EQ(fields.Find("grpc-timeout"), "100m");
  EXPECT_EQ(fields.Find("grpc-encoding"), "gzip");
  EXPECT_EQ(fields.Find("authorization"), "Bearer k");
  EXPECT_EQ(handler.all[0]->body[0], '\1');
}

TEST(PrpcConnection, WhatCannotBeServedIsRefusedAndTheNextIsServed) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "answer"); };
  PrpcPair pair(&handler);
  const std::string odd = Field(1, Field(1, "a/../B") + Field(2, "Go")) + Field(4, 1);
  pair.Say(Frame(odd, "x") + Call(2, "y", Field(3, 1)) + Call(3, "z"));
  pair.Settle();
  EXPECT_NE(pair.got.find("expected the names of a service and a method"), std::string::npos);
  EXPECT_NE(pair.got.find("expected 0 (none), 2 (gzip) or 3 (zlib), got 1"), std::string::npos);
  EXPECT_TRUE(pair.got.ends_with("answer"));
  EXPECT_EQ(handler.all.size(), 1u);
}

TEST(PrpcConnection, WhatIsNoFrameEndsTheConnection) {
  const std::string broken[] = {
      "PRPX" + BigEndian(0) + BigEndian(0),
      "PRPC" + BigEndian(1) + BigEndian(2),
      "PRPC" + BigEndian(1 << 20) + BigEndian(1 << 20),
      Frame("\xff\xff", ""),
      Frame(Field(4, 1), ""),             // No request.
      Frame(Field(1, "\x0a\x7f"), ""),    // Longer than what is there.
      Call(1, "x", Field(5, 2)),          // An attachment longer than the frame.
      Frame(std::string("\x0b", 1), ""),  // A group.
  };
  for (const std::string& bytes : broken) {
    Recorder handler;
    PrpcPair pair(&handler);
    pair.Say(bytes);
    EXPECT_TRUE(pair.Until([&] { return pair.ended; })) << bytes;
    EXPECT_TRUE(handler.all.empty());
  }
}

TEST(PrpcConnection, AMessageThatIsNotTakenIsNotRead) {
  Recorder handler;
  handler.take = false;
  PrpcLimits limits;
  limits.window = 1000;
  PrpcPair pair(&handler, limits);
  pair.Say(Call(1, std::string(100'000, 'x')) + Call(2, ""));
  pair.Settle();
  ASSERT_EQ(handler.all.size(), 1u);
  EXPECT_LE(handler.all[0]->body.size(), 1005u);
  EXPECT_FALSE(handler.all[0]->ended);
  ASSERT_TRUE(pair.Until([&] {
    handler.all[0]->exchange->Took(1000);
    return handler.all[0]->ended;
  }));
  EXPECT_EQ(handler.all[0]->body.size(), 100'005u);
  pair.Settle();
  EXPECT_EQ(handler.all.size(), 2u);
}

TEST(PrpcConnection, ManyCallsWaitForThoseInHand) {
  Recorder handler;
  PrpcPair pair(&handler);
  std::string calls;
  for (int i = 0; i < 300; ++i) calls += Call(1, "x");
  pair.Say(calls);
  pair.Settle();
  EXPECT_EQ(handler.all.size(), PrpcConnection::kMostCalls);
  size_t answered = 0;
  ASSERT_TRUE(pair.Until([&] {
    while (answered < handler.all.size()) Answer(*handler.all[answered++]->exchange, "y");
    return answered == 300;
  }));
  pair.Settle();
  EXPECT_EQ(pair.got.size(), 300 * Frame(Field(2, "") + Field(4, 1), "y").size());
  EXPECT_EQ(pair.budget.input.used(), 0u);
}

TEST(PrpcConnection, AClientThatLeavesEndsItsCalls) {
  Recorder handler;
  PrpcPair pair(&handler);
  pair.Say(Call(1, "x"));
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  pair.Hang();
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->over.has_value(); }));
  EXPECT_EQ(handler.all[0]->over, Over::kGone);
  EXPECT_EQ(pair.server, nullptr);
  Answer(*handler.all[0]->exchange, "too late");
}

TEST(PrpcConnection, LeaveAnswersWhatIsInHand) {
  Recorder handler;
  PrpcPair pair(&handler);
  pair.Say(Call(1, "x"));
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  pair.server->Leave();
  pair.Settle();
  EXPECT_FALSE(pair.ended);
  Answer(*handler.all[0]->exchange, "y");
  EXPECT_TRUE(pair.Until([&] { return pair.ended; }));
  EXPECT_FALSE(pair.got.empty());
}

TEST(PrpcConnection, SlowAndSilentClientsAreLeft) {
  Recorder handler;
  PrpcPair silent(&handler);
  silent.server->CheckTime(In(std::chrono::seconds(80)));
  EXPECT_EQ(silent.server, nullptr);
  PrpcPair slow(&handler);
  slow.Say("PRPC");
  slow.Settle();
  slow.server->CheckTime(In(std::chrono::seconds(20)));
  ASSERT_NE(slow.server, nullptr);
  slow.server->CheckTime(In(std::chrono::seconds(40)));
  EXPECT_EQ(slow.server, nullptr);
}

TEST(PrpcConnection, AnyBytesEndInAnAnswerOrAnEnd) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = Call(1, "hello", Field(5, 2)) + Call(2, "x");
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    Recorder handler;
    handler.on_end = [](Exchange& e) { Answer(e, "answer"); };
    PrpcPair pair(&handler);
    pair.Say(bytes);
    for (int i = 0; i < 4; ++i) pair.Turn();
  }
}

}  // namespace
}  // namespace aiges
