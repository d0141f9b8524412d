// Scheduler, instances, channel and the real aiges-worker with a real engine (tests/engine), without
// a front: what holds for every front is held here.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/clock.h"
#include "loader/instances/pool.h"
#include "loader/scheduler/scheduler.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using Texts = std::vector<std::string>;

// What one sink got; waits for it.
template <class T>
class Box {
 public:
  void Put(T value) {
    const std::lock_guard lock(mu_);
    EXPECT_FALSE(value_) << "answered twice";
    value_ = std::move(value);
    changed_.notify_all();
  }
  T Take() {
    std::unique_lock lock(mu_);
    if (!changed_.wait_for(lock, seconds(20), [this] { return value_.has_value(); })) {
      ADD_FAILURE() << "never answered";
      return T();
    }
    return std::move(*value_);
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

class BoxSink : public OutputSink {
 public:
  explicit BoxSink(std::shared_ptr<Box<SessionOutput>> box) : box_(std::move(box)) {}
  void Done(SessionOutput output) override { box_->Put(std::move(output)); }

 private:
  std::shared_ptr<Box<SessionOutput>> box_;
};

class BoxReply : public ReplySink {
 public:
  explicit BoxReply(std::shared_ptr<Box<Reply>> box) : box_(std::move(box)) {}
  void Done(Reply reply) override { box_->Put(std::move(reply)); }

 private:
  std::shared_ptr<Box<Reply>> box_;
};

Payload Piece(const std::string& text, DataStatus status) {
  Payload payload;
  payload.key = "in";
  payload.status = status;
  payload.data = Bytes::Own(text);
  return payload;
}

class EngineTest : public ::testing::Test {
 protected:
  void Start(const char* library = AIGES_ENGINE) {
    settings.instances.worker_binary = AIGES_WORKER;
    settings.instances.library = library;
    Status status;
    pool = Pool::Create(settings, &status);
    ASSERT_NE(pool, nullptr) << status.text;
    scheduler = std::make_unique<Scheduler>(settings, pool.get(), &clock);
    pool->Start(scheduler.get());
    status = pool->WaitServing();
    ASSERT_TRUE(status.ok()) << status.text;
  }
  void TearDown() override {
    if (pool != nullptr) pool->Drain(steady_clock::now() + seconds(5));
  }

  SessionId Open(Pairs params = {}, unsigned ahead = 100) {
    SessionRequest request;
    request.handle = "h" + std::to_string(++opened);
    request.params = std::move(params);
    request.output_batches = ahead;
    SessionId id = 0;
    const Status status = scheduler->sessions()->Open(std::move(request), &id);
    EXPECT_TRUE(status.ok()) << status.text;
    return id;
  }
  void Write(SessionId id, const std::string& text, DataStatus status) {
    const Status done = scheduler->sessions()->Write(id, 0, {Piece(text, status)}, [] {});
    EXPECT_TRUE(done.ok()) << done.text;
  }
  SessionOutput Poll(SessionId id, size_t most = 1) {
    auto box = std::make_shared<Box<SessionOutput>>();
    scheduler->sessions()->Poll(id, most, steady_clock::now() + seconds(20),
                                std::make_unique<BoxSink>(box));
    return box->Take();
  }
  // Everything until the end, or the error as the last text.
  Texts All(SessionId id) {
    Texts all;
    for (;;) {
      const SessionOutput output = Poll(id, 1000);
      for (const auto& batch : output.batches) {
        for (const Payload& p : batch) all.emplace_back(p.data.view());
      }
      if (!output.status.ok()) all.push_back(output.status.text);
      if (!output.status.ok() || output.last) return all;
    }
  }
  std::shared_ptr<Box<Reply>> Call(const std::string& text, Pairs params = {},
                                   milliseconds timeout = seconds(10)) {
    Request request;
    request.handle = "call" + std::to_string(++opened);
    request.params = std::move(params);
    request.payloads.push_back(Piece(text, DataStatus::kOnce));
    request.arrived = steady_clock::now();
    request.deadline = request.arrived + timeout;
    auto box = std::make_shared<Box<Reply>>();
    last_call = scheduler->Submit(std::move(request), std::make_unique<BoxReply>(box));
    scheduler->Flush();
    return box;
  }
  static std::string Text(const Reply& reply) {
    if (!reply.status.ok()) return reply.status.text;
    return std::string(reply.payloads.at(0).data.view());
  }
  // Meters travel on their own: wait.
  void WaitMeter(const std::string& key, uint64_t count) {
    const auto until = steady_clock::now() + seconds(10);
    while (pool->Report().meters[key] < count && steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    EXPECT_EQ(pool->Report().meters[key], count) << key;
  }
  void WaitIdle() {
    const auto until = steady_clock::now() + seconds(10);
    while (!scheduler->Idle() && steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    EXPECT_TRUE(scheduler->Idle());
    EXPECT_EQ(scheduler->Report().in_flight, 0u) << "a licence is missing";
  }

  Settings settings;
  SteadyClock clock;
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Scheduler> scheduler;
  CallId last_call = 0;
  int opened = 0;
};

// Both ways in which an engine can answer a session.
class SessionEngineTest : public EngineTest,
                          public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override { Start(GetParam()); }
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
                         ::testing::Values(AIGES_ENGINE, AIGES_ENGINE_WITHOUT_READ),
                         [](const auto& mode) {
                           return mode.param == std::string(AIGES_ENGINE) ? "Read" : "Callback";
                         });

TEST_F(EngineTest, ReadThatFailsIsTold) {
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
  for (int i = 0; i < 16; ++i) calls.push_back(Call(i == 12 ? "bad" : "x"));
  for (int i = 0; i < 16; ++i) {
    const Reply reply = calls[static_cast<size_t>(i)]->Take();
    EXPECT_EQ(reply.status.ok(), i != 12) << i << ": " << reply.status.text;
  }
}

TEST_F(EngineTest, RunningEngineSeesThatItsCallWasCancelled) {
  Start();
  const auto call = Call("x", {{"until", "cancelled"}});
  std::this_thread::sleep_for(milliseconds(20));
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
