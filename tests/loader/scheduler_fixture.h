// SPDX-License-Identifier: Apache-2.0
// tests/loader/scheduler_fixture.h: a Scheduler between a test and workers that it decides for.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/scheduler/scheduler.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_workers.h"
#include "tests/fakes/recording_sink.h"

namespace aiges {

using std::chrono::milliseconds;

class SchedulerTest : public ::testing::Test {
 protected:
  struct Submitted {
    CallId id;
    std::shared_ptr<Answer> answer;
  };

  // Workers without credit: every call waits until a test gives some.
  void Start(unsigned credit = 0, const Scheduler::Shared& shared = {}) {
    workers.AddCredit(credit);
    scheduler = std::make_unique<Scheduler>(settings, &workers, &clock, shared);
  }

  Submitted Submit(milliseconds timeout = milliseconds(1000), size_t bytes = 10) {
    Request request;
    request.arrived = clock.Now();
    request.deadline = clock.Now() + timeout;
    Payload payload;
    payload.data = Bytes::Own(std::string(bytes, 'x'));
    request.payloads.push_back(std::move(payload));
    auto answer = std::make_shared<Answer>();
    const CallId id =
        scheduler->Submit(std::move(request), std::make_unique<RecordingSink>(answer));
    return {id, answer};
  }

  void Deliver(WorkerResult result) {
    std::vector<WorkerResult> results;
    results.push_back(std::move(result));
    scheduler->OnResults(std::move(results));
  }

  // Time passes, and the alarm rings if it was set for then.
  void Elapse(milliseconds d) {
    clock.Advance(d);
    if (!workers.alarm || *workers.alarm > clock.Now()) return;
    workers.alarm.reset();
    scheduler->OnAlarm(clock.Now());
  }

  void GiveCredit(unsigned n) {
    workers.AddCredit(n);
    scheduler->OnCapacity();
  }

  FakeClock clock;
  FakeWorkers workers{0};
  Settings settings;
  std::unique_ptr<Scheduler> scheduler;
};

}  // namespace aiges
