// SPDX-License-Identifier: Apache-2.0
// How a pool takes the deaths of its workers, with fakes: no processes, the test decides when and
// how they end.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loader/channel/wire.h"
#include "loader/instances/pool.h"
#include "tests/fakes/fake_process.h"

namespace aiges {
namespace {

using std::chrono::seconds;

// Events of the pool, for a test that waits for them.
class Seen : public WorkerEvents {
 public:
  void OnResults(std::vector<WorkerResult> results) override {
    Change([&] {
      for (WorkerResult& r : results) results_.push_back(std::move(r));
    });
  }
  void OnSessionEvents(std::vector<SessionEvent>) override {}
  void OnDoorEvents(std::vector<DoorEvent>) override {}
  void OnCapacity() override {
    Change([] {});
  }
  void OnDeath(WorkerDeath death) override {
    Change([&] { deaths_.push_back(std::move(death.why)); });
  }
  void OnAlarm(TimePoint) override {}

  std::vector<WorkerResult> Results(size_t count) {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(20), [&] { return results_.size() >= count; }));
    return results_;
  }
  std::vector<std::string> Deaths(size_t count) {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(20), [&] { return deaths_.size() >= count; }));
    return deaths_;
  }

 private:
  void Change(const std::function<void()>& change) {
    const std::lock_guard lock(mu_);
    change();
    changed_.notify_all();
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<WorkerResult> results_;
  std::vector<std::string> deaths_;
};

std::string ReadyFrames() {
  std::string frames;
  WireWriter w(&frames);
  w.Begin(FrameType::kHello, 0);
  w.Number(kChannelVersion);
  w.Number(uint32_t{1});
  w.End();
  w.Begin(FrameType::kReady, 0);
  w.Text("plugin");
  w.Text("");
  w.Number(uint32_t{0});
  w.Text("");  // Schema,
  w.Text("");  // doors.
  w.Number(uint32_t{1});
  w.Number(uint32_t{1});
  w.Number(uint32_t{1});  // Of a batch.
  w.End();
  return frames;
}

std::string ResultFrame(uint64_t call) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kResult, call);
  w.Number(Fault::kNone);
  w.Number(uint8_t{0});
  w.Number(uint64_t{1000});
  w.Number(uint32_t{0});
  w.Text("");
  w.Number(uint32_t{0});
  w.End();
  return frame;
}

class PoolDeath : public ::testing::Test {
 protected:
  void SetUp() override {
    Settings settings;
    settings.instances.count = 2;
    Status status;
    pool = Pool::Create(settings, {&hub, &processes, &clock}, &status);
    ASSERT_TRUE(status.ok()) << status.text;
    pool->Start(&seen);
    ASSERT_NO_FATAL_FAILURE(MakeReady(2));
  }
  void TearDown() override {
    for (const auto& end : processes.ends()) end->dies_when_killed = true;
    pool->Drain(std::chrono::steady_clock::now());
  }

  // Lets the processes that are there, so many at least, say that they are ready.
  void MakeReady(size_t count) {
    const TimePoint late = std::chrono::steady_clock::now() + seconds(20);
    while (processes.ends().size() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), late) << "not started";
      std::this_thread::yield();
    }
    for (size_t i = said; i < count; ++i) processes.ends()[i]->Say(ReadyFrames());
    said = count;
    while (pool->ReadyCount() < 2) {
      ASSERT_LT(std::chrono::steady_clock::now(), late) << "not ready";
      std::this_thread::yield();
    }
  }

  // Sends a call; out: the process that has it.
  std::shared_ptr<WorkerEnd> Send(uint64_t call) {
    std::optional<Slot> slot = pool->Reserve();
    EXPECT_TRUE(slot);
    for (const auto& end : processes.ends()) (void)end->Heard();
    slot->Send(call, request);
    pool->Flush();
    for (auto& end : processes.ends()) {
      if (!end->Heard().empty()) return end;
    }
    ADD_FAILURE() << "nobody got it";
    return nullptr;
  }

  FakeProcesses processes;
  SteadyClock clock;
  Hub hub{clock};
  Seen seen;
  std::unique_ptr<Pool> pool;
  Request request;
  size_t said = 0;
};

TEST_F(PoolDeath, SlowDeathHoldsNobodyAndIsToldByWhatItDiesOf) {
  const auto first = Send(1), second = Send(2);
  ASSERT_NE(first, second);
  const auto dying = processes.ends()[0], other = processes.ends()[1];
  const uint64_t others_call = other == first ? 1 : 2;
  dying->dies_when_killed = false;
  dying->CloseChannel("killed by signal 11 (Segmentation fault)");
  other->Say(ResultFrame(others_call));
  EXPECT_EQ(seen.Results(1)[0].call, others_call) << "the dead one holds the other";
  const std::vector<WorkerResult> results = seen.Results(2);
  EXPECT_TRUE(results[1].lost);
  EXPECT_EQ(results[1].status.text,
            "worker 0 died with the call: killed by signal 11 (Segmentation fault)");
  EXPECT_EQ(processes.ends().size(), 2u) << "a new one before the old one's memory is free";
  dying->Die("killed by signal 11 (Segmentation fault)");
  ASSERT_NO_FATAL_FAILURE(MakeReady(3));
}

TEST_F(PoolDeath, EndOfTheChannelWaitsForTheReason) {
  const auto dying = Send(1);
  dying->CloseChannel("exit status 3");
  dying->Die("exit status 3");
  EXPECT_EQ(seen.Deaths(1)[0], "died: exit status 3");
  const std::string text = seen.Results(1)[0].status.text;
  EXPECT_NE(text.find(" died with the call: exit status 3"), std::string::npos) << text;
}

TEST_F(PoolDeath, ClosedChannelOfAWorkerThatLivesIsToldAsThat) {
  const auto dying = Send(1);
  dying->CloseChannel();
  EXPECT_EQ(seen.Deaths(1)[0], "died: closed its channel");
  EXPECT_GE(dying->kills, 1);
}

TEST_F(PoolDeath, ExitAfterAClosedChannelIsNoReason) {
  const auto dying = Send(1);
  dying->CloseChannel();
  dying->Die("exit status 0");
  EXPECT_EQ(seen.Deaths(1)[0], "died: closed its channel");
}

TEST_F(PoolDeath, BrokenFrameIsToldAsThatAndKills) {
  const auto dying = Send(1);
  dying->Say(std::string(64, '\xff'));
  EXPECT_EQ(seen.Deaths(1)[0], "died: sent what is no frame, killed");
  EXPECT_GE(dying->kills, 1);
}

TEST_F(PoolDeath, WorkerThatCannotBeKilledDoesNotHoldTheDrain) {
  processes.ends()[0]->dies_when_killed = false;
  pool->Drain(std::chrono::steady_clock::now());
  EXPECT_GE(processes.ends()[0]->kills, 1);
}

}  // namespace
}  // namespace aiges
