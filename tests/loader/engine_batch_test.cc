// SPDX-License-Identifier: Apache-2.0
// Batches in the real worker: who is in them, and what a running call can ask about itself.

#include "tests/loader/engine_fixture.h"

namespace aiges {
namespace {

class EngineBatchTest : public EngineTest {
 protected:
  // A call that runs alone until Release: what comes meanwhile is a batch.
  void StartHeld() {
    settings.batch.max_size = 8;
    Start();
    held_ = Call("held", {{"until", Gate("held")}});
    WaitMeter("waits", 1);
  }
  void Release() {
    OpenGate("held");
    EXPECT_EQ(Text(held_->Take()), "HELD");
  }

 private:
  std::shared_ptr<Box<Reply>> held_;
};

TEST_F(EngineBatchTest, LeavesOutWhatNobodyWaitsFor) {
  StartHeld();
  const auto expired = Call("x", {}, milliseconds(20));
  const auto cancelled = Call("x");
  scheduler->Abort(last_call);
  const auto one = Call("x"), other = Call("x");
  EXPECT_EQ(CodeOf(expired->Take().status), kCodeTimeout);
  EXPECT_EQ(cancelled->Take().status.kind, StatusKind::kCancelled);
  Release();
  EXPECT_EQ(Text(one->Take()), "2");
  EXPECT_EQ(Text(other->Take()), "2");
  WaitMeter("ran", 2);
  WaitIdle();
}

// The engine is held by the batch until it has seen the deadline of its first call, and then by the
// gate.
TEST_F(EngineBatchTest, DeadlineInARunningBatchIsAnsweredAtOnceAndItsResultDropped) {
  StartHeld();
  const auto late = Call("x", {{"until", "cancelled"}}, milliseconds(1500));
  const auto gated = Call("x", {{"until", Gate("batch")}});
  const auto other = Call("x");
  Release();
  WaitMeter("ran", 3);
  EXPECT_EQ(CodeOf(late->Take().status), kCodeTimeout);
  WaitMeter("saw_cancel", 1);
  OpenGate("batch");
  EXPECT_EQ(Text(gated->Take()), "3");
  EXPECT_EQ(Text(other->Take()), "3");
  WaitIdle();
}

TEST_F(EngineBatchTest, RunningBatchSeesWhichOfItsCallsWasCancelled) {
  StartHeld();
  const auto gone = Call("x", {{"until", "cancelled"}});
  const CallId gone_id = last_call;
  const auto stays = Call("x", {{"ask", "here"}}), other = Call("x", {{"ask", "thread"}});
  Release();
  WaitMeter("waits", 2);
  scheduler->Abort(gone_id);
  EXPECT_EQ(gone->Take().status.kind, StatusKind::kCancelled);
  WaitMeter("saw_cancel", 1);
  EXPECT_EQ(Text(stays->Take()), "0 limited early");
  EXPECT_EQ(Text(other->Take()), "0 limited early");
  WaitIdle();
}

TEST_F(EngineBatchTest, CallsWithResourcesRunAloneAndKeepThem) {
  settings.batch.max_size = 8;
  StartHeld();
  const auto one = Call("x"), personal = Call("x", {}, seconds(20), {1}), other = Call("x"),
             both = Call("x", {}, seconds(20), {2, 1});
  Release();
  EXPECT_EQ(Text(one->Take()), "2");
  EXPECT_EQ(Text(other->Take()), "2");
  EXPECT_EQ(Text(personal->Take()), "X[1=?]");
  EXPECT_EQ(Text(both->Take()), "X[2=?][1=?]");
  WaitMeter("ran", 2);
}

TEST_F(EngineTest, ThreadOfTheEngineSeesDeadlineAndEndOfASynchronousCall) {
  settings.instances.threads = 2;
  Start();
  const auto running = Call("x", {{"until", "cancelled"}});
  const CallId id = last_call;
  WaitMeter("waits", 1);
  EXPECT_EQ(Text(Call("x", {{"ask", "thread"}})->Take()), "0 limited early");
  scheduler->Abort(id);
  running->Take();
  WaitMeter("saw_cancel", 1);
}

// Bug: the worker forgot an asynchronous call that was given up, and then said of it that somebody
// waits for it.
TEST_F(EngineTest, AsynchronousCallSeesThatItWasGivenUp) {
  settings.sessions.async_mode = true;
  Start();
  const auto call = Call("x", {{"until", Gate("async")}});
  WaitMeter("waits", 1);
  scheduler->Abort(last_call);
  EXPECT_EQ(call->Take().status.kind, StatusKind::kCancelled);
  EXPECT_EQ(Text(Call("later")->Take()), "LATER");  // Behind the cancellation in the channel.
  OpenGate("async");
  WaitMeter("given_up", 1);
}

TEST_F(EngineTest, ResourcesReachCallsAndSessions) {
  Start();
  const unsigned id = Load("voice");
  ASSERT_EQ(id, 1u);
  EXPECT_EQ(Text(Call("x", {}, seconds(20), {id})->Take()), "X[1=voice]");
  EXPECT_EQ(Text(Call("x")->Take()), "X");
  const SessionId session = Open({}, 100, {id});
  Write(session, "y", DataStatus::kOnce);
  EXPECT_EQ(All(session), Texts{"Y[1=voice]"});
  EXPECT_EQ(Load("bad"), 0u);
}

}  // namespace
}  // namespace aiges
