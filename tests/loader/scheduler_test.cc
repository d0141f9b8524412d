// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/scheduler.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/recent_calls.h"
#include "tests/loader/scheduler_fixture.h"

namespace aiges {
namespace {

using Calls = std::vector<uint64_t>;

TEST_F(SchedulerTest, CallRunsAtOnceWhenThereIsCredit) {
  Start(1);
  const Submitted call = Submit();
  EXPECT_NE(call.id, 0u);
  EXPECT_EQ(workers.sent(), Calls{call.id});
  EXPECT_FALSE(call.answer->arrived());

  clock.Advance(milliseconds(5));
  WorkerResult result = workers.Finish(call.id);
  result.engine = milliseconds(4);
  Deliver(std::move(result));
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->code(), 0);
  ASSERT_EQ(call.answer->reply.payloads.size(), 1u);
  EXPECT_EQ(call.answer->reply.payloads[0].data.view(), "result");
  EXPECT_EQ(call.answer->reply.times.queue, milliseconds(0));
  EXPECT_EQ(call.answer->reply.times.channel, milliseconds(1));
  EXPECT_EQ(call.answer->reply.times.engine, milliseconds(4));
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, EachCallIsKeptForPeopleWithItsTimesAndSizes) {
  RecentCalls calls;
  RecentFailures failures;
  Scheduler::Shared shared;
  shared.failures = &failures;
  shared.calls = &calls;
  settings.licences = 1;
  Start(1, shared);
  const Submitted good = Submit();
  const Submitted refused = Submit();
  EXPECT_EQ(refused.answer->code(), 10110);
  clock.Advance(milliseconds(5));
  WorkerResult result = workers.Finish(good.id);
  result.engine = milliseconds(4);
  Deliver(std::move(result));
  const Submitted gone = Submit();
  scheduler->Abort(gone.id);
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].code, 10110);
  EXPECT_EQ(kept[0].failure, failures.Since(0).at(0).id) << "its text is there";
  EXPECT_EQ(kept[1].code, 0);
  EXPECT_EQ(kept[1].failure, 0u);
  EXPECT_EQ(kept[1].total, milliseconds(5));
  EXPECT_EQ(kept[1].times.engine, milliseconds(4));
  EXPECT_EQ(kept[1].bytes_in, 10u);
  EXPECT_EQ(kept[1].bytes_out, std::string_view("result").size());
  EXPECT_EQ(kept[1].ended, clock.Now());
  EXPECT_NE(kept[2].code, 0) << "its client has left";
  EXPECT_EQ(failures.Since(0).size(), 1u) << "which is no failure of the service";
}

TEST_F(SchedulerTest, CallsBeyondTheLicencesAreRefusedAtOnceWith10110) {
  settings.licences = 2;
  Start(1);
  const Submitted running = Submit(), waiting = Submit(), refused = Submit();
  EXPECT_EQ(refused.id, 0u);
  ASSERT_TRUE(refused.answer->arrived());
  EXPECT_EQ(refused.answer->code(), 10110);
  EXPECT_EQ(refused.answer->reply.status.kind, StatusKind::kOverloaded);
  EXPECT_FALSE(running.answer->arrived() || waiting.answer->arrived());

  Deliver(workers.Finish(running.id));
  EXPECT_NE(Submit().id, 0u) << "the licence of an answered call is free again";
}

TEST_F(SchedulerTest, CallsBeyondTheQueueCountAreRefusedAtOnce) {
  settings.queue.max_requests = 2;
  Start(1);
  Submit();  // Runs: does not count.
  EXPECT_NE(Submit().id, 0u);
  EXPECT_NE(Submit().id, 0u);
  const Submitted refused = Submit();
  EXPECT_EQ(refused.id, 0u);
  EXPECT_EQ(refused.answer->code(), 10110);
  EXPECT_NE(refused.answer->reply.status.text.find("max_requests = 2"), std::string::npos);
}

TEST_F(SchedulerTest, CallsBeyondTheQueueBytesAreRefusedAtOnce) {
  settings.queue.max_bytes = 100;
  Start();
  const Submitted first = Submit(milliseconds(1000), 60);
  const Submitted refused = Submit(milliseconds(1000), 41);
  EXPECT_EQ(refused.id, 0u);
  EXPECT_EQ(refused.answer->code(), 10110);
  EXPECT_NE(Submit(milliseconds(1000), 40).id, 0u) << "exactly full is not beyond";
  EXPECT_EQ(scheduler->Report().queued_bytes, 100u);

  scheduler->Abort(first.id);
  EXPECT_EQ(scheduler->Report().queued_bytes, 40u);
  EXPECT_NE(Submit(milliseconds(1000), 60).id, 0u) << "a call that left gave its bytes back";
}

// Only those that waited counted: with many licences, running calls held memory without limit.
TEST_F(SchedulerTest, RunningCallsHoldTheirBytesUntilTheirResultComes) {
  settings.queue.max_bytes = 100;
  Start(2);
  const Submitted runs = Submit(milliseconds(1000), 60);
  EXPECT_EQ(scheduler->Report().queued_bytes, 0u);
  EXPECT_EQ(Submit(milliseconds(1000), 41).id, 0u);
  scheduler->Abort(runs.id);
  EXPECT_EQ(Submit(milliseconds(1000), 41).id, 0u) << "the engine still works on it";
  std::vector<WorkerResult> results;
  results.push_back(workers.Finish(runs.id));
  scheduler->OnResults(std::move(results));
  EXPECT_NE(Submit(milliseconds(1000), 41).id, 0u);
}

TEST_F(SchedulerTest, SlotsFollowTheKeysThatChangeWhileItRuns) {
  settings.instances.count = 2;
  Start(1);
  EXPECT_EQ(scheduler->Load().slots, 2u);
  Settings fresh = settings;
  fresh.instances.threads = 3;
  fresh.batch.max_size = 4;
  fresh.instances.count = 5;  // Waits for a restart.
  scheduler->UseSettings(fresh);
  EXPECT_EQ(scheduler->Load().slots, 24u);
}

TEST_F(SchedulerTest, DeadlineAlreadyPassedIsRefusedAndNeverSent) {
  Start(1);
  const Submitted late = Submit(milliseconds(0));
  EXPECT_EQ(late.id, 0u);
  EXPECT_EQ(late.answer->code(), 10102);
  EXPECT_TRUE(workers.sent().empty());
}

TEST_F(SchedulerTest, NobodyHopefulIsAnsweredWith10109AtOnce) {
  Start(1);
  workers.hopeful = false;
  const Submitted call = Submit();
  EXPECT_EQ(call.id, 0u);
  EXPECT_EQ(call.answer->code(), 10109);
}

TEST_F(SchedulerTest, CallsAreTakenInTheOrderOfArrival) {
  Start();
  Calls arrived;
  for (int i = 0; i < 5; ++i) arrived.push_back(Submit().id);
  GiveCredit(2);
  EXPECT_EQ(workers.sent(), Calls(arrived.begin(), arrived.begin() + 2));
  Deliver(workers.Finish(arrived[1]));
  Deliver(workers.Finish(arrived[0]));
  Deliver(workers.Finish(arrived[2]));
  EXPECT_EQ(workers.sent(), arrived);
}

TEST_F(SchedulerTest, NewCallDoesNotOvertakeAWaitingOne) {
  Start();
  const Submitted first = Submit();
  workers.AddCredit(1);  // Before anyone told the scheduler.
  const Submitted second = Submit();
  EXPECT_EQ(workers.sent(), Calls{first.id});
  Deliver(workers.Finish(first.id));
  EXPECT_EQ(workers.sent().back(), second.id);
}

TEST_F(SchedulerTest, DeadlineInTheQueueIsAnsweredAtThatMomentAndTheCallNeverSent) {
  Start();
  const Submitted patient = Submit(milliseconds(1000));
  const Submitted hasty = Submit(milliseconds(100));
  Elapse(milliseconds(99));
  EXPECT_FALSE(hasty.answer->arrived());
  Elapse(milliseconds(1));
  ASSERT_TRUE(hasty.answer->arrived()) << "although it is not at the head of the queue";
  EXPECT_EQ(hasty.answer->code(), 10102);
  EXPECT_EQ(hasty.answer->reply.times.queue, milliseconds(100));
  EXPECT_FALSE(patient.answer->arrived());

  GiveCredit(2);
  EXPECT_EQ(workers.sent(), Calls{patient.id});
}

TEST_F(SchedulerTest, AlarmIsSetForTheNextDeadlineAfterOneWasAnswered) {
  Start();
  Submit(milliseconds(300));
  Submit(milliseconds(100));
  Elapse(milliseconds(100));
  ASSERT_TRUE(workers.alarm);
  EXPECT_EQ(*workers.alarm - clock.Now(), milliseconds(200));
}

TEST_F(SchedulerTest, RunningCallPastItsDeadlineKeepsItsLicenceUntilItsLateResultIsDropped) {
  settings.licences = 1;
  Start(1);
  const Submitted call = Submit(milliseconds(100));
  Elapse(milliseconds(100));
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->code(), 10102);
  EXPECT_EQ(Submit().id, 0u) << "the engine still works on it";
  EXPECT_FALSE(scheduler->Idle());
  EXPECT_EQ(workers.running().at(call.id)->payloads[0].data.size(), 10u) << "its data stays";

  Deliver(workers.Finish(call.id));
  EXPECT_EQ(call.answer->count, 1);
  EXPECT_EQ(call.answer->code(), 10102);
  EXPECT_TRUE(scheduler->Idle());
  EXPECT_NE(Submit().id, 0u);
}

TEST_F(SchedulerTest, ExecTimeoutShortensALongerDeadline) {
  settings.instances.exec_timeout_ms = 50;
  Start(1);
  const Submitted longer = Submit(milliseconds(1000));
  const Submitted shorter = Submit(milliseconds(20));
  Elapse(milliseconds(20));
  EXPECT_TRUE(shorter.answer->arrived());
  EXPECT_FALSE(longer.answer->arrived());
  Elapse(milliseconds(30));
  EXPECT_TRUE(longer.answer->arrived());
}

TEST_F(SchedulerTest, UnsentCallGoesBackToTheFrontOfTheQueue) {
  Start(1);
  const Submitted first = Submit(), second = Submit();
  Deliver(workers.Crash(first.id, /*unsent=*/true));
  EXPECT_FALSE(first.answer->arrived());
  EXPECT_EQ(scheduler->Report().queued, 2u);
  EXPECT_EQ(scheduler->Report().queued_bytes, 20u);

  GiveCredit(1);
  EXPECT_EQ(workers.sent(), (Calls{first.id, first.id}));
  Deliver(workers.Finish(first.id));
  EXPECT_EQ(first.answer->code(), 0);
  EXPECT_EQ(workers.sent().back(), second.id);
}

TEST_F(SchedulerTest, UnsentCallStillHasItsDeadline) {
  Start(1);
  const Submitted call = Submit(milliseconds(100));
  Deliver(workers.Crash(call.id, /*unsent=*/true));
  Elapse(milliseconds(100));
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->code(), 10102);
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, UnsentCallThatNobodyWantsIsForgotten) {
  Start(1);
  const Submitted call = Submit();
  scheduler->Abort(call.id);
  Deliver(workers.Crash(call.id, /*unsent=*/true));
  EXPECT_TRUE(scheduler->Idle());
  GiveCredit(1);
  EXPECT_EQ(workers.sent().size(), 1u);
}

TEST_F(SchedulerTest, CrashAnswersTheCallWith10109) {
  Start(1);
  const Submitted call = Submit();
  Deliver(workers.Crash(call.id));
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->code(), 10109);
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, IdempotentCallRunsOnceMoreAfterItsWorkerDied) {
  settings.instances.idempotent = true;
  Start(2);
  const Submitted call = Submit();
  Deliver(workers.Crash(call.id));
  EXPECT_FALSE(call.answer->arrived());
  EXPECT_EQ(workers.sent(), (Calls{call.id, call.id}));
  EXPECT_EQ(scheduler->Report().replayed, 1u);
  Deliver(workers.Finish(call.id));
  EXPECT_EQ(call.answer->code(), 0);
}

TEST_F(SchedulerTest, CallThatKillsTwoWorkersIsAnswered10109) {
  settings.instances.idempotent = true;
  Start(2);
  const Submitted call = Submit();
  Deliver(workers.Crash(call.id));
  Deliver(workers.Crash(call.id));
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->code(), 10109);
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, WorkerIsToldThatNobodyWaitsForARunningCall) {
  Start(1);
  const Submitted running = Submit(milliseconds(100)), queued = Submit(milliseconds(100));
  Elapse(milliseconds(100));
  EXPECT_EQ(workers.cancelled, Calls{running.id}) << "the queued one was never in a worker";
  Deliver(workers.Finish(running.id));
  EXPECT_EQ(scheduler->Report().unwanted, 1u);
}

TEST_F(SchedulerTest, AbortOfAQueuedCallRemovesItUnrun) {
  Start();
  const Submitted call = Submit();
  scheduler->Abort(call.id);
  ASSERT_TRUE(call.answer->arrived());
  EXPECT_EQ(call.answer->reply.status.kind, StatusKind::kCancelled);
  GiveCredit(1);
  EXPECT_TRUE(workers.sent().empty());
  EXPECT_EQ(workers.credit(), 1u);
}

TEST_F(SchedulerTest, AbortOfARunningCallDropsItsResult) {
  Start(1);
  const Submitted call = Submit();
  scheduler->Abort(call.id);
  scheduler->Abort(call.id);
  EXPECT_EQ(call.answer->count, 1);
  EXPECT_FALSE(scheduler->Idle());
  Deliver(workers.Finish(call.id));
  EXPECT_EQ(call.answer->count, 1);
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, AbortOfAnUnknownCallAndResultOfAnUnknownCallAreNoErrors) {
  Start(1);
  scheduler->Abort(12345);
  WorkerResult result;
  result.call = 12345;
  Deliver(std::move(result));
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, QueueIsAnsweredWith10109WhenTheLastHopeIsGone) {
  Start();
  const Submitted first = Submit(), second = Submit();
  workers.hopeful = false;
  scheduler->OnCapacity();
  EXPECT_EQ(first.answer->code(), 10109);
  EXPECT_EQ(second.answer->code(), 10109);
  EXPECT_TRUE(scheduler->Idle());
}

TEST_F(SchedulerTest, DrainTurnsReadinessOffAndStillTakesCalls) {
  Start(1);
  EXPECT_TRUE(scheduler->Ready());
  scheduler->BeginDrain(TimePoint::max());
  EXPECT_FALSE(scheduler->Ready());
  const Submitted call = Submit();
  Deliver(workers.Finish(call.id));
  EXPECT_EQ(call.answer->code(), 0);
}

TEST_F(SchedulerTest, NotReadyWithoutAReadyInstance) {
  workers.ready = 0;
  Start();
  EXPECT_FALSE(scheduler->Ready());
}

TEST_F(SchedulerTest, WhatResultsMakeRoomForIsFlushed) {
  Start(1);
  const Submitted first = Submit();
  Submit();
  workers.flushes = 0;
  Deliver(workers.Finish(first.id));
  EXPECT_EQ(workers.flushes, 1);
}

TEST_F(SchedulerTest, ReportCountsAnswersByCode) {
  settings.licences = 2;
  Start(1);
  const Submitted ok = Submit(), waiting = Submit();
  Submit();
  Deliver(workers.Finish(ok.id));
  scheduler->Abort(waiting.id);
  const QueueReport report = scheduler->Report();
  const std::map<int, uint64_t> expected = {{0, 1}, {10102, 1}, {10110, 1}};
  EXPECT_EQ(report.answers, expected);
  EXPECT_EQ(report.licences, 2u);
  EXPECT_EQ(report.in_flight, 1u) << "the aborted call is still in the engine";
  EXPECT_EQ(report.running, 1u);
  EXPECT_EQ(report.queued, 0u);
}

TEST_F(SchedulerTest, WhatFailsIsRememberedWithItsDetailAndSuccessIsNot) {
  settings.licences = 2;
  Start(2);
  const Submitted good = Submit();
  const Submitted bad = Submit();
  Submit();  // Refused: no licence.
  Deliver(workers.Finish(good.id));
  WorkerResult result = workers.Finish(
      bad.id, Status::Error(StatusKind::kInternal, "it broke;code=3", kCodeExecFailed));
  result.detail = "Traceback ..";
  result.instance = 4;
  Deliver(std::move(result));
  scheduler->OnDeath({1, "died: exit status 3", "last words\n"});
  const std::vector<Failure> all = scheduler->failures().Since(0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].code, kCodeNoLicence);
  EXPECT_EQ(all[0].instance, -1);
  EXPECT_EQ(all[1].text, "it broke;code=3");
  EXPECT_EQ(all[1].detail, "Traceback ..");
  EXPECT_EQ(all[1].instance, 4);
  EXPECT_EQ(all[2].kind, FailureKind::kWorker);
  EXPECT_EQ(all[2].detail, "last words\n");
}

TEST_F(SchedulerTest, ClientThatLeavesIsNoFailureOfTheService) {
  Start(0);
  scheduler->Abort(Submit().id);
  EXPECT_TRUE(scheduler->failures().Since(0).empty());
  Submit(milliseconds(10));
  Elapse(milliseconds(10));
  const std::vector<Failure> all = scheduler->failures().Since(0);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].code, kCodeTimeout);
}

}  // namespace
}  // namespace aiges
