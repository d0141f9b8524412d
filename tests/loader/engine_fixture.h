// SPDX-License-Identifier: Apache-2.0
// tests/loader/engine_fixture.h: scheduler, instances, channel and the real aiges-worker with a
// real engine (tests/engine), without a front.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/clock.h"
#include "loader/instances/pool.h"
#include "loader/instances/worker_process.h"
#include "loader/scheduler/scheduler.h"

namespace aiges {

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

inline Payload Piece(const std::string& text, DataStatus status, const std::string& key = "in") {
  Payload payload;
  payload.key = key;
  payload.status = status;
  payload.data = Bytes::Own(text);
  return payload;
}

// What has come of the start of a pool.
class Started {
 public:
  Pool::OnStarted Tell() {
    return [told = told_](const Status& status) { told->set_value(status); };
  }
  Status Wait() { return told_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<Status>> told_ = std::make_shared<std::promise<Status>>();
};

class EngineTest : public ::testing::Test {
 protected:
  void Start(const char* library = AIGES_ENGINE) {
    settings.instances.worker_binary = AIGES_WORKER;
    settings.instances.library = library;
    Status status;
    pool = Pool::Create(settings, {&hub, &processes, &clock}, &status);
    ASSERT_NE(pool, nullptr) << status.text;
    scheduler = std::make_unique<Scheduler>(settings, pool.get(), &clock);
    Started started;
    pool->Start(scheduler.get(), started.Tell());
    status = started.Wait();
    ASSERT_TRUE(status.ok()) << status.text;
  }
  void TearDown() override {
    if (pool != nullptr) pool->Drain(steady_clock::now() + seconds(5));
    for (const std::string& gate : gates) ::unlink(gate.c_str());
  }

  SessionId Open(Pairs params = {}, unsigned ahead = 100, std::vector<unsigned> psr_ids = {}) {
    SessionRequest request;
    request.handle = "h" + std::to_string(++opened);
    request.params = std::move(params);
    request.output_batches = ahead;
    request.psr_ids = std::move(psr_ids);
    SessionId id = 0;
    const Status status = scheduler->sessions()->Open(std::move(request), &id);
    EXPECT_TRUE(status.ok()) << status.text;
    return id;
  }
  void Write(SessionId id, const std::string& text, DataStatus status,
             const std::string& key = "in") {
    const Status done = scheduler->sessions()->Write(id, 0, {Piece(text, status, key)}, [] {});
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
                                   milliseconds timeout = seconds(20),
                                   std::vector<unsigned> psr_ids = {}) {
    Request request;
    request.psr_ids = std::move(psr_ids);
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
  // Its number; 0 where it could not be loaded.
  unsigned Load(const std::string& text) {
    Box<unsigned> box;
    pool->Load(Piece(text, DataStatus::kOnce),
               [&](Status status, unsigned id) { box.Put(status.ok() ? id : 0); });
    return box.Take();
  }
  // For "until": calls wait until it is open.
  static std::string Gate(const std::string& name) {
    return ::testing::TempDir() + "gate_" + std::to_string(::getpid()) + "_" + name;
  }
  void OpenGate(const std::string& name) {
    std::ofstream(Gate(name)).flush();
    gates.push_back(Gate(name));
  }
  static std::string Text(const Reply& reply) {
    if (!reply.status.ok()) return reply.status.text;
    return std::string(reply.payloads.at(0).data.view());
  }
  // Meters travel on their own: wait.
  void WaitMeter(const std::string& key, uint64_t count, bool or_more = false) {
    const auto until = steady_clock::now() + seconds(10);
    while (pool->Report().meters[key] < count && steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    const uint64_t got = pool->Report().meters[key];
    EXPECT_TRUE(or_more ? got >= count : got == count) << key << ": " << got << ", not " << count;
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
  WorkerProcesses processes;
  Hub hub{clock};
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Scheduler> scheduler;
  CallId last_call = 0;
  Texts gates;
  int opened = 0;
};

}  // namespace aiges
