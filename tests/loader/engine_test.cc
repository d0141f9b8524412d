// SPDX-License-Identifier: Apache-2.0
// Scheduler, instances, channel and the real aiges-worker with a real engine (tests/engine),
// without a front: what holds for every front is held here.

#include "tests/loader/engine_fixture.h"

namespace aiges {
namespace {

// The ways in which an engine can answer a session.
struct Mode {
  const char* name;
  const char* library;
  std::optional<bool> async;
};

class SessionEngineTest : public EngineTest, public ::testing::WithParamInterface<Mode> {
 protected:
  void SetUp() override {
    settings.sessions.async_mode = GetParam().async;
    Start(GetParam().library);
  }
};

TEST_P(SessionEngineTest, WhatIsWrittenComesBackPieceByPiece) {
  const SessionId id = Open();
  Write(id, "one", DataStatus::kBegin);
  SessionOutput first = Poll(id);
  ASSERT_EQ(first.batches.size(), 1u) << first.status.text;
  EXPECT_EQ(first.batches[0][0].data.view(), "ONE");
  EXPECT_FALSE(first.last);
  Write(id, "two", DataStatus::kEnd);
  EXPECT_EQ(All(id), Texts{"TWO"});
  WaitMeter("destroyed", 1);
  WaitIdle();
}

TEST_P(SessionEngineTest, OneInManyOut) {
  const SessionId id = Open({{"items", "1000"}});
  Write(id, "x", DataStatus::kOnce);
  const Texts all = All(id);
  ASSERT_EQ(all.size(), 1001u);
  for (size_t i = 1; i <= 1000; ++i) ASSERT_EQ(all[i], std::to_string(i));
  WaitMeter("destroyed", 1);
}

// Texts, "|" where an output stream ends, "||" with the session.
Texts Ends(const SessionOutput& output) {
  Texts ends;
  for (const auto& batch : output.batches) {
    for (const Payload& p : batch) {
      ends.push_back(p.key + ":" + std::string(p.data.view()) +
                     (p.status == DataStatus::kEnd ? "|" : ""));
    }
  }
  if (output.last) ends.back() += "|";
  return ends;
}

TEST_P(SessionEngineTest, EachOutputStreamEndsOnItsOwnAndTheSessionWithTheLast) {
  const SessionId id = Open({{"keys", "3"}, {"items", "2"}});
  Write(id, "a", DataStatus::kOnce);
  Texts all;
  while (all.empty() || all.back().substr(all.back().size() - 2) != "||") {
    const SessionOutput output = Poll(id);
    ASSERT_TRUE(output.status.ok()) << output.status.text;
    for (const std::string& text : Ends(output)) all.push_back(text);
  }
  EXPECT_EQ(all, (Texts{"out2:", "out3:", "out:A|", "out2:1", "out2:2|", "out3:1", "out3:2||"}));
  WaitMeter("destroyed", 1);
  WaitIdle();
}

TEST_P(SessionEngineTest, InputEndsWithTheLastOfItsStreams) {
  const SessionId id = Open({{"inputs", "2"}});
  Write(id, "a", DataStatus::kBegin, "left");
  Write(id, "b", DataStatus::kOnce, "right");
  for (const char* text : {"out:A", "out:B"}) EXPECT_EQ(Ends(Poll(id)), Texts{text});
  Write(id, "c", DataStatus::kContinue, "left");
  EXPECT_EQ(Ends(Poll(id)), Texts{"out:C"});
  Write(id, "d", DataStatus::kEnd, "left");
  EXPECT_EQ(Ends(Poll(id)), Texts{"out:D||"});
  WaitIdle();
}

TEST_P(SessionEngineTest, SlowClientHoldsTheEngineBack) {
  const SessionId id = Open({{"items", "1000"}}, 10);
  Write(id, "x", DataStatus::kOnce);
  std::this_thread::sleep_for(milliseconds(50));
  const SessionOutput output = Poll(id, 1000);
  EXPECT_LE(output.batches.size(), 10u);
  EXPECT_EQ(All(id).size() + output.batches.size(), 1001u) << "and nothing is lost";
}

TEST_P(SessionEngineTest, CreateThatFailsIsTold) {
  const SessionId id = Open({{"create", "fail"}});
  EXPECT_EQ(All(id), Texts{"seven;code=7"});
  WaitIdle();
  EXPECT_EQ(pool->Report().meters["destroyed"], 0u) << "there was nothing to destroy";
}

TEST_P(SessionEngineTest, WriteThatFailsEndsTheSessionAndDestroysIt) {
  const SessionId id = Open({{"write", "fail"}});
  Write(id, "x", DataStatus::kBegin);
  EXPECT_EQ(All(id), Texts{"seven;code=7"});
  WaitMeter("destroyed", 1);
  WaitIdle();
}

TEST_P(SessionEngineTest, AbortDestroysASessionThatWaitsForItsClient) {
  const SessionId id = Open({{"items", "1000"}}, 5);
  Write(id, "x", DataStatus::kOnce);
  Poll(id);
  scheduler->sessions()->Abort(id);
  WaitMeter("destroyed", 1);
  WaitIdle();
}

TEST_P(SessionEngineTest, DeathOfTheWorkerIsTold) {
  const SessionId id = Open({{"write", "exit"}});
  Write(id, "x", DataStatus::kBegin);
  EXPECT_EQ(All(id), Texts{"worker 0 died with the session: exit status 3"});
  WaitIdle();
}

TEST_P(SessionEngineTest, ManySessionsAtOnce) {
  std::vector<SessionId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(Open({{"items", "20"}}));
  for (const SessionId id : ids) Write(id, "x", DataStatus::kOnce);
  for (const SessionId id : ids) EXPECT_EQ(All(id).size(), 21u);
  WaitMeter("destroyed", 100);
  WaitIdle();
}

TEST_P(SessionEngineTest, OpenSessionsAreDestroyedAtTheEnd) {
  Open();
  Open({{"items", "3"}});
  EXPECT_EQ(scheduler->SessionReport().open, 2u);
}

INSTANTIATE_TEST_SUITE_P(Modes, SessionEngineTest,
                         ::testing::Values(Mode{"Read", AIGES_ENGINE, false},
                                           Mode{"Either", AIGES_ENGINE, std::nullopt},
                                           Mode{"Callback", AIGES_ENGINE_WITHOUT_READ, false}),
                         [](const auto& mode) { return std::string(mode.param.name); });

TEST_F(EngineTest, ReadThatFailsIsTold) {
  settings.sessions.async_mode = false;
  Start();
  const SessionId id = Open({{"read", "fail"}});
  Write(id, "x", DataStatus::kBegin);
  EXPECT_EQ(Poll(id).status.code, kCodeReadFailed);
}

TEST_F(EngineTest, SessionsRunOnSeveralThreads) {
  settings.instances.threads = 4;
  Start();
  std::vector<SessionId> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(Open({{"items", "50"}}));
  for (const SessionId id : ids) Write(id, "x", DataStatus::kOnce);
  for (const SessionId id : ids) EXPECT_EQ(All(id).size(), 51u);
}

TEST_F(EngineTest, OnceCallsAnswerByCallbackInAsyncMode) {
  settings.sessions.async_mode = true;
  Start();
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(Call("abc", {{"delay_ms", "400"}}));
  const auto begin = steady_clock::now();
  for (auto& call : calls) EXPECT_EQ(Text(call->Take()), "ABC");
  EXPECT_LT(steady_clock::now() - begin, seconds(10)) << "one after the other is 20 s";
  WaitIdle();
}

TEST_F(EngineTest, SecondCallbackOfAnAsynchronousCallIsRefused) {
  settings.sessions.async_mode = true;
  Start();
  EXPECT_EQ(Text(Call("abc", {{"answers", "3"}})->Take()), "ABC");
  WaitMeter("refused", 2);
}

TEST_F(EngineTest, AsynchronousCallThatCannotBeginIsToldAtOnce) {
  settings.sessions.async_mode = true;
  Start();
  EXPECT_EQ(Text(Call("abc", {{"exec", "fail"}})->Take()), "seven;code=7");
}

TEST_F(EngineTest, DeadlineOfAnAsynchronousCallFreesItsLicence) {
  settings.sessions.async_mode = true;
  Start();
  const Reply reply = Call("abc", {{"delay_ms", "400"}}, milliseconds(50))->Take();
  EXPECT_EQ(CodeOf(reply.status), kCodeTimeout);
  WaitIdle();
  WaitMeter("refused", 1);
}

TEST_F(EngineTest, CallsInCompanyRunAsOne) {
  settings.batch.max_size = 8;
  Start();
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  for (int i = 0; i < 40; ++i) calls.push_back(Call("x"));
  int largest = 0;
  for (auto& call : calls) {
    const std::string text = Text(call->Take());
    if (text != "X") largest = std::max(largest, std::stoi(text));  // Alone: wrapperExec.
  }
  EXPECT_GT(largest, 4);
  EXPECT_LE(largest, 8);
  EXPECT_FALSE(scheduler->Report().batches.empty());
}

TEST_F(EngineTest, OneBadCallOfABatchFailsAlone) {
  settings.batch.max_size = 8;
  Start();
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  // Bad in a batch by its data, and by "exec" where it comes to run alone.
  for (int i = 0; i < 16; ++i) {
    calls.push_back(i == 12 ? Call("bad", {{"exec", "fail"}}) : Call("x"));
  }
  for (int i = 0; i < 16; ++i) {
    const Reply reply = calls[static_cast<size_t>(i)]->Take();
    EXPECT_EQ(reply.status.ok(), i != 12) << i << ": " << reply.status.text;
  }
}

TEST_F(EngineTest, RunningEngineSeesThatItsCallWasCancelled) {
  Start();
  const auto call = Call("x", {{"until", "cancelled"}});
  WaitMeter("waits", 1);
  scheduler->Abort(last_call);
  EXPECT_EQ(call->Take().status.kind, StatusKind::kCancelled);
  WaitMeter("saw_cancel", 1);
  WaitIdle();
}

TEST_F(EngineTest, RunningEngineSeesItsDeadline) {
  Start();
  Call("x", {{"until", "cancelled"}}, milliseconds(50))->Take();
  WaitMeter("saw_cancel", 1);
}

}  // namespace
}  // namespace aiges
