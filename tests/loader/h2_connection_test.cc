// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h2_connection.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/loader/h2_peer.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TimePoint In(Duration d) { return std::chrono::steady_clock::now() + d; }

// Answers with the body it got.
void Answer(Exchange& exchange, std::string body, const Fields& trailers = {}) {
  exchange.Begin(200, {{"x-a", "1"}, {"x-a", "2"}});
  exchange.Send(Bytes::Own(std::move(body)));
  exchange.End(trailers);
}

TEST(H2Connection, RequestComesInPartsAndItsAnswerGoesBack) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({{"x-b", "3"}}, "hello ", true);
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty() && handler.all[0]->body == "hello "; }));
  Seen& seen = *handler.all[0];
  EXPECT_FALSE(seen.ended);
  const RequestHead& head = seen.exchange->head();
  EXPECT_EQ(head.method(), "POST");
  EXPECT_EQ(head.target(), "/p?q=1");
  EXPECT_EQ(head.path(), "/p");
  EXPECT_EQ(head.fields.Find(":authority"), "host");
  EXPECT_EQ(head.fields.Find("x-b"), "3");
  EXPECT_FALSE(head.length.has_value());
  pair.client->More(id, "world", false);
  ASSERT_TRUE(pair.Until([&] { return seen.ended; }));
  EXPECT_EQ(seen.body, "hello world");
  Answer(*seen.exchange, "answer", {{"t", "5"}});
  ASSERT_TRUE(pair.Until([&] { return seen.over.has_value(); }));
  EXPECT_EQ(*seen.over, Over::kAnswered);
  pair.Settle();
  Got& got = pair.client->got[id];
  EXPECT_EQ(got.body, "answer");
  EXPECT_EQ(got.fields[":status"], "200");
  EXPECT_EQ(got.fields["t"], "5");
  EXPECT_EQ(got.blocks, 2);
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(pair.server->exchanges(), 0u);
  EXPECT_EQ(pair.budget.input.used(), 0u);
  EXPECT_EQ(pair.budget.output.used(), 0u);
}

TEST(H2Connection, AnswerWithoutABodyIsOneBlock) {
  Recorder handler;
  handler.on_end = [](Exchange& e) {
    e.Begin(200, {{"h", "1"}});
    e.End({{"t", "2"}});
  };
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].ended; }));
  EXPECT_EQ(pair.client->got[id].blocks, 1);
  EXPECT_EQ(pair.client->got[id].fields["h"], "1");
  EXPECT_EQ(pair.client->got[id].fields["t"], "2");
}

TEST(H2Connection, LengthIsCountedWhereItCanBe) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "seven.."); };
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({{":method", "GET"}}, std::nullopt);
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].ended; }));
  EXPECT_EQ(pair.client->got[id].fields["content-length"], "7");
  EXPECT_EQ(handler.all[0]->exchange->head().length, 0u);
}

TEST(H2Connection, AnswerToAHeadHasNoBody) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "not sent"); };
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({{":method", "HEAD"}}, std::nullopt);
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].ended; }));
  EXPECT_EQ(pair.client->got[id].body, "");
}

TEST(H2Connection, ClientThatWaitsIsToldToGoOnUnlessItIsRefused) {
  for (const bool refuse : {false, true}) {
    Recorder handler;
    if (refuse) {
      handler.on_begin = [](Exchange& e) {
        e.Begin(413, {});
        e.End();
      };
    }
    H2Pair pair(&handler);
    const int32_t id = pair.client->Ask({{"expect", "100-continue"}}, "", true);
    pair.Settle();
    EXPECT_EQ(pair.client->got[id].fields[":status"], refuse ? "413" : "100");
    EXPECT_EQ(pair.client->got[id].blocks, 1);
  }
}

TEST(H2Connection, NothingIsHeardOfAnExchangeThatWasReset) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x", true);
  pair.Settle();
  pair.client->More(id, "more", false);
  pair.client->Pump();
  handler.all[0]->exchange->Reset(ResetReason::kCancel);
  pair.Settle();
  EXPECT_EQ(handler.all[0]->body, "x");
  EXPECT_FALSE(handler.all[0]->ended);
  EXPECT_EQ(handler.all[0]->over, Over::kReset);
}

TEST(H2Connection, TrailersOfTheRequestComeWithItsEnd) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x", true);
  pair.Settle();
  std::string name = "checksum", value = "7";
  nghttp2_nv nv{reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                name.size(), value.size(), 0};
  nghttp2_submit_trailer(pair.client->session, id, &nv, 1);
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->ended; }));
  EXPECT_EQ(handler.all[0]->trailers, "checksum: 7\n");
}

TEST(H2Connection, AnswersOfOneTurnLeaveInOneWrite) {
  Recorder handler;
  H2Pair pair(&handler);
  for (int i = 0; i < 50; ++i) pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 50 && handler.all.back()->ended; }));
  pair.Settle();
  const int before = pair.writes;
  for (const auto& seen : handler.all) Answer(*seen->exchange, "answer");
  pair.Settle();
  EXPECT_EQ(pair.client->got.size(), 50u);
  EXPECT_EQ(pair.writes - before, 1);
}

TEST(H2Connection, ClientDecidesThePaceOfAnAnswer) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.client->takes = false;  // Its window is 64 KiB less one.
  const int32_t id = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return !handler.all.empty() && handler.all[0]->ended; }));
  Seen& seen = *handler.all[0];
  seen.exchange->Begin(200, {});
  EXPECT_TRUE(seen.exchange->Send(Bytes::Own(std::string(10'000, 'a'))));
  EXPECT_FALSE(seen.exchange->Send(Bytes::Own(std::string(100'000, 'b'))));
  pair.Settle();
  EXPECT_EQ(pair.client->got[id].body.size(), 65'535u);
  EXPECT_EQ(seen.exchange->pending(), 110'000u - 65'535u);
  EXPECT_EQ(pair.budget.output.used(), seen.exchange->pending());
  EXPECT_EQ(seen.rooms, 0);
  pair.client->Took(id, 65'535);
  pair.Settle();
  EXPECT_EQ(seen.rooms, 1);
  EXPECT_EQ(seen.exchange->pending(), 0u);
  seen.exchange->End();
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].ended; }));
  EXPECT_EQ(pair.client->got[id].body, std::string(10'000, 'a') + std::string(100'000, 'b'));
}

TEST(H2Connection, AnswerLargerThanATurnArrivesWhole) {
  Recorder handler;
  H2Pair pair(&handler);
  nghttp2_session_set_local_window_size(pair.client->session, 0, 0, 1 << 30);
  const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1u << 30};
  nghttp2_submit_settings(pair.client->session, 0, &window, 1);
  handler.on_end = [](Exchange& e) { Answer(e, std::string(20 << 20, 'x')); };
  const int32_t id = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].ended; }));
  EXPECT_EQ(pair.client->got[id].body.size(), size_t{20} << 20);
}

TEST(H2Connection, BodyThatNobodyTakesStopsAtItsWindowAndHoldsNoOther) {
  H2Limits limits;
  limits.stream_window = 100'000;
  limits.all_window = 200'000;
  Recorder handler;
  handler.take = false;
  H2Pair pair(&handler, limits);
  pair.Settle();  // Until the client knows the windows.
  std::vector<int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(pair.client->Ask({}, std::string(300'000, 'x')));
  ASSERT_TRUE(pair.Until(
      [&] { return handler.all.size() == 5 && handler.all.back()->body.size() == 100'000; }));
  pair.Settle();
  for (const auto& seen : handler.all) EXPECT_EQ(seen->body.size(), 100'000u);
  handler.all[2]->exchange->Took(100'000);
  pair.Settle();
  EXPECT_EQ(handler.all[2]->body.size(), 200'000u);
  EXPECT_EQ(handler.all[1]->body.size(), 100'000u);
  handler.take = true;
  handler.all[2]->exchange->Took(100'000);
  ASSERT_TRUE(pair.Until([&] { return handler.all[2]->ended; }));
}

TEST(H2Connection, ResetByTheClientIsTheEndForTheProtocol) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x", true);
  pair.Settle();
  nghttp2_submit_rst_stream(pair.client->session, 0, id, NGHTTP2_CANCEL);
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->over.has_value(); }));
  EXPECT_EQ(*handler.all[0]->over, Over::kGone);
  EXPECT_TRUE(handler.all[0]->exchange->over());
  Answer(*handler.all[0]->exchange, "to nobody");  // Does nothing.
  pair.Settle();
  EXPECT_EQ(pair.client->got[id].blocks, 0);
}

TEST(H2Connection, LostConnectionIsTheEndOfAll) {
  Recorder handler;
  H2Pair pair(&handler);
  for (int i = 0; i < 3; ++i) pair.client->Ask({}, "x", i == 0);
  pair.Settle();
  pair.Hang();
  pair.lane.io.restart();
  pair.lane.io.poll();
  ASSERT_EQ(pair.server, nullptr);
  for (const auto& seen : handler.all) {
    EXPECT_EQ(seen->over, Over::kGone);
    EXPECT_EQ(seen->exchange->head().method(), "POST");
  }
  EXPECT_EQ(pair.budget.input.used(), 0u);
}

TEST(H2Connection, ResetByTheProtocolHasItsReason) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { e.Reset(ResetReason::kRefused); };
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].reset.has_value(); }));
  EXPECT_EQ(*pair.client->got[id].reset, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(handler.all[0]->over, Over::kReset);
}

TEST(H2Connection, AnswerBeforeTheEndOfTheRequestStopsTheClient) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x", true);
  pair.Settle();
  Answer(*handler.all[0]->exchange, "enough");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].reset.has_value(); }));
  EXPECT_EQ(*pair.client->got[id].reset, NGHTTP2_NO_ERROR);
  EXPECT_EQ(pair.client->got[id].body, "enough");
  EXPECT_EQ(handler.all[0]->over, Over::kAnswered);
}

TEST(H2Connection, HeadThatIsTooLargeIsAFlawOfItsCallOnly) {
  Recorder handler;
  handler.on_end = [](Exchange& e) {
    e.Begin(e.head().flaw == Flaw::kHeadTooLarge ? 431 : 200, {});
    e.End();
  };
  H2Pair pair(&handler);
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 300; ++i) many.emplace_back("k" + std::to_string(i), std::string(50, 'v'));
  const int32_t large = pair.client->Ask(many, "x"), small = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[small].ended; }));
  EXPECT_EQ(pair.client->got[large].fields[":status"], "431");
  EXPECT_EQ(pair.client->got[small].fields[":status"], "200");
}

TEST(H2Connection, HeadsAreCountedAndTooManyAreAFlaw) {
  LimitSettings all;
  all.max_input_bytes = 1000;
  Recorder handler;
  H2Pair pair(&handler, {}, all);
  for (int i = 0; i < 10; ++i) pair.client->Ask({{"x", std::string(100, 'v')}}, "x", true);
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 10; }));
  EXPECT_EQ(handler.all.front()->exchange->head().flaw, Flaw::kNone);
  EXPECT_EQ(handler.all.back()->exchange->head().flaw, Flaw::kNoRoom);
  EXPECT_LE(pair.budget.input.used(), 1000u);
}

TEST(H2Connection, MalformedHeadsResetTheirStreams) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t upper = pair.client->Ask({{"x-a", "a\nb"}}, "x");
  const int32_t fine = pair.client->Ask({}, "x");
  ASSERT_TRUE(pair.Until([&] { return handler.all.size() == 1 && handler.all[0]->ended; }));
  Answer(*handler.all[0]->exchange, "ok");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[fine].ended; }));
  EXPECT_EQ(pair.client->got[upper].reset, NGHTTP2_PROTOCOL_ERROR);
}

TEST(H2Connection, GoAwayFinishesWhatHasBegunAndEnds) {
  Recorder handler;
  H2Pair pair(&handler);
  const int32_t id = pair.client->Ask({}, "x");
  pair.Settle();
  pair.server->GoAway();
  ASSERT_TRUE(pair.Until([&] { return pair.client->goaways.size() == 2; }));
  EXPECT_EQ(pair.client->goaways[0], std::make_pair(0x7fffffff, uint32_t{NGHTTP2_NO_ERROR}));
  EXPECT_EQ(pair.client->goaways[1], std::make_pair(id, uint32_t{NGHTTP2_NO_ERROR}));
  EXPECT_NE(pair.server, nullptr);
  Answer(*handler.all[0]->exchange, "last");
  ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
  EXPECT_EQ(pair.client->got[id].body, "last");
  pair.Hang();
  pair.lane.io.restart();
  pair.lane.io.poll();
  EXPECT_EQ(pair.server, nullptr);
}

TEST(H2Connection, ClientThatDoesNotAnswerThePingIsToldTheLastStreamAllTheSame) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.client->Ask({}, "x");
  pair.Settle();
  pair.server->GoAway();
  pair.lane.io.restart();
  pair.lane.io.poll();
  pair.server->CheckTime(In(seconds(2)));
  pair.lane.io.restart();
  pair.lane.io.poll();
  pair.client->Pump();
  EXPECT_EQ(pair.client->goaways.size(), 2u);
}

TEST(H2Connection, SilentClientIsPingedAndThenGivenUp) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.client->Ask({}, "x", true);
  pair.Settle();
  pair.server->CheckTime(In(seconds(31)));
  pair.Settle();  // It answers.
  pair.server->CheckTime(In(seconds(45)));
  pair.Settle();
  ASSERT_NE(pair.server, nullptr);
  pair.client->reads = false;
  pair.server->CheckTime(In(seconds(80)));
  pair.Settle();
  ASSERT_NE(pair.server, nullptr);
  pair.server->CheckTime(In(seconds(95)));
  EXPECT_EQ(pair.server, nullptr);
  EXPECT_EQ(handler.all[0]->over, Over::kGone);
}

TEST(H2Connection, ConnectionWithoutAHandshakeEnds) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.server->CheckTime(In(seconds(21)));
  EXPECT_EQ(pair.server, nullptr);
}

TEST(H2Connection, IdleAndOldConnectionsAreAskedToComeAgain) {
  for (const bool old : {false, true}) {
    H2Limits limits;
    if (old) limits.age = seconds(100);
    Recorder handler;
    H2Pair pair(&handler, limits);
    pair.Settle();
    pair.server->CheckTime(In(seconds(old ? 89 : 3000)));
    pair.Settle();
    EXPECT_TRUE(pair.client->goaways.empty());
    pair.server->CheckTime(In(seconds(old ? 111 : 3601)));
    ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
    EXPECT_EQ(pair.client->goaways.back().second, uint32_t{NGHTTP2_NO_ERROR});
  }
}

TEST(H2Connection, AnswerThatIsNotTakenIsGivenUpAndNotItsConnection) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.client->takes = false;
  const int32_t id = pair.client->Ask({}, "x"), other = pair.client->Ask({}, "x");
  pair.Settle();
  Answer(*handler.all[0]->exchange, std::string(200'000, 'x'));
  pair.Settle();
  ASSERT_NE(handler.all[0]->exchange->pending(), 0u);
  pair.server->CheckTime(In(seconds(76)));
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->over.has_value(); }));
  EXPECT_EQ(*handler.all[0]->over, Over::kGone);
  EXPECT_EQ(pair.client->got[id].reset, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(pair.budget.output.used(), 0u);
  pair.client->Took(id, 65'535);
  Answer(*handler.all[1]->exchange, "fine");
  ASSERT_TRUE(pair.Until([&] { return pair.client->got[other].ended; }));
}

TEST(H2Connection, AnswerWaitsLessWhileTheBudgetIsShort) {
  LimitSettings all;
  all.max_output_bytes = 200'000;
  Recorder handler;
  H2Pair pair(&handler, {}, all);
  pair.client->takes = false;
  pair.client->Ask({}, "x");
  pair.Settle();
  Answer(*handler.all[0]->exchange, std::string(300'000, 'x'));
  pair.Settle();
  ASSERT_TRUE(pair.budget.output.Short());
  pair.server->CheckTime(In(seconds(3)));
  ASSERT_TRUE(pair.Until([&] { return handler.all[0]->over.has_value(); }));
  EXPECT_EQ(*handler.all[0]->over, Over::kGone);
}

// --- Breaches of the protocol.

std::string Frame(uint8_t type, uint8_t flags, int32_t stream, const std::string& payload) {
  std::string frame = {0, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size()),
                       static_cast<char>(type), static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

constexpr uint8_t kWholeHead = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;

TEST(H2Connection, HeadForAStreamThatItsClientHasEndedEndsTheConnection) {
  for (const bool reset : {false, true}) {
    Recorder handler;
    H2Pair pair(&handler);
    const int32_t id = pair.client->Ask({}, "x", reset);
    pair.Settle();
    if (reset) {
      nghttp2_submit_rst_stream(pair.client->session, 0, id, NGHTTP2_CANCEL);
    } else {
      Answer(*handler.all[0]->exchange, "answer");
    }
    pair.Settle();
    ASSERT_EQ(pair.server->exchanges(), 0u);
    pair.client->SendRaw(Frame(NGHTTP2_HEADERS, kWholeHead, id, "\x83\x86\x84"));
    ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
    EXPECT_EQ(pair.client->goaways.back().second, uint32_t{NGHTTP2_STREAM_CLOSED});
  }
}

TEST(H2Connection, DataForAStreamThatItsClientHasEndedIsAnErrorOfTheStream) {
  for (const bool reset : {false, true}) {
    Recorder handler;
    handler.on_end = [](Exchange& e) { Answer(e, "answer"); };
    H2Pair pair(&handler);
    const int32_t id = pair.client->Ask({}, "x", reset);
    pair.Settle();
    if (reset) nghttp2_submit_rst_stream(pair.client->session, 0, id, NGHTTP2_CANCEL);
    pair.Settle();
    ASSERT_EQ(pair.server->exchanges(), 0u);
    pair.client->SendRaw(Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "more"));
    ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].reset.has_value(); }));
    EXPECT_EQ(pair.client->got[id].reset, uint32_t{NGHTTP2_STREAM_CLOSED});
    const int32_t next = pair.client->Ask({}, "y");
    ASSERT_TRUE(pair.Until([&] { return pair.client->got[next].ended; }));
    EXPECT_EQ(pair.client->got[next].body, "answer");
    EXPECT_TRUE(pair.client->goaways.empty());
    for (int i = 0; i < 3000; ++i) pair.client->SendRaw(Frame(NGHTTP2_DATA, 0, id, "x"));
    ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
    EXPECT_EQ(pair.client->goaways.back().second, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  }
}

TEST(H2Connection, RestOfARequestThatWasAnsweredEarlyIsPassedOver) {
  Recorder handler;
  H2Pair pair(&handler);
  handler.on_begin = [](Exchange& e) { Answer(e, "enough"); };
  for (int i = 0; i < 300; ++i) {  // More than are remembered.
    const int32_t id = pair.client->Ask({}, "x", true);
    ASSERT_TRUE(pair.Until([&] { return pair.client->got[id].reset.has_value(); }));
  }
  for (const int32_t id : {1, 301, 599}) {
    pair.client->SendRaw(Frame(NGHTTP2_DATA, 0, id, "x"));
    pair.client->SendRaw(Frame(NGHTTP2_HEADERS, kWholeHead, id, "\x0f\x01\x01x"));  // Trailers.
  }
  pair.Settle();
  EXPECT_TRUE(pair.client->goaways.empty());
}

struct Flood {
  const char* name;
  std::string frame;
};

class FloodTest : public testing::TestWithParam<Flood> {};

TEST_P(FloodTest, EndsItsConnection) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.client->Ask({}, "x", true);
  pair.Settle();
  for (int i = 0; i < 300 && !pair.client->closed; ++i) {
    std::string many;
    for (int k = 0; k < 100; ++k) many += GetParam().frame;
    pair.client->SendRaw(many);
    pair.Turn();
  }
  ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
  EXPECT_EQ(handler.all[0]->over, Over::kGone);
}

INSTANTIATE_TEST_SUITE_P(
    H2Connection, FloodTest,
    testing::Values(Flood{"Ping", Frame(NGHTTP2_PING, 0, 0, "12345678")},
                    Flood{"Settings", Frame(NGHTTP2_SETTINGS, 0, 0, "")},
                    Flood{"EmptyData", Frame(NGHTTP2_DATA, 0, 1, "")},
                    Flood{"Priority", Frame(NGHTTP2_PRIORITY, 0, 1, std::string(5, '\0'))},
                    Flood{"Window", Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, {"\0\0\0\1", 4})},
                    Flood{"Continuation", Frame(NGHTTP2_HEADERS, 0, 3, "\x82") +
                                              Frame(NGHTTP2_CONTINUATION, 0, 3, "")}),
    [](const auto& flood) { return flood.param.name; });

TEST(H2Connection, FloodWhoseAnswersNobodyReadsIsBounded) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.Settle();
  pair.client->reads = false;
  std::string many;
  for (int i = 0; i < 2000; ++i) many += Frame(NGHTTP2_PING, 0, 0, "12345678");
  for (int i = 0; i < 100 && pair.server != nullptr; ++i) {
    pair.client->SendRaw(many);
    pair.Turn();
    EXPECT_LT(pair.budget.output.used(), 1u << 20);
    if (pair.server != nullptr) pair.server->CheckTime(In(seconds(0)));
  }
}

TEST(H2Connection, RapidResetsEndTheConnection) {
  Recorder handler;
  H2Pair pair(&handler);
  pair.Settle();
  for (int i = 0; i < 3000 && !pair.client->closed; ++i) {
    const int32_t id = pair.client->Ask({}, std::nullopt);
    if (id < 0) break;
    pair.client->Pump();
    nghttp2_submit_rst_stream(pair.client->session, 0, id, NGHTTP2_CANCEL);
    pair.Turn();
  }
  EXPECT_TRUE(pair.Until([&] { return pair.client->closed; }));
  for (const auto& seen : handler.all) EXPECT_EQ(seen->over, Over::kGone);
}

TEST(H2Connection, OrdinaryUseIsNoFlood) {
  Recorder handler;
  handler.on_end = [](Exchange& e) { Answer(e, "x"); };
  H2Pair pair(&handler);
  for (int i = 0; i < 3000; ++i) {
    pair.client->Ask({}, "x");
    nghttp2_submit_ping(pair.client->session, 0, nullptr);
    pair.Turn();
  }
  pair.Settle();
  EXPECT_TRUE(pair.client->goaways.empty());
  EXPECT_EQ(pair.client->got.size(), 3000u);
}

TEST(H2Connection, BytesThatAreNoHttp2EndTheConnection) {
  Recorder handler;
  for (const char* sent : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01 hello"}) {
    H2Pair pair(&handler);
    pair.client->SendRaw(sent);  // Before the client's preface.
    ASSERT_TRUE(pair.Until([&] { return pair.client->closed; }));
  }
  EXPECT_TRUE(handler.all.empty());
}

}  // namespace
}  // namespace aiges
