// tests/fakes/fake_workers.h: instances whose credit, readiness and deaths the test decides.
//
// A sent call lies in running() until the test takes it out by Finish, Crash or Lose.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/worker.h"

namespace aiges {

class FakeWorkers : public Workers {
 public:
  explicit FakeWorkers(unsigned credit) : credit_(credit) {}

  std::optional<Slot> Reserve() override {
    if (credit_ == 0) return std::nullopt;
    --credit_;
    return Slot(this, 0, 1);
  }
  void Flush() override { ++flushes; }
  void SetAlarm(TimePoint t) override { alarm = alarm ? std::min(*alarm, t) : t; }
  unsigned ReadyCount() const override { return ready; }
  bool Hopeful() const override { return hopeful; }

  // The worker answers: the credit is free again.
  WorkerResult Finish(uint64_t call, Status status = Status::Ok()) {
    TakeOut(call);
    WorkerResult result;
    result.call = call;
    result.status = std::move(status);
    if (result.status.ok()) {
      Payload payload;
      payload.key = "out";
      payload.data = Bytes::Own("result");
      result.payloads.push_back(std::move(payload));
    }
    return result;
  }
  // The worker died with the call in it (its credit is gone with it), or before the call was sent.
  WorkerResult Crash(uint64_t call, bool unsent = false) {
    WorkerResult result =
        Finish(call, Status::Error(StatusKind::kDisconnected, "the worker died", 10109));
    --credit_;
    result.unsent = unsent;
    return result;
  }

  void AddCredit(unsigned n) { credit_ += n; }
  unsigned credit() const { return credit_; }
  const std::vector<uint64_t>& sent() const { return sent_; }  // In order.
  const std::map<uint64_t, const Request*>& running() const { return running_; }

  bool hopeful = true;
  unsigned ready = 1;
  int flushes = 0;
  std::optional<TimePoint> alarm;

 private:
  void SendOn(uint32_t, uint64_t, uint64_t call, const Request& request) override {
    EXPECT_TRUE(running_.emplace(call, &request).second) << "sent twice: " << call;
    sent_.push_back(call);
  }
  void GiveBack(uint32_t, uint64_t) override { ++credit_; }

  void TakeOut(uint64_t call) {
    ASSERT_EQ(running_.erase(call), 1u) << "not running: " << call;
    ++credit_;
  }

  unsigned credit_;
  std::vector<uint64_t> sent_;
  std::map<uint64_t, const Request*> running_;
};

}  // namespace aiges
