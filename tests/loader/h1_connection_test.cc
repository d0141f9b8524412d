// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h1_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/loader/h1_peer.h"

namespace aiges {
namespace {

constexpr std::string_view kGet = "GET /p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n";

TimePoint In(Duration d) { return std::chrono::steady_clock::now() + d; }

std::string Post(std::string_view body, std::string_view headers = "") {
  return StrCat("POST /p HTTP/1.1\r\nHost: h\r\n", headers, "Content-Length: ", body.size(),
                "\r\n\r\n", body);
}

void Answer(Exchange& exchange, std::string body = "answer", const Fields& trailers = {}) {
  exchange.Begin(200, {{"x-a", "1"}});
  if (!body.empty()) exchange.Send(Bytes::Own(std::move(body)));
  exchange.End(trailers);
}

TEST(H1Connection, HeadIsAsHttp2HasIt) {
  Recorder handler;
  H1Pair pair(&handler);
  EXPECT_TRUE(pair.resting);
  pair.Say(
      "PUT http://other/p?q=1 HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nconnection: x, keep-alive\r\n"
      "X-Two: b\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  const RequestHead& head = handler.all[0]->exchange->head();
  std::string all;
  for (const Fields::Field f : head.fields) StrAppend(&all, f.name, "=", f.value, ";");
  EXPECT_EQ(all,
            ":method=PUT;:scheme=http;:authority=other;:path=/p?q=1;x-two=a;x-two=b;te=trailers;");
  EXPECT_EQ(head.version, 1);
  EXPECT_FALSE(head.length.has_value());
  EXPECT_FALSE(head.websocket);
  EXPECT_FALSE(pair.resting);
  EXPECT_FALSE(handler.all[0]->ended);
}

TEST(H1Connection, WholeAnswerHasALengthAndLeavesInOneWrite) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e); };
  H1Pair pair(&handler);
  pair.Say(Post("hello"));
  ASSERT_TRUE(pair.Until([&] { return !pair.got.empty(); }));
  EXPECT_EQ(pair.got, "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 6\r\n\r\nanswer");
  EXPECT_EQ(handler.all[0]->body, "hello");
  EXPECT_EQ(handler.all[0]->exchange->head().length, 5u);
  EXPECT_EQ(handler.all[0]->over, Over::kAnswered);
  EXPECT_EQ(pair.writes, 1);
  EXPECT_TRUE(pair.resting);
  EXPECT_EQ(pair.budget.input.used(), 0u);
  EXPECT_EQ(pair.budget.output.used(), 0u);
}

TEST(H1Connection, AnswerInPartsComesInChunks) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  Exchange& exchange = *handler.all[0]->exchange;
  exchange.Begin(200, {});
  exchange.Send(Bytes::Own("first "));
  pair.Settle();
  EXPECT_EQ(pair.Take(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n");
  exchange.Send(Bytes::Own("sec"));
  exchange.Send(Bytes::Own("ond 16 bytes."));
  pair.Settle();
  EXPECT_EQ(pair.Take(), "10\r\nsecond 16 bytes.\r\n");
  exchange.End({{"t", "1"}});
  pair.Settle();
  EXPECT_EQ(pair.Take(), "0\r\n\r\n");
  EXPECT_EQ(handler.all[0]->over, Over::kAnswered);
}

TEST(H1Connection, TrailersReachWhoTakesThem) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "x", {{"t", "1"}}); };
  H1Pair pair(&handler);
  pair.Say("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
  pair.Settle();
  EXPECT_TRUE(pair.Take().ends_with("1\r\nx\r\n0\r\nT: 1\r\n\r\n"));
  pair.Say(kGet);
  pair.Settle();
  EXPECT_TRUE(pair.Take().ends_with("Content-Length: 1\r\n\r\nx"));
}

TEST(H1Connection, TrailersOfARequestAreTold) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty() && handler.all[0]->ended; }));
  EXPECT_EQ(handler.all[0]->body, "abc");
  EXPECT_EQ(handler.all[0]->trailers, "x-t: 1\n");
}

TEST(H1Connection, Http10EndsWithItsConnection) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  Answer(*handler.all[0]->exchange);
  pair.Settle();
  EXPECT_NE(pair.Take().find("Connection: keep-alive\r\n"), std::string::npos);
  pair.Say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 2; }));
  Exchange& exchange = *handler.all[1]->exchange;
  exchange.Begin(200, {});
  exchange.Send(Bytes::Own("to the "));
  pair.Settle();
  exchange.Send(Bytes::Own("end"));
  exchange.End();
  pair.Settle();
  EXPECT_EQ(pair.got, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end");
  EXPECT_TRUE(pair.ended);
}

TEST(H1Connection, RequestsThatComeAheadAreAnsweredInOrder) {
  Recorder handler;
  handler.on_end = [&](Exchange& e) { Answer(e, handler.all.back()->body); };
  H1Pair pair(&handler);
  std::string all, expected;
  for (int i = 0; i < 500; ++i) all += Post(std::to_string(i));
  pair.Say(all);
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 500; }));
  pair.Settle();
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(handler.all[static_cast<size_t>(i)]->body, std::to_string(i));
  }
  EXPECT_EQ(handler.all[499]->over, Over::kAnswered);
  EXPECT_LT(pair.writes, 50);
}

TEST(H1Connection, WhatComesAheadHasABound) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  pair.Say(std::string(1'000'000, 'x'));
  pair.Settle();
  EXPECT_LE(pair.budget.input.used(), 65u * 1024);
  EXPECT_EQ(handler.all.size(), 1u);
  EXPECT_EQ(handler.all[0]->over, std::nullopt);
}

TEST(H1Connection, ClientThatLeavesIsTold) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  pair.Hang();
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->over.has_value(); }));
  EXPECT_EQ(handler.all[0]->over, Over::kGone);
  EXPECT_EQ(pair.server, nullptr);
}

TEST(H1Connection, BodyIsReadAsItIsTaken) {
  Recorder handler;
  handler.take = false;
  H1Limits limits;
  limits.window = 100'000;
  H1Pair pair(&handler, limits);
  pair.Say(Post(std::string(1'000'000, 'x')));
  pair.Settle();
  Seen& seen = *handler.all[0];
  EXPECT_LE(seen.body.size(), 100'000u);
  while (!seen.ended) {
    const size_t before = seen.body.size();
    seen.exchange->Took(50'000);
    ASSERT_TRUE(pair.Until([&] { return seen.body.size() > before || seen.ended; }));
  }
  EXPECT_EQ(seen.body.size(), 1'000'000u);
}

TEST(H1Connection, SlowReaderMakesTheAnswerWait) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.reads = false;
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  Seen& seen = *handler.all[0];
  seen.exchange->Begin(200, {});
  while (seen.exchange->Send(Bytes::Own(std::string(10'000, 'x')))) pair.Settle();
  EXPECT_GE(seen.exchange->pending(), 64u * 1024);
  EXPECT_EQ(pair.budget.output.used(), seen.exchange->pending());
  EXPECT_EQ(seen.rooms, 0);
  pair.reads = true;
  ASSERT_TRUE(pair.Until([&] { return seen.rooms == 1; }));
  pair.reads = false;
  while (seen.exchange->Send(Bytes::Own(std::string(10'000, 'x')))) pair.Settle();
  ASSERT_NE(pair.server, nullptr);
  pair.server->CheckTime(In(std::chrono::seconds(200)));
  pair.Settle();
  EXPECT_EQ(seen.over, Over::kGone);
}

TEST(H1Connection, ContinueIsSaidOnlyWhereTheBodyIsWanted) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  pair.Settle();
  EXPECT_EQ(pair.Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  pair.Say("hi");
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->ended; }));
  handler.on_begin = [](Exchange& e) { Answer(e); };
  Answer(*handler.all[0]->exchange);
  pair.Settle();
  pair.Take();
  pair.Say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  pair.Settle();
  EXPECT_TRUE(pair.got.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(pair.got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(pair.ended);
}

TEST(H1Connection, HeadHasTheLengthAndNoBody) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e); };
  H1Pair pair(&handler);
  pair.Say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  pair.Settle();
  EXPECT_EQ(pair.got, "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 6\r\n\r\n");
}

TEST(H1Connection, LengthOfTheProtocolIsKept) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  Exchange& exchange = *handler.all[0]->exchange;
  exchange.Begin(200, {{"content-length", "4"}});
  exchange.Send(Bytes::Own("ab"));
  pair.Settle();
  EXPECT_EQ(pair.got, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  exchange.Send(Bytes::Own("cde"));  // One too many: the client must not take it for an answer.
  pair.Settle();
  EXPECT_EQ(handler.all[0]->over, Over::kReset);
  EXPECT_EQ(pair.server, nullptr);
}

TEST(H1Connection, NoValueLeavesItsLine) {
  Recorder handler;
  handler.on_end = [](Exchange& e) {
    e.Begin(200, {{"x", "a\r\nSet-Cookie: b"}});
    e.End();
  };
  H1Pair pair(&handler);
  pair.Say(kGet);
  pair.Settle();
  EXPECT_NE(pair.got.find("X: a  Set-Cookie: b\r\n"), std::string::npos);
}

TEST(H1Connection, ResetEndsTheConnection) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  handler.all[0]->exchange->Reset(ResetReason::kInternal);
  EXPECT_TRUE(handler.all[0]->exchange->over());
  EXPECT_EQ(handler.all[0]->over, std::nullopt);
  pair.Settle();
  EXPECT_EQ(handler.all[0]->over, Over::kReset);
  EXPECT_EQ(pair.server, nullptr);
}

TEST(H1Connection, BrokenBodyEndsItsExchange) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n");
  pair.Settle();
  EXPECT_EQ(handler.all[0]->over, Over::kGone);
  EXPECT_FALSE(handler.all[0]->ended);
  EXPECT_TRUE(pair.got.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(pair.ended);
}

TEST(H1Connection, HeadsAndLinesHaveABound) {
  for (const std::string& begin :
       {std::string("GET / HTTP/1.1\r\nHost: h\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;")}) {
    Recorder handler;
    H1Pair pair(&handler);
    pair.Say(begin);
    for (int i = 0; i < 5000 && pair.got.empty(); ++i) {
      pair.Say(begin.ends_with(';') ? "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" : "X-Field: value\r\n");
      pair.Turn();
    }
    EXPECT_TRUE(pair.got.starts_with("HTTP/1.1 4")) << begin;
    EXPECT_LT(pair.budget.input.used(), 100'000u);
  }
}

TEST(H1Connection, WhoLeavesAnswersTheLastOne) {
  Recorder handler;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  pair.server->Leave();
  EXPECT_FALSE(pair.server->idle());
  Answer(*handler.all[0]->exchange);
  pair.Settle();
  EXPECT_NE(pair.got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(pair.ended);
  EXPECT_TRUE(pair.server->idle());
}

TEST(H1Connection, TimePassesForWhoSaysNothingOrHalf) {
  Recorder handler;
  {
    H1Pair pair(&handler);
    pair.server->CheckTime(In(std::chrono::seconds(80)));
    EXPECT_EQ(pair.server, nullptr);
    pair.Settle();
    EXPECT_EQ(pair.got, "");
  }
  H1Pair pair(&handler);
  pair.Say("GET / HT");
  pair.Settle();
  pair.server->CheckTime(In(std::chrono::seconds(31)));
  pair.Settle();
  EXPECT_TRUE(pair.got.starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(pair.ended);
  pair.server->CheckTime(In(std::chrono::seconds(3)));
  EXPECT_EQ(pair.server, nullptr);
}

constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST(H1Connection, ConnectionMayBeTakenOver) {
  Recorder handler;
  std::string begun;
  H1Pair pair(&handler);
  pair.Say(kUpgrade);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  EXPECT_TRUE(handler.all[0]->exchange->head().websocket);
  pair.Say("early");
  pair.Settle();
  const std::unique_ptr<ByteStream> stream = handler.all[0]->exchange->TakeOver(&begun);
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(begun, "early");
  EXPECT_EQ(pair.server, nullptr);
  EXPECT_EQ(handler.all[0]->over, std::nullopt);
  pair.Settle();
  EXPECT_EQ(handler.all[0]->over, Over::kTaken);
  EXPECT_EQ(handler.all[0]->exchange->TakeOver(&begun), nullptr);
  const iovec piece{const_cast<char*>("mine"), 4};
  EXPECT_EQ(stream->Write(&piece, 1).n, 4u);
  pair.Settle();
  EXPECT_EQ(pair.got, "mine");
}

TEST(H1Connection, MalformedUpgradesAreRefused) {
  for (const auto& [from, to, status] :
       {std::tuple{"Version: 13", "Version: 8", "426 "}, std::tuple{"Version: 13", "X: 13", "426 "},
        std::tuple{"dGhlIHNhbXBsZSBub25jZQ==", "short", "400 "}}) {
    Recorder handler;
    H1Pair pair(&handler);
    std::string request(kUpgrade);
    request.replace(request.find(from), std::string_view(from).size(), to);
    pair.Say(request);
    pair.Settle();
    EXPECT_TRUE(pair.got.starts_with(StrCat("HTTP/1.1 ", status))) << pair.got;
    EXPECT_EQ(pair.got.find("Sec-Websocket-Version: 13\r\n") != std::string::npos,
              std::string_view(status) == "426 ");
    EXPECT_TRUE(handler.all.empty());
  }
}

TEST(H1Connection, OtherRequestsKeepTheirConnection) {
  Recorder handler;
  std::string begun;
  H1Pair pair(&handler);
  pair.Say(kGet);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty(); }));
  EXPECT_EQ(handler.all[0]->exchange->TakeOver(&begun), nullptr);
  Answer(*handler.all[0]->exchange);
  pair.Say(kUpgrade);
  pair.Say("behind");
  pair.Settle();
  EXPECT_NE(pair.got.find("HTTP/1.1 400 "), std::string::npos);
}

}  // namespace
}  // namespace aiges
