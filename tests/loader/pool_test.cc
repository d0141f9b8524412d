// SPDX-License-Identifier: Apache-2.0
// The pool with workers that the test plays and a clock that the test moves: no process, no sleep.
// The test's thread is the hub's.
#include "loader/instances/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "loader/channel/wire.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_process.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

class RecordingEvents : public WorkerEvents {
 public:
  void OnResults(std::vector<WorkerResult> all) override {
    for (WorkerResult& r : all) results.push_back(std::move(r));
  }
  void OnSessionEvents(std::vector<SessionEvent> all) override {
    for (SessionEvent& e : all) sessions.push_back(std::move(e));
  }
  void OnDoorEvents(std::vector<DoorEvent> all) override {
    for (DoorEvent& e : all) doors.push_back(std::move(e));
  }
  void OnNested(Place place, std::vector<NestedEvent> all) override {
    for (NestedEvent& e : all) nested.emplace_back(place, std::move(e));
  }
  void OnPlaceGone(Place place) override { gone.push_back(place.generation); }
  void OnCapacity() override {}
  void OnDeath(WorkerDeath death) override { deaths.push_back(death.why); }
  void OnAlarm(TimePoint) override {}

  std::vector<WorkerResult> results;
  std::vector<SessionEvent> sessions;
  std::vector<DoorEvent> doors;
  std::vector<std::pair<Place, NestedEvent>> nested;
  std::vector<uint64_t> gone;
  Texts deaths;
};

class PoolTest : public ::testing::Test {
 protected:
  void Start(unsigned count = 1) {
    settings.instances.count = count;
    Status status;
    pool = Pool::Create(settings, {&hub, &processes, &clock}, &status);
    ASSERT_NE(pool, nullptr) << status.text;
    pool->StartOnHub(&events);
    Turn();
  }
  void StartReady(unsigned count = 1) {
    Start(count);
    for (unsigned i = 0; i < count; ++i) Ready(i);
    ASSERT_EQ(pool->ReadyCount(), count);
  }
  // Until nothing is left to do at this time.
  void Turn() {
    hub.Post([] {});  // Looks for timed functions too.
    while (hub.Turn(0)) {
    }
  }
  void Advance(Duration time) {
    for (; time > Duration::zero(); time -= std::min<Duration>(time, milliseconds(500))) {
      clock.Advance(std::min<Duration>(time, milliseconds(500)));
      Turn();
    }
  }
  // The worker that was started as the n-th.
  WorkerEnd& Worker(size_t n) { return *processes.ends().at(n); }
  size_t started() { return processes.ends().size(); }

  template <class F>
  void Say(size_t worker, FrameType type, uint64_t id, const F& body) {
    std::string frame;
    WireWriter w(&frame);
    w.Begin(type, id);
    body(w);
    w.End();
    Worker(worker).Say(frame);
  }
  void Ready(size_t worker, unsigned threads = 1, unsigned most = 1, uint32_t traits = 0) {
    Say(worker, FrameType::kReady, 0, [&](WireWriter& w) {
      w.Text("engine");
      w.Text("1");
      w.Number(traits);
      w.Text("");  // Schema,
      w.Text("");  // doors.
      w.Number(uint32_t{threads});
      w.Number(uint32_t{most});
      w.Number(uint32_t{1});  // Of a batch.
    });
    Turn();
  }
  void Result(size_t worker, uint64_t call) {
    Say(worker, FrameType::kResult, call, [](WireWriter& w) {
      w.Number(Fault::kNone);
      w.Number(uint8_t{0});
      w.Number(uint64_t{5'000'000});
      w.Number(uint32_t{1});
      w.Text("");
      w.Number(uint32_t{0});
    });
  }
  void Taken(size_t worker, uint64_t session, unsigned writes) {
    Say(worker, FrameType::kTaken, session, [&](WireWriter& w) { w.Number(uint32_t{writes}); });
    Turn();
  }
  void Loaded(size_t worker, uint64_t resource, int code) {
    Say(worker, FrameType::kLoaded, resource, [&](WireWriter& w) {
      w.Number(int32_t{code});
      w.Text(code == 0 ? "" : "seven");
      w.Number(uint8_t{0});
    });
    Turn();
  }
  void CallModel(size_t worker, uint64_t id) {
    Say(worker, FrameType::kCall, id, [](WireWriter& w) {
      w.Number(uint32_t{1});
      w.Number(uint64_t{5});
      w.Number(int64_t{INT64_MAX});
      w.Number(uint32_t{0});
      w.Text("b");
      w.Text("");
      w.Number(uint32_t{0});
      w.Number(uint32_t{0});
    });
    Turn();
  }
  // What the loader has sent to a worker since the last look.
  std::vector<FrameType> Heard(size_t worker) {
    std::vector<FrameType> types;
    FrameInput& input = inputs_[worker];
    while (input.Fill(Worker(worker).channel(), MSG_DONTWAIT) == FrameInput::State::kData) {
      while (const auto frame = input.Next()) types.push_back(frame->type);
    }
    return types;
  }
  bool Send(uint64_t call) {
    std::optional<Slot> slot = pool->Reserve();
    if (!slot) return false;
    last_place = slot->place();
    slot->Send(call, request);
    pool->Flush();
    return true;
  }
  void Reload() {
    reloads = 0;
    pool->Reload(settings, [this](Status status) {
      reload = std::move(status);
      ++reloads;
    });
    Turn();
  }
  void TearDown() override {
    for (const auto& end : processes.ends()) end->dies_when_killed = true;
    pool.reset();
  }

  Settings settings;
  FakeClock clock;
  FakeProcesses processes;
  Hub hub{clock};
  RecordingEvents events;
  std::unique_ptr<Pool> pool;
  Request request;
  Place last_place;
  Status reload;
  int reloads = 0;

 private:
  std::map<size_t, FrameInput> inputs_;
};

TEST_F(PoolTest, StreamThatWasQuietForLongMayTakeItsTimeForAWrite) {
  settings.instances.hang_kill_ms = 10'000;
  StartReady();
  const Place place = *pool->PlaceSession();
  ASSERT_TRUE(pool->OpenSession(place, 7, {}));
  pool->Flush();
  Taken(0, 7, 0);
  Advance(seconds(60));
  ASSERT_TRUE(pool->WriteSession(place, 7, {}));
  Advance(seconds(9));
  EXPECT_EQ(Worker(0).kills, 0);
  Taken(0, 7, 1);
  Advance(seconds(60));
  EXPECT_EQ(Worker(0).kills, 0);
  ASSERT_TRUE(pool->WriteSession(place, 7, {}));
  Advance(seconds(12));
  EXPECT_EQ(Worker(0).kills, 1);
  ASSERT_FALSE(events.sessions.empty());
  const std::string& why = events.sessions.back().status.text;
  EXPECT_NE(why.find("no progress within hang_kill_ms=10000, killed"), std::string::npos) << why;
}

TEST_F(PoolTest, LoopThatStopsTurningIsKilledAlsoWithoutACall) {
  settings.instances.hang_kill_ms = 10'000;
  Start();
  Ready(0, 1, 1, kTraitAsyncOnce);
  const auto alive = [&] { Say(0, FrameType::kAlive, 0, [](WireWriter&) {}); };
  ASSERT_TRUE(Send(1));
  for (int s = 0; s < 60; ++s) {
    alive();
    Advance(seconds(1));
  }
  EXPECT_EQ(Worker(0).kills, 0) << "its call may lie in a loop that turns";
  Result(0, 1);
  Advance(seconds(12));
  EXPECT_EQ(Worker(0).kills, 1);
}

TEST_F(PoolTest, WorkerThatKeepsDyingIsStartedWithGrowingPauses) {
  StartReady();
  for (size_t n = 0; n < 4; ++n) {
    ASSERT_EQ(started(), n + 1);
    Worker(n).Die("exit status 3");
    Turn();
    EXPECT_EQ(pool->Hopeful(), n == 0) << n;
    Advance(milliseconds(100u << n));
  }
  EXPECT_EQ(events.deaths.front(), "died: exit status 3");
  EXPECT_EQ(events.deaths.back(), "did not start: exit status 3");
}

TEST_F(PoolTest, CallThatWasNotSentMayGoElsewhere) {
  StartReady();
  ASSERT_TRUE(Send(1));
  Worker(0).Die("exit status 3");
  Turn();
  ASSERT_EQ(events.results.size(), 1u);
  EXPECT_FALSE(events.results[0].unsent) << "it was handed to the kernel";
  EXPECT_TRUE(events.results[0].lost);
}

TEST_F(PoolTest, ThreadsThatWereAddedGetCalls) {
  Start();
  Ready(0, 1, 4);
  EXPECT_TRUE(Send(1));
  EXPECT_TRUE(Send(2)) << "the one whose waiting shows that a thread is missing";
  EXPECT_FALSE(Send(3));
  Say(0, FrameType::kThreads, 0, [](WireWriter& w) {
    w.Number(uint32_t{3});
    w.Number(uint32_t{3});
  });
  Turn();
  EXPECT_TRUE(Send(3));
  EXPECT_FALSE(Send(4));
}

TEST_F(PoolTest, ReloadSwapsAllWhenTheLastIsUp) {
  StartReady(2);
  Reload();
  ASSERT_EQ(started(), 3u) << "one after the other";
  Ready(2);
  ASSERT_EQ(started(), 4u);
  EXPECT_EQ(pool->ReadyCount(), 2u) << "it stands by";
  EXPECT_EQ(reloads, 0);
  Ready(3);
  EXPECT_EQ(reloads, 1);
  EXPECT_TRUE(reload.ok()) << reload.text;
  EXPECT_EQ(pool->ReadyCount(), 2u);
  for (const size_t old : {0u, 1u}) EXPECT_EQ(Heard(old).back(), FrameType::kFini);
  for (uint64_t call = 1; call <= 2; ++call) {
    ASSERT_TRUE(Send(call));
    EXPECT_GE(last_place.instance, 2u);
  }
}

TEST_F(PoolTest, ReloadWhoseSecondWorkerFailsLeavesAllOnTheOldCode) {
  StartReady(2);
  settings.instances.drain_ms = 1;
  Reload();
  Ready(2);
  Worker(3).Die("exit status 3");
  Turn();
  EXPECT_EQ(reloads, 1);
  EXPECT_NE(reload.text.find("the new worker 1 did not start"), std::string::npos) << reload.text;
  EXPECT_EQ(Heard(2).back(), FrameType::kFini) << "the one that was up is ended";
  Worker(2).Die("exit status 0");
  Turn();
  EXPECT_EQ(pool->ReadyCount(), 2u);
  for (uint64_t call = 1; call <= 2; ++call) {
    ASSERT_TRUE(Send(call));
    EXPECT_LT(last_place.instance, 2u);
  }
  Reload();
  Ready(4);
  Ready(5);
  EXPECT_TRUE(reload.ok()) << "once more, with better code: " << reload.text;
}

TEST_F(PoolTest, WorkerThatDiesDuringAReloadComesBackWithTheOldSettings) {
  settings.engine = {{"version", "old"}};
  StartReady(2);
  settings.instances.library = "new.so";
  Reload();
  EXPECT_EQ(Worker(2).plan.library, "new.so");
  Worker(0).Die("exit status 3");
  Turn();
  EXPECT_EQ(Worker(3).plan.library, "");
}

TEST_F(PoolTest, ReloadWaitsUntilWhatALastOneReplacedHasLeft) {
  StartReady();
  ASSERT_TRUE(Send(1));
  Reload();
  Ready(1);
  EXPECT_TRUE(reload.ok());
  Reload();
  EXPECT_EQ(started(), 2u) << "the old worker still has a call, and the place";
  Result(0, 1);
  Turn();
  EXPECT_EQ(Heard(0).back(), FrameType::kFini);
  Worker(0).Die("exit status 0");
  Turn();
  ASSERT_EQ(started(), 3u);
  Ready(2);
  EXPECT_EQ(reloads, 1);
  EXPECT_TRUE(reload.ok()) << reload.text;
}

TEST_F(PoolTest, WorkersThatAreOnlyLeavingAreNoHope) {
  StartReady();
  ASSERT_TRUE(Send(1));
  Reload();
  Ready(1);
  Worker(1).Die("exit status 3");  // At once again, then after a pause.
  Turn();
  Worker(2).Die("exit status 3");
  Turn();
  EXPECT_TRUE(Heard(0).size() > 0 && pool->ReadyCount() == 0);
  EXPECT_FALSE(pool->Hopeful()) << "the old worker has a call, but takes no other";
}

TEST_F(PoolTest, WorkerThatCannotLoadAResourceDoesNotServe) {
  StartReady(2);
  unsigned id = 0;
  pool->Load({}, [&](const Status& status, unsigned number) {
    EXPECT_TRUE(status.ok()) << status.text;
    id = number;
  });
  Turn();
  Loaded(0, 1, 0);
  Loaded(1, 1, 0);
  EXPECT_EQ(id, 1u);
  Worker(1).Die("exit status 3");
  Turn();
  ASSERT_EQ(started(), 3u);
  Ready(2);
  EXPECT_EQ(pool->ReadyCount(), 1u) << "it has not said that it has the resource";
  Loaded(2, 1, 7);
  EXPECT_EQ(Worker(2).kills, 1);
  EXPECT_EQ(events.deaths.back(), "did not start: resource 1 could not be loaded: seven");
  Advance(milliseconds(100));
  ASSERT_EQ(started(), 4u);
  Ready(3);
  Loaded(3, 1, 0);
  EXPECT_EQ(pool->ReadyCount(), 2u);
}

TEST_F(PoolTest, ResourceThatNeverGetsLoadedEndsItsWorker) {
  settings.instances.hang_kill_ms = 10'000;
  StartReady();
  Status answer;
  pool->Load({}, [&](Status status, unsigned) { answer = std::move(status); });
  Turn();
  Advance(seconds(12));
  EXPECT_EQ(Worker(0).kills, 1);
  EXPECT_EQ(answer.kind, StatusKind::kDisconnected) << answer.text;
}

TEST_F(PoolTest, MetricsOfAnEngineAreThoseItToldLastAndGoWithTheWorker) {
  StartReady();
  for (const char* told : {"[]", R"([{"name": "n"}])"}) {
    Say(0, FrameType::kMetrics, 0, [told](WireWriter& w) { w.Text(told); });
  }
  Turn();
  const auto metrics = pool->Report().instances.front().metrics;
  ASSERT_NE(metrics, nullptr);
  EXPECT_EQ(*metrics, R"([{"name": "n"}])");
  Worker(0).Die("signal 9");
  Turn();
  EXPECT_EQ(pool->Report().instances.front().metrics, nullptr);
}

TEST_F(PoolTest, NoWorkerTakesTheTurnOfAnother) {
  StartReady(2);
  ASSERT_TRUE(Send(1));
  ASSERT_TRUE(Send(2));
  constexpr uint64_t kFrames = 3 * Instance::kFramesPerTurn;
  std::string frames;
  WireWriter w(&frames);
  for (uint64_t i = 0; i < kFrames; ++i) {
    w.Begin(FrameType::kMeter, 0);
    w.Text("");
    w.Text("units");
    w.Number(int32_t{1});
    w.End();
  }
  Worker(0).Say(frames);  // At once: the socket holds only so many small pieces.
  Worker(0).Print(std::string(4 * Instance::kOutputPerTurn, 'x'));
  Result(0, 1);
  Result(1, 2);
  hub.Turn(0);
  EXPECT_EQ(events.results.size(), 1u) << "that of the quiet worker";
  EXPECT_EQ(pool->Report().meters["units"], uint64_t{Instance::kFramesPerTurn});
  Advance(milliseconds(100));
  EXPECT_EQ(events.results.size(), 2u);
  EXPECT_EQ(pool->Report().meters["units"], kFrames) << "and nothing is lost";
}

TEST_F(PoolTest, CallOfAnotherModelIsToldAndAnswered) {
  StartReady();
  Heard(0);
  CallModel(0, 7);
  ASSERT_EQ(events.nested.size(), 1u);
  const auto& [place, call] = events.nested[0];
  EXPECT_EQ(call.id, 7u);
  EXPECT_EQ(call.callers, std::vector<uint64_t>{5});
  EXPECT_EQ(call.model, "b");
  EXPECT_EQ(call.deadline, TimePoint::max());
  pool->Answer(place, 7, {Status::Ok(), {}});
  EXPECT_EQ(Heard(0), std::vector<FrameType>{FrameType::kCallAnswer});
  pool->Answer(place, 7, {Status::Ok(), {}});
  EXPECT_TRUE(Heard(0).empty()) << "it has its last answer";
}

TEST_F(PoolTest, WorkerHasABoundedNumberOfCallsOfOtherModels) {
  StartReady();
  Heard(0);
  for (uint64_t id = 1; id <= kMostOpenCalls; ++id) CallModel(0, id);
  EXPECT_EQ(events.nested.size(), kMostOpenCalls);
  EXPECT_TRUE(Heard(0).empty());
  CallModel(0, 5000);
  EXPECT_EQ(events.nested.size(), kMostOpenCalls);
  EXPECT_EQ(Heard(0), std::vector<FrameType>{FrameType::kCallAnswer}) << "refused";
}

TEST_F(PoolTest, CallThatIsMadeTwiceIsNoCall) {
  StartReady();
  CallModel(0, 7);
  CallModel(0, 7);
  EXPECT_EQ(Worker(0).kills, 1);
}

TEST_F(PoolTest, EndOfAProcessEndsItsCallsOfOtherModels) {
  StartReady();
  CallModel(0, 7);
  const Place place = events.nested.at(0).first;
  Worker(0).Die("exit status 3");
  Turn();
  EXPECT_EQ(events.gone, std::vector<uint64_t>{place.generation});
  pool->Answer(place, 7, {Status::Ok(), {}});  // For nobody.
}

}  // namespace
}  // namespace aiges
