// SPDX-License-Identifier: Apache-2.0
// Random schedules of everything that can happen to calls. Whatever the order: each call is
// answered exactly once, none is sent after its answer, the bounds hold, and nothing is left over.
#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "loader/scheduler/scheduler.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_workers.h"
#include "tests/fakes/recording_sink.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kLicences = 12;
constexpr uint64_t kMaxQueued = 6;
constexpr uint64_t kMaxBytes = 400;

class World {
 public:
  explicit World(unsigned seed) : random_(seed), scheduler_(Bounds(), &workers_, &clock_) {}

  void Step() {
    switch (Pick(10)) {
      case 0:
      case 1:
      case 2:
        return Submit();
      case 3:
      case 4:
        return FinishSome();
      case 5:
        return CrashSome();
      case 6:
        return Elapse(milliseconds(Pick(30)));
      case 7:
        return AbortOne();
      case 8:
        workers_.AddCredit(1);  // An instance came up.
        workers_.hopeful = true;
        return scheduler_.OnCapacity();
      default:
        if (Pick(8) != 0) return;
        workers_.hopeful = false;  // The engine keeps failing.
        return scheduler_.OnCapacity();
    }
  }

  void CheckNow() {
    const QueueReport report = scheduler_.Report();
    EXPECT_LE(report.in_flight, kLicences);
    EXPECT_GE(report.in_flight, report.queued + workers_.running().size());
    EXPECT_EQ(report.running, workers_.running().size());
    uint64_t unanswered = 0;
    for (const auto& [id, call] : calls_) {
      if (!call->arrived()) ++unanswered;
    }
    EXPECT_LE(unanswered, report.in_flight);
    for (; checked_ < workers_.sent().size(); ++checked_) {
      const uint64_t id = workers_.sent()[checked_];
      EXPECT_EQ(answered_before_.count(id), 0u) << "sent after its answer: " << id;
    }
    for (const auto& [id, call] : calls_) {
      if (call->arrived()) answered_before_.insert(id);
    }
  }

  void EndAndCheck() {
    workers_.hopeful = true;
    for (int round = 0; round < 1000 && !scheduler_.Idle(); ++round) {
      workers_.AddCredit(1);
      scheduler_.OnCapacity();
      FinishSome();
    }
    EXPECT_TRUE(scheduler_.Idle());
    EXPECT_EQ(scheduler_.Report().queued_bytes, 0u);
    uint64_t counted = 0;
    for (const auto& [code, count] : scheduler_.Report().answers) counted += count;
    EXPECT_EQ(counted, calls_.size() + refused_.size());
    for (const auto& [id, call] : calls_) EXPECT_EQ(call->count, 1) << "call " << id;
    for (const auto& call : refused_) EXPECT_EQ(call->count, 1);
  }

 private:
  static Settings Bounds() {
    Settings settings;
    settings.licences = kLicences;
    settings.queue.max_requests = kMaxQueued;
    settings.queue.max_bytes = kMaxBytes;
    return settings;
  }
  int Pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  void Submit() {
    Request request;
    request.arrived = clock_.Now();
    request.deadline = clock_.Now() + milliseconds(Pick(100));
    Payload payload;
    payload.data = Bytes::Own(std::string(static_cast<size_t>(Pick(150)), 'x'));
    request.payloads.push_back(std::move(payload));
    const QueueReport before = scheduler_.Report();
    auto answer = std::make_shared<Answer>();
    const CallId id =
        scheduler_.Submit(std::move(request), std::make_unique<RecordingSink>(answer));
    if (id != 0) {
      EXPECT_LT(before.queued, kMaxQueued);
      EXPECT_LE(before.queued_bytes, kMaxBytes);
      calls_[id] = answer;
    } else {
      EXPECT_TRUE(answer->arrived()) << "a refusal is immediate";
      refused_.push_back(answer);
    }
  }
  // Takes some of the running calls out of the workers, in any order.
  template <class Make>
  void Return(Make make) {
    std::vector<WorkerResult> results;
    for (int n = 1 + Pick(3); n > 0 && !workers_.running().empty(); --n) {
      const auto size = static_cast<int>(workers_.running().size());
      results.push_back(make(std::next(workers_.running().begin(), Pick(size))->first));
    }
    scheduler_.OnResults(std::move(results));
  }
  void FinishSome() {
    Return([this](uint64_t id) { return workers_.Finish(id); });
  }
  void CrashSome() {
    Return([this](uint64_t id) { return workers_.Crash(id, Pick(2) == 0); });
  }
  void Elapse(milliseconds d) {
    clock_.Advance(d);
    if (!workers_.alarm || *workers_.alarm > clock_.Now()) return;
    workers_.alarm.reset();
    scheduler_.OnAlarm(clock_.Now());
  }
  void AbortOne() {
    if (calls_.empty()) return;
    scheduler_.Abort(std::next(calls_.begin(), Pick(static_cast<int>(calls_.size())))->first);
  }

  std::mt19937 random_;
  FakeClock clock_;
  FakeWorkers workers_{2};
  Scheduler scheduler_;
  std::map<CallId, std::shared_ptr<Answer>> calls_;
  std::vector<std::shared_ptr<Answer>> refused_;
  std::set<CallId> answered_before_;
  size_t checked_ = 0;
};

class SchedulerProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(SchedulerProperty, EveryCallIsAnsweredExactlyOnceWhateverHappens) {
  World world(GetParam());
  for (int i = 0; i < 600 && !HasFailure(); ++i) {
    world.Step();
    world.CheckNow();
  }
  world.EndAndCheck();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SchedulerProperty, ::testing::Range(1u, 31u));

}  // namespace
}  // namespace aiges
