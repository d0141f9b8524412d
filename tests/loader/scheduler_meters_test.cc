// SPDX-License-Identifier: Apache-2.0
// What a call is let in by, and charged with.
#include <string>
#include <utility>
#include <vector>

#include "loader/api/recent_calls.h"
#include "tests/fakes/recording_gate.h"
#include "tests/loader/scheduler_fixture.h"

namespace aiges {
namespace {

class SchedulerMetersTest : public SchedulerTest {
 protected:
  SchedulerMetersTest() {
    shared.gate = &gate;
    shared.calls = &calls;
  }

  void TearDown() override { scheduler.reset(); }  // It has what follows.

  RecordingGate gate;
  RecentCalls calls;
  Scheduler::Shared shared;
};

TEST_F(SchedulerMetersTest, AGateThatRefusesACallLeavesItNoLicence) {
  struct Shut : CallGate {
    Status Admit(const Asking&, std::unique_ptr<Allowance>*) override {
      return Status::Error(StatusKind::kOverloaded, "shut");
    }
  } shut;
  shared.gate = &shut;
  Start(1, shared);
  const Submitted call = Submit();
  EXPECT_EQ(call.id, 0u);
  EXPECT_EQ(call.answer->reply.status.text, "shut");
  EXPECT_EQ(scheduler->Report().in_flight, 0u);
  EXPECT_TRUE(calls.Since(0).at(0).refused);
}

TEST_F(SchedulerMetersTest, AnAllowanceIsChargedOnceTheEngineHasDoneWithTheCall) {
  settings.licences = 2;
  Start(1, shared);
  const Submitted first = Submit(), waiting = Submit();
  EXPECT_EQ(gate.bytes, 10u);
  EXPECT_FALSE(gate.nested);
  const Submitted refused = Submit();
  EXPECT_EQ(refused.answer->code(), 10110);
  EXPECT_EQ(gate.said, "") << "asked last: what it lets in is counted";
  scheduler->OnMeter(first.id, "tokens", 3);
  WorkerResult result = workers.Finish(first.id);
  result.engine = milliseconds(4);
  Deliver(std::move(result));
  EXPECT_EQ(std::exchange(gate.said, ""), "16 bytes 4 ms and meters;back;");
  // It runs by now. The engine goes on with a call that nobody waits for.
  scheduler->Abort(waiting.id);
  EXPECT_EQ(gate.said, "");
  Deliver(workers.Finish(waiting.id));
  EXPECT_EQ(gate.said.substr(0, 9), "16 bytes ");
}

TEST_F(SchedulerMetersTest, WhatALostRunHasCountedIsNotCountedTwice) {
  settings.instances.idempotent = true;
  Start(2, shared);
  const Submitted call = Submit();
  scheduler->OnMeter(call.id, "tokens", 100);
  Deliver(workers.Crash(call.id));
  scheduler->OnMeter(call.id, "tokens", 100);
  Deliver(workers.Finish(call.id));
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].meters->all().at(0).second, 100u);
}

TEST_F(SchedulerMetersTest, WhatIsCountedForACallThatNobodyWantsIsCharged) {
  Start(1, shared);
  const Submitted call = Submit();
  scheduler->Abort(call.id);
  ASSERT_EQ(calls.Since(0).size(), 1u);
  scheduler->OnMeter(call.id, "tokens", 5);
  EXPECT_EQ(calls.Since(0).at(0).meters, nullptr) << "it had left";
  Deliver(workers.Finish(call.id));
  EXPECT_NE(gate.said.find("and meters;"), std::string::npos) << gate.said;
}

TEST_F(SchedulerMetersTest, WhatTheEngineCountsForACallIsInItsRecord) {
  shared.version = "7";
  Start(2, shared);
  const Submitted first = Submit(), second = Submit();
  scheduler->OnMeter(first.id, "tokens", 3);
  scheduler->OnMeter(second.id, "tokens", 5);
  scheduler->OnMeter(first.id, "tokens", 4);
  Deliver(workers.Finish(first.id));
  scheduler->OnMeter(first.id, "tokens", 100);  // Too late.
  Deliver(workers.Finish(second.id));
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), 2u);
  using Counts = std::vector<std::pair<std::string, uint64_t>>;
  EXPECT_EQ(kept[0].meters->all(), (Counts{{"tokens", 7}}));
  EXPECT_EQ(kept[1].meters->all(), (Counts{{"tokens", 5}}));
  EXPECT_EQ(kept[0].outputs, 1u);
  EXPECT_EQ(kept[0].version.view(), "7");
  EXPECT_FALSE(kept[0].refused);
}

TEST_F(SchedulerMetersTest, ACallThatNeverRanIsChargedWhenItIsGivenUp) {
  Start(0, shared);
  Submit(milliseconds(5));
  Elapse(milliseconds(6));
  EXPECT_EQ(gate.said, "10 bytes 0 ms;back;");
}

}  // namespace
}  // namespace aiges
