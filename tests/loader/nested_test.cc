// SPDX-License-Identifier: Apache-2.0
// Calls between models without workers: what goes along, and who ends what.
#include "loader/models/nested.h"

#include <gtest/gtest.h>

#include <map>

#include "loader/api/codes.h"
#include "loader/scheduler/scheduler.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_models.h"
#include "tests/fakes/fake_workers.h"
#include "tests/fakes/recording_sink.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Keeps the answers to calls that its process has made.
class CallingWorkers : public FakeWorkers {
 public:
  using FakeWorkers::FakeWorkers;
  void Answer(Place, uint64_t call, NestedAnswer answer) override {
    answers[call].push_back(std::move(answer));
  }
  std::map<uint64_t, std::vector<NestedAnswer>> answers;
};

class KnownModels final : public Models {
 public:
  bool several() const override { return true; }
  Status Find(std::string_view name, std::string_view, ModelRef* out) const override {
    if (name == "nobody") return Status::Error(StatusKind::kNotFound, "no such model", 10106);
    *out = std::make_shared<FakeModel>(std::string(name), "1", "");
    return Status::Ok();
  }
  ModelRef Default() const override { return nullptr; }
  std::vector<ModelRef> List() const override { return {}; }
  void Load(const std::string&, LoadWish, std::function<void(Status)>) override {}
  void Unload(const std::string&, std::function<void(Status)>) override {}
  bool Ready() const override { return true; }
};

// Model a, whose calls run, and which calls b.
class NestedTest : public ::testing::Test {
 protected:
  NestedTest() {
    settings.licences = 1;
    a = std::make_unique<Scheduler>(settings, &a_workers, &clock);
    b = std::make_unique<Scheduler>(settings, &b_workers, &clock,
                                    Scheduler::Shared{uint64_t{1} << 40});
    nested = std::make_unique<Nested>(Nested::Ground{
        b.get(), b->sessions(), &models, &clock, milliseconds(500), [](Model&, size_t size) {
          std::shared_ptr<char[]> memory(new char[size]);
          return Buffer{memory.get(), size, memory};
        }});
    a->UseNested(nested.get(), "a");
    b->UseNested(nested.get(), "b");
  }
  CallId Run(Scheduler* model, std::shared_ptr<const CallPath> path = nullptr) {
    Request request;
    request.handle = "h";
    request.request_id = "r1";
    request.path = std::move(path);
    request.params = {{"sid", "s"}, {":caller", "key"}, {"own", "x"}, {"traceparent", "t"}};
    request.arrived = clock.Now();
    request.deadline = clock.Now() + seconds(3);
    return model->Submit(std::move(request), std::make_unique<RecordingSink>(outer));
  }
  NestedEvent Begin(uint64_t id, std::vector<uint64_t> callers, const std::string& model = "b") {
    NestedEvent event;
    event.id = id;
    event.callers = std::move(callers);
    event.model = model;
    Payload payload;
    payload.key = "in";
    payload.data = Bytes::Own("x");
    event.payloads.push_back(std::move(payload));
    return event;
  }
  void Say(NestedEvent event) {
    std::vector<NestedEvent> events;
    events.push_back(std::move(event));
    a->OnNested(place, std::move(events));
  }
  void SayEnd(uint64_t id) {
    NestedEvent event;
    event.kind = NestedEvent::Kind::kEnd;
    event.id = id;
    Say(std::move(event));
  }
  const Status& StatusOf(uint64_t id) { return a_workers.answers.at(id).back().status; }
  template <class... Results>
  void Finish(Scheduler* model, Results... results) {
    std::vector<WorkerResult> all;
    (all.push_back(std::move(results)), ...);
    model->OnResults(std::move(all));
  }

  const Place place{0, 1};
  Settings settings;
  FakeClock clock;
  CallingWorkers a_workers{4}, b_workers{4};
  KnownModels models;
  std::unique_ptr<Nested> nested;
  std::unique_ptr<Scheduler> a, b;
  std::shared_ptr<Answer> outer = std::make_shared<Answer>();
};

TEST_F(NestedTest, WhatTheCallerHasGoesAlong) {
  Say(Begin(7, {Run(a.get())}));
  ASSERT_EQ(b_workers.running().size(), 1u) << "without a licence";
  const Request& request = *b_workers.running().begin()->second;
  EXPECT_EQ(request.deadline, clock.Now() + seconds(3));
  EXPECT_EQ(request.request_id, "r1");
  EXPECT_EQ(request.params, (Pairs{{"sid", "s"}, {":caller", "key"}, {"traceparent", "t"}}));
  EXPECT_EQ(request.path->models, std::vector<std::string>{"a"});
  EXPECT_NE(request.handle, "h");
  Finish(b.get(), b_workers.Finish(b_workers.sent()[0]));
  ASSERT_EQ(a_workers.answers[7].size(), 1u);
  EXPECT_EQ(a_workers.answers[7][0].payloads.at(0).data.view(), "result");
  EXPECT_EQ(b->Report().in_flight, 0u);
}

TEST_F(NestedTest, OwnDeadlineAndParametersComeFirst) {
  NestedEvent call = Begin(7, {Run(a.get())});
  call.deadline = clock.Now() + seconds(1);
  call.params = {{"sid", "mine"}, {":caller", "forged"}};
  Say(std::move(call));
  const Request& request = *b_workers.running().begin()->second;
  EXPECT_EQ(request.deadline, clock.Now() + seconds(1));
  EXPECT_EQ(request.params, (Pairs{{"sid", "mine"}, {":caller", "key"}, {"traceparent", "t"}}));
}

TEST_F(NestedTest, NobodysCallNeedsALicenceAndHasTheDefaultTime) {
  Say(Begin(7, {}));
  const Request& request = *b_workers.running().begin()->second;
  EXPECT_EQ(request.deadline, clock.Now() + milliseconds(500));
  EXPECT_EQ(request.path, nullptr);
  EXPECT_EQ(b->Report().in_flight, 1u);
  Say(Begin(8, {}));
  EXPECT_EQ(StatusOf(8).kind, StatusKind::kOverloaded);
}

TEST_F(NestedTest, CycleIsRefusedByName) {
  auto path = std::make_shared<CallPath>();
  path->models = {"x", "b"};
  Say(Begin(7, {Run(a.get(), path)}));
  EXPECT_EQ(StatusOf(7).text,
            "a model may not wait for itself, and this call would: x -> b -> a -> b");
  Say(Begin(8, {Run(a.get(), path)}, "a"));
  EXPECT_EQ(StatusOf(8).kind, StatusKind::kInvalid);
}

TEST_F(NestedTest, BatchWaitsInTheModelsOfAllThatAreInIt) {
  auto path = std::make_shared<CallPath>();
  path->models = {"b"};
  const CallId outside = Run(a.get());
  const CallId inside = Run(a.get(), path);
  Say(Begin(7, {outside, inside}));
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kInvalid);
}

TEST_F(NestedTest, CallOfAnotherProcessSpeaksForNobody) {
  const CallId call = Run(a.get());
  std::vector<NestedEvent> events;
  events.push_back(Begin(7, {call}));
  a->OnNested({0, 2}, std::move(events));
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kCancelled);
  EXPECT_TRUE(b_workers.running().empty());
}

TEST_F(NestedTest, EndOfTheCallerEndsItsCalls) {
  const CallId call = Run(a.get());
  Say(Begin(7, {call}));
  a->Abort(call);
  EXPECT_EQ(b_workers.cancelled, b_workers.sent());
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kCancelled);
  Finish(b.get(), b_workers.Finish(b_workers.sent()[0]));
  EXPECT_EQ(a_workers.answers[7].size(), 1u) << "answered once";
}

TEST_F(NestedTest, AnswerOfTheCallerEndsItsCalls) {
  const CallId call = Run(a.get());
  Say(Begin(7, {call}));
  Finish(a.get(), a_workers.Finish(call));
  EXPECT_TRUE(outer->arrived());
  EXPECT_EQ(b_workers.cancelled.size(), 1u);
}

TEST_F(NestedTest, DeadlineEndsThemFromTheInnermost) {
  const CallId call = Run(a.get());
  NestedEvent inner = Begin(7, {call});
  inner.deadline = clock.Now() + seconds(1);
  Say(std::move(inner));
  clock.Advance(seconds(1));
  b->OnAlarm(clock.Now());
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kDeadline);
  EXPECT_FALSE(outer->arrived());
  EXPECT_EQ(nested->Report().at(0).failures, 1u);
}

TEST_F(NestedTest, GivenUpOneIsAbortedAndNotAnswered) {
  Say(Begin(7, {Run(a.get())}));
  SayEnd(7);
  EXPECT_EQ(b_workers.cancelled.size(), 1u);
  EXPECT_TRUE(a_workers.answers.empty());
  SayEnd(7);  // Twice: nothing.
}

TEST_F(NestedTest, ProcessThatEndsGivesAllUp) {
  const CallId call = Run(a.get());
  Say(Begin(7, {call}));
  Say(Begin(8, {}));
  a->OnPlaceGone(place);
  EXPECT_EQ(b_workers.cancelled.size(), 2u);
  EXPECT_TRUE(a_workers.answers.empty());
}

TEST_F(NestedTest, DeathOfTheOtherIsAnError) {
  Say(Begin(7, {Run(a.get())}));
  Finish(b.get(), b_workers.Crash(b_workers.sent()[0]));
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kDisconnected);
  EXPECT_FALSE(outer->arrived());
}

TEST_F(NestedTest, ModelThatIsNotThereIsNotCounted) {
  Say(Begin(7, {Run(a.get())}, "nobody"));
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kNotFound);
  EXPECT_TRUE(nested->Report().empty());
}

class NestedSession : public NestedTest {
 protected:
  void Open(uint32_t credit) {
    NestedEvent call = Begin(7, {Run(a.get())});
    call.credit = credit;
    Say(std::move(call));
    ASSERT_EQ(b_workers.sessions.size(), 1u);
    session = b_workers.sessions.begin()->first;
  }
  void Item(const std::string& text, bool last = false) {
    SessionEvent event;
    event.session = session;
    event.last = last;
    Payload payload;
    payload.key = "out";
    payload.data = Bytes::Own(text);
    event.payloads.push_back(std::move(payload));
    std::vector<SessionEvent> events;
    events.push_back(std::move(event));
    b->OnSessionEvents(std::move(events));
  }
  void Credit(uint32_t answers) {
    NestedEvent event;
    event.kind = NestedEvent::Kind::kCredit;
    event.id = 7;
    event.credit = answers;
    Say(std::move(event));
  }
  std::string Got() {
    std::string text;
    for (const NestedAnswer& answer : a_workers.answers[7]) {
      for (const Payload& p : answer.payloads) text += std::string(p.data.view());
      if (answer.last) text += ".";
    }
    return text;
  }
  uint64_t session = 0;
};

TEST_F(NestedSession, AnswersComeAsFarAsThereIsCredit) {
  Open(2);
  EXPECT_EQ(b_workers.sessions[session].at(1), "write in=x");
  Item("1");
  Item("2");
  Item("3");
  EXPECT_EQ(Got(), "12");
  Credit(1);
  EXPECT_EQ(Got(), "123");
  Credit(1);
  Item("4", true);
  EXPECT_EQ(Got(), "1234.");
  EXPECT_EQ(b_workers.sessions[session].back(), "close");
  EXPECT_EQ(nested->Report().at(0).calls, 1u);
}

TEST_F(NestedSession, FailureIsItsLastAnswer) {
  Open(16);
  SessionEvent event;
  event.session = session;
  event.kind = SessionEvent::Kind::kLost;
  event.status = Status::Error(StatusKind::kDisconnected, "died", kCodeCrash);
  std::vector<SessionEvent> events;
  events.push_back(std::move(event));
  b->OnSessionEvents(std::move(events));
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kDisconnected);
}

TEST_F(NestedSession, TimeOfTheCallerIsItsTime) {
  Open(16);
  clock.Advance(seconds(3));
  b->OnAlarm(clock.Now());
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kDeadline);
  EXPECT_EQ(b_workers.sessions[session].back(), "close");
}

TEST_F(NestedSession, EndOfTheCallerEndsIt) {
  Open(16);
  a->Abort(a_workers.sent()[0]);
  EXPECT_EQ(b_workers.sessions[session].back(), "close");
  EXPECT_EQ(StatusOf(7).kind, StatusKind::kCancelled);
}

TEST_F(NestedSession, NeedsNoLicence) {
  Open(16);
  Item("1", true);
  SessionEvent closed;
  closed.session = session;
  closed.kind = SessionEvent::Kind::kClosed;
  std::vector<SessionEvent> events;
  events.push_back(std::move(closed));
  b->OnSessionEvents(std::move(events));
  EXPECT_EQ(b->Report().in_flight, 0u);
}

}  // namespace
}  // namespace aiges
