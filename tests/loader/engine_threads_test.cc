// SPDX-License-Identifier: Apache-2.0
// On which threads an engine runs, what it may do there, and what is seen while it does.

#include <cstring>
#include <filesystem>

#include "tests/loader/engine_fixture.h"

namespace aiges {
namespace {

class EngineThreadsTest : public EngineTest {
 protected:
  void StartWith(unsigned threads, unsigned most, const char* library = AIGES_ENGINE) {
    settings.instances.threads = threads;
    settings.instances.most_threads = most;
    Start(library);
  }
  // Until no thread of the worker looks at anything any more.
  void WaitUntilAsleep() {
    const std::string tasks =
        "/proc/" + std::to_string(pool->Report().instances.at(0).pid) + "/task";
    const auto wakes = [&tasks] {
      uint64_t all = 0;
      for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::ifstream status(task.path() / "status");
        uint64_t number = 0;
        for (std::string word; status >> word;) {
          if (word == "voluntary_ctxt_switches:" && status >> number) all += number;
        }
      }
      return all;
    };
    uint64_t before = 0;
    for (uint64_t now = wakes(); now != before; now = wakes()) {
      before = now;
      std::this_thread::sleep_for(milliseconds(20));
    }
  }
};

// The earlier loader called from as many threads as there were calls; engines that wait for other
// services rely on it.
TEST_F(EngineThreadsTest, CallsThatWaitRunAtOnce) {
  StartWith(1, 64);
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(Call("x", {{"until", Gate("all")}}));
  WaitMeter("waits", 10);
  OpenGate("all");
  for (auto& call : calls) EXPECT_EQ(Text(call->Take()), "X");
  WaitIdle();
}

// A leader whose place was taken believed to have it still once the next one had begun a call: two
// threads read the channel, and calls were lost. Calls of about the time after which that happens.
TEST_F(EngineThreadsTest, EachCallIsAnsweredOnceWhileThreadsAreAdded) {
  StartWith(1, 64);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::shared_ptr<Box<Reply>>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(
          Call("x", {{"sleep_us", std::to_string(1500 + (round * 37 + i * 211) % 1500)}}));
    }
    for (auto& call : calls) EXPECT_EQ(Text(call->Take()), "X");
  }
  WaitMeter("slept", 400);
  WaitIdle();
}

// The watcher of a worker sleeps while there is nothing to do.
TEST_F(EngineThreadsTest, CallsThatWaitRunAtOnceAfterAPauseToo) {
  StartWith(1, 64);
  EXPECT_EQ(Text(Call("warm")->Take()), "WARM");
  WaitUntilAsleep();
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(Call("x", {{"until", Gate("all")}}));
  WaitMeter("waits", 4);
  OpenGate("all");
  for (auto& call : calls) EXPECT_EQ(Text(call->Take()), "X");
}

TEST_F(EngineThreadsTest, SessionsThatWaitInReadRunAtOnce) {
  settings.sessions.async_mode = false;
  StartWith(1, 64);
  std::vector<SessionId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(Open({{"until", Gate("all")}}));
  for (const SessionId id : ids) Write(id, "x", DataStatus::kOnce);
  WaitMeter("waits", 10);
  OpenGate("all");
  for (const SessionId id : ids) EXPECT_EQ(All(id), Texts{"X"});
  WaitMeter("destroyed", 10);
  WaitIdle();
}

TEST_F(EngineThreadsTest, NoMoreThanTheMostRunAtOnce) {
  settings.sessions.async_mode = false;
  StartWith(1, 3);
  std::vector<SessionId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(Open({{"until", Gate("all")}}));
  for (const SessionId id : ids) Write(id, "x", DataStatus::kOnce);
  WaitMeter("waits", 3);
  OpenGate("all");
  for (const SessionId id : ids) EXPECT_EQ(All(id), Texts{"X"});
  WaitMeter("waits", 6);
}

// What belongs to a thread (a CUDA device, an sqlite3 connection) is made in wrapperInit.
class OneThreadTest : public EngineThreadsTest,
                      public ::testing::WithParamInterface<const char*> {};

TEST_P(OneThreadTest, IsOneForAllHooks) {
  StartWith(1, 1, GetParam());
  std::vector<SessionId> ids;
  std::vector<std::shared_ptr<Box<Reply>>> calls;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(Open({{"who", "1"}}));
    calls.push_back(Call("x", {{"who", "1"}}));
    Write(ids.back(), "a", DataStatus::kOnce);
  }
  for (auto& call : calls) EXPECT_EQ(Text(call->Take()), "init");
  for (const SessionId id : ids) EXPECT_EQ(All(id), Texts{"init A"});
  WaitIdle();
}

INSTANTIATE_TEST_SUITE_P(Engines, OneThreadTest,
                         ::testing::Values(AIGES_ENGINE, AIGES_ENGINE_WITHOUT_READ));

// The hook that delivers waits for credit, on the only thread: somebody else must read it.
TEST_F(EngineThreadsTest, CreditComesWhileTheOnlyThreadWaitsForIt) {
  StartWith(1, 1, AIGES_ENGINE_WITHOUT_READ);
  const SessionId id = Open({{"items", "200"}, {"inside", "1"}}, 5);
  Write(id, "x", DataStatus::kOnce);
  EXPECT_EQ(All(id).size(), 201u);
  WaitIdle();
}

TEST_F(EngineThreadsTest, SessionIsAbortedWhileItsHookWaitsForCreditOnTheOnlyThread) {
  StartWith(1, 1, AIGES_ENGINE_WITHOUT_READ);
  const SessionId id = Open({{"items", "200"}, {"inside", "1"}}, 5);
  Write(id, "x", DataStatus::kOnce);
  Poll(id);
  scheduler->sessions()->Abort(id);
  WaitMeter("destroyed", 1);
  WaitIdle();
}

TEST_F(EngineThreadsTest, CallIsNotHeldBackByTheSlowOneBehindIt) {
  StartWith(1, 1);
  EXPECT_EQ(Text(Call("warm")->Take()), "WARM");  // The window opens: both lie in the worker.
  const auto slow = Call("slow", {{"until", Gate("slow")}});
  WaitMeter("waits", 1);
  OpenGate("slow");
  EXPECT_EQ(Text(slow->Take()), "SLOW");
}

TEST_F(EngineThreadsTest, ResourceIsThereForTheCallsBehindIt) {
  StartWith(1, 64);
  const auto slow = Call("slow", {{"until", Gate("slow")}});
  WaitMeter("waits", 1);
  const unsigned id = Load("text");
  ASSERT_NE(id, 0u);
  EXPECT_EQ(Text(Call("x", {}, seconds(20), {id})->Take()), "X[" + std::to_string(id) + "=text]");
  OpenGate("slow");
  EXPECT_EQ(Text(slow->Take()), "SLOW");
}

// A child of fork that comes back would be a second worker on the same channel.
TEST_F(EngineThreadsTest, ForkOfAHookIsCutOff) {
  settings.sessions.async_mode = false;
  StartWith(1, 1);
  EXPECT_EQ(Text(Call("x", {{"fork", "1"}})->Take()), "child ended with 1");
  const SessionId id = Open({{"fork", "1"}});
  Write(id, "x", DataStatus::kOnce);
  EXPECT_EQ(All(id), Texts{"child ended with 1 X"});
  EXPECT_EQ(Text(Call("after")->Take()), "AFTER");
  WaitIdle();
}

class EngineErrorTest : public EngineTest {
 protected:
  SessionOutput Last(SessionId id) {
    SessionOutput output = Poll(id, 1000);
    while (output.status.ok() && !output.last) output = Poll(id, 1000);
    return output;
  }
};

TEST_F(EngineErrorTest, PluginSaysThatTheCallerIsAtFault) {
  Start();
  const Reply bad = Call("x", {{"exec", "caller"}})->Take();
  EXPECT_EQ(bad.status.kind, StatusKind::kInvalid);
  EXPECT_EQ(bad.status.code, kCodeExecFailed);
  EXPECT_EQ(bad.status.text, "unusable;code=8");
  EXPECT_EQ(Call("x", {{"exec", "fail"}})->Take().status.kind, StatusKind::kInternal);
  const SessionId id = Open({{"write", "caller"}});
  Write(id, "x", DataStatus::kOnce);
  const Status status = Last(id).status;
  EXPECT_EQ(status.kind, StatusKind::kInvalid);
  EXPECT_EQ(status.code, kCodeWriteFailed);
  Box<Status> box;
  pool->Load(Piece("unusable", DataStatus::kOnce), [&](Status s, unsigned) { box.Put(s); });
  EXPECT_EQ(box.Take().kind, StatusKind::kInvalid);
}

TEST_F(EngineErrorTest, ErrorByCallbackHasItsOwnCode) {
  settings.sessions.async_mode = true;
  Start();
  const SessionId id = Open({{"write", "callback"}});
  Write(id, "x", DataStatus::kOnce);
  EXPECT_EQ(Last(id).status.code, kCodeCallbackFailed);
  EXPECT_EQ(Call("x", {{"callback", "fail"}})->Take().status.code, kCodeCallbackFailed);
  EXPECT_EQ(Call("x", {{"exec", "fail"}})->Take().status.code, kCodeExecFailed)
      << "wrapperExecAsync itself";
}

// An engine that has wrapperRead and answers by callback, under the default configuration.
class EitherTest : public EngineTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(EitherTest, CallbackIsTakenAndReadingEnds) {
  Start();
  const SessionId id = Open({{"items", "30"}, {"read", GetParam()}});
  Write(id, "x", DataStatus::kOnce);
  const Texts all = All(id);
  ASSERT_GE(all.size(), 31u);
  EXPECT_LE(all.size(), 32u) << "at most one empty item before the first callback";
  EXPECT_EQ(all.back(), "30");
  WaitMeter("destroyed", 1);
  WaitIdle();
}

INSTANTIATE_TEST_SUITE_P(Reads, EitherTest, ::testing::Values("empty", "silent"));

TEST_F(EngineTest, ReadThatSaysNothingDoesNotFloodTheClient) {
  settings.sessions.async_mode = false;
  Start();
  const SessionId id = Open({{"read", "silent"}});
  Write(id, "x", DataStatus::kOnce);
  EXPECT_EQ(Poll(id).batches.size(), 1u);
  WaitMeter("silent", 5, true);
  scheduler->sessions()->Abort(id);
  WaitMeter("destroyed", 1);
}

// The loader has its memory back when a write is taken: what is gathered must be a copy.
TEST_F(EngineTest, InputOfAnEngineWithoutSessionsIsKept) {
  Start(AIGES_ENGINE_WITHOUT_SESSIONS);
  constexpr size_t kSize = 100'000;  // In shared memory.
  const SessionId id = Open();
  std::string expected;
  for (char letter = 'a'; letter <= 'j'; ++letter) {
    auto box = std::make_shared<Box<bool>>();
    Buffer room = pool->Allocate(kSize);
    std::memset(room.data, letter, kSize);
    Payload payload = Piece("", letter == 'j' ? DataStatus::kEnd : DataStatus::kContinue);
    payload.data = std::move(room).Freeze();
    const Status done =
        scheduler->sessions()->Write(id, 0, {std::move(payload)}, [box] { box->Put(true); });
    ASSERT_TRUE(done.ok()) << done.text;
    if (letter != 'j') box->Take();
    expected += std::string(kSize, static_cast<char>(letter - 'a' + 'A'));
  }
  EXPECT_EQ(All(id), Texts{expected});
  WaitIdle();
}

}  // namespace
}  // namespace aiges
