// SPDX-License-Identifier: Apache-2.0
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
    return Slot(this, {0, 1});
  }
  void Flush() override { ++flushes; }
  void SetAlarm(TimePoint t) override { alarm = alarm ? std::min(*alarm, t) : t; }
  unsigned ReadyCount() const override { return ready; }
  bool Hopeful() const override { return hopeful; }

  void CancelCall(Place, uint64_t call) override { cancelled.push_back(call); }

  // Parts of door calls, as text: "key=data status", "took 5".
  void SendPart(Place, uint64_t call, const Payload& part) override {
    parts[call].push_back(part.key + "=" + std::string(part.data.view()) + " " +
                          std::to_string(static_cast<int>(part.status)));
  }
  void TookPart(Place, uint64_t call, uint64_t bytes) override {
    parts[call].push_back("took " + std::to_string(bytes));
  }
  std::map<uint64_t, std::vector<std::string>> parts;

  // Sessions: what was sent, as text ("open h", "write a=1 b=2", "credit 5", "close"), by session.
  std::optional<Place> PlaceSession() override {
    return ready > 0 ? std::optional(Place{0, 1}) : std::nullopt;
  }
  bool OpenSession(Place, uint64_t session, const SessionStart& start) override {
    sessions[session].push_back("open " + start.handle);
    return alive;
  }
  bool WriteSession(Place, uint64_t session, const std::vector<Payload>& payloads) override {
    std::string text = "write";
    for (const Payload& p : payloads) text += " " + p.key + "=" + std::string(p.data.view());
    sessions[session].push_back(text);
    return alive;
  }
  void CreditSession(Place, uint64_t session, unsigned items) override {
    sessions[session].push_back("credit " + std::to_string(items));
  }
  void CloseSession(Place, uint64_t session) override { sessions[session].push_back("close"); }

  std::map<uint64_t, std::vector<std::string>> sessions;
  std::vector<uint64_t> cancelled;
  bool alive = true;

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
    result.lost = true;
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
  void SendOn(Place, uint64_t call, const Request& request) override {
    EXPECT_TRUE(running_.emplace(call, &request).second) << "sent twice: " << call;
    sent_.push_back(call);
  }
  void GiveBack(Place) override { ++credit_; }

  void TakeOut(uint64_t call) {
    ASSERT_EQ(running_.erase(call), 1u) << "not running: " << call;
    ++credit_;
  }

  unsigned credit_;
  std::vector<uint64_t> sent_;
  std::map<uint64_t, const Request*> running_;
};

}  // namespace aiges
