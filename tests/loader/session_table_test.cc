// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/session_table.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/api/recent_calls.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_workers.h"
#include "tests/fakes/recording_gate.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

// What a poll was given, as text: one entry a batch.
struct Polled {
  bool done = false;
  Status status;
  Texts batches;
  bool last = false;
};

class PollSink : public OutputSink {
 public:
  explicit PollSink(std::shared_ptr<Polled> polled) : polled_(std::move(polled)) {}
  void Done(SessionOutput output) override {
    EXPECT_FALSE(polled_->done) << "answered twice";
    polled_->done = true;
    polled_->status = output.status;
    polled_->last = output.last;
    for (const auto& batch : output.batches) {
      std::string text;
      for (const Payload& p : batch) text += p.key + "=" + std::string(p.data.view()) + ";";
      polled_->batches.push_back(text);
    }
  }

 private:
  std::shared_ptr<Polled> polled_;
};

Payload Piece(const std::string& text) {
  Payload payload;
  payload.key = "in";
  payload.data = Bytes::Own(text);
  return payload;
}

class SessionTableTest : public ::testing::Test {
 protected:
  SessionId Open(const std::string& handle = "h") {
    SessionRequest request;
    request.handle = handle;
    request.output_batches = window;
    request.ordered = ordered;
    request.idle_limit = idle;
    SessionId id = 0;
    const Status status = table.Open(std::move(request), &id);
    EXPECT_TRUE(status.ok()) << status.text;
    return id;
  }
  Status Write(SessionId id, const std::string& text, int sync_id = 0) {
    std::vector<Payload> payloads;
    if (!text.empty()) payloads.push_back(Piece(text));
    return table.Write(id, sync_id, std::move(payloads), [this] { ++taken; });
  }
  std::shared_ptr<Polled> Poll(SessionId id, milliseconds wait = milliseconds(0), size_t most = 1) {
    auto polled = std::make_shared<Polled>();
    table.Poll(id, most, clock.Now() + wait, std::make_unique<PollSink>(polled));
    return polled;
  }
  static SessionEvent Item(SessionId id, const std::string& text, bool last = false) {
    SessionEvent event;
    event.session = id;
    event.payloads.push_back(Piece(text));
    event.last = last;
    return event;
  }
  static SessionEvent Sign(SessionId id, SessionEvent::Kind kind, unsigned writes = 0) {
    SessionEvent event;
    event.session = id;
    event.kind = kind;
    event.writes = writes;
    if (kind == SessionEvent::Kind::kLost) {
      event.status = Status::Error(StatusKind::kDisconnected, "worker died", kCodeCrash);
    }
    return event;
  }
  void Tell(SessionEvent event) {
    std::vector<SessionEvent> events;
    events.push_back(std::move(event));
    table.OnEvents(std::move(events));
  }
  void Advance(milliseconds by) {
    clock.Advance(by);
    table.OnAlarm(clock.Now());
  }
  static Settings Small(uint64_t max_bytes) {
    Settings settings;
    settings.queue.max_bytes = max_bytes;
    return settings;
  }
  const Texts& Sent(SessionId id) { return workers.sessions[id]; }

  Settings settings;
  FakeClock clock;
  FakeWorkers workers{0};
  Licences licences{3};
  RecentFailures failures;
  SessionTable table{settings, &workers, &clock, &licences, &failures};
  unsigned window = 4;
  bool ordered = false;
  Duration idle{0};
  int taken = 0;
};

TEST_F(SessionTableTest, WhatTheEngineCountsForASessionIsInItsRecord) {
  RecentCalls calls;
  SessionTable metered(settings, &workers, &clock, &licences, {&failures, &calls, nullptr, "7"});
  SessionRequest request;
  request.handle = "h";
  SessionId id = 0;
  ASSERT_TRUE(metered.Open(std::move(request), &id).ok());
  metered.OnMeter(id, "seconds", 3);
  metered.OnMeter(id, "seconds", 4);
  metered.OnMeter(id + 1, "seconds", 100);  // Of none.
  metered.Abort(id);
  // Its client has left before the end; the engine may not have heard of it.
  metered.OnMeter(id, "seconds", 5);
  EXPECT_TRUE(calls.Since(0).empty());
  std::vector<SessionEvent> events(1);
  events[0].session = id;
  events[0].kind = SessionEvent::Kind::kClosed;
  metered.OnEvents(std::move(events));
  metered.OnMeter(id, "seconds", 100);  // Too late.
  const auto kept = calls.Since(0);
  ASSERT_EQ(kept.size(), 1u);
  ASSERT_NE(kept[0].meters, nullptr);
  EXPECT_EQ(kept[0].meters->all().at(0).second, 12u);
  EXPECT_EQ(kept[0].version.view(), "7");
}

TEST_F(SessionTableTest, AnAllowanceIsGivenBackBeforeTheClientKnowsThatItIsOver) {
  RecordingGate gate;
  SessionTable gated(settings, &workers, &clock, &licences, {&failures, nullptr, &gate});
  struct EndSink : OutputSink {
    explicit EndSink(const std::string* s) : said(*s) {}
    void Done(SessionOutput output) override {
      EXPECT_TRUE(output.last);
      EXPECT_EQ(said, "3 bytes 5 ms;back;");
    }
    const std::string& said;
  };
  SessionRequest request;
  request.handle = "h";
  SessionId id = 0;
  ASSERT_TRUE(gated.Open(std::move(request), &id).ok());
  EXPECT_TRUE(gate.session);
  std::vector<Payload> input;
  input.push_back(Piece("in"));
  ASSERT_TRUE(gated.Write(id, 0, std::move(input), nullptr).ok());
  clock.Advance(milliseconds(5));
  gated.Poll(id, 1, clock.Now() + seconds(1), std::make_unique<EndSink>(&gate.said));
  std::vector<SessionEvent> events;
  events.push_back(Item(id, "x", true));
  gated.OnEvents(std::move(events));
  EXPECT_EQ(gate.said, "3 bytes 5 ms;back;");
}

TEST_F(SessionTableTest, InputGoesOutAndOutputComesBack) {
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "a").ok());
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=a"}));
  const auto waiting = Poll(id, seconds(1));
  EXPECT_FALSE(waiting->done);
  Tell(Item(id, "x"));
  EXPECT_TRUE(waiting->done);
  EXPECT_EQ(waiting->batches, Texts{"in=x;"});
  EXPECT_FALSE(waiting->last);
  EXPECT_EQ(taken, 0);
  Tell(Sign(id, SessionEvent::Kind::kTaken, 1));
  EXPECT_EQ(taken, 1);
}

TEST_F(SessionTableTest, LastOutputEndsItAndDestroyIsAskedForOnce) {
  const SessionId id = Open();
  Tell(Item(id, "x", true));
  EXPECT_EQ(Sent(id), (Texts{"open h", "close"})) << "destroyed before the client has polled";
  EXPECT_EQ(licences.used(), 1u) << "wrapperDestroy may still run";
  const auto polled = Poll(id);
  EXPECT_TRUE(polled->last);
  EXPECT_EQ(polled->batches, Texts{"in=x;"});
  Tell(Sign(id, SessionEvent::Kind::kClosed));
  EXPECT_EQ(licences.used(), 0u);
  EXPECT_EQ(Poll(id)->status.code, kCodeSessionReleased);
  table.Abort(id);
  EXPECT_EQ(Sent(id), (Texts{"open h", "close"}));
  EXPECT_TRUE(table.Idle());
}

TEST_F(SessionTableTest, OutputBeforeAnErrorIsPolledFirst) {
  const SessionId id = Open();
  Tell(Item(id, "x"));
  SessionEvent error = Item(id, "");
  error.status = Status::Error(StatusKind::kInternal, "bad;code=3", kCodeReadFailed);
  Tell(std::move(error));
  const auto first = Poll(id);
  EXPECT_TRUE(first->status.ok());
  EXPECT_EQ(first->batches, Texts{"in=x;"});
  const auto second = Poll(id);
  EXPECT_EQ(second->status.code, kCodeReadFailed);
  EXPECT_EQ(Poll(id)->status.code, kCodeSessionReleased);
}

TEST_F(SessionTableTest, FailureIsToldByTheNextWrite) {
  const SessionId id = Open();
  SessionEvent error = Item(id, "");
  error.status = Status::Error(StatusKind::kInternal, "no model;code=5", kCodeCreateFailed);
  Tell(std::move(error));
  EXPECT_EQ(Write(id, "a").code, kCodeCreateFailed);
  EXPECT_EQ(Write(id, "a").code, kCodeSessionReleased);
}

TEST_F(SessionTableTest, DeathOfTheWorkerAnswersTheWaitingPollAtOnce) {
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "a").ok());
  const auto waiting = Poll(id, seconds(100));
  Tell(Sign(id, SessionEvent::Kind::kLost));
  ASSERT_TRUE(waiting->done);
  EXPECT_EQ(waiting->status.code, kCodeCrash);
  EXPECT_EQ(licences.used(), 0u);
  EXPECT_EQ(taken, 1) << "the payload's memory is free";
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=a"})) << "nobody is there to close it";
  EXPECT_TRUE(table.Idle());
}

TEST_F(SessionTableTest, CreditFollowsWhatIsPolled) {
  window = 4;
  const SessionId id = Open();
  for (int i = 0; i < 4; ++i) Tell(Item(id, std::to_string(i)));
  Poll(id);
  EXPECT_EQ(Sent(id), Texts{"open h"}) << "not for every single item";
  EXPECT_EQ(Poll(id, milliseconds(0), 10)->batches.size(), 3u);
  EXPECT_EQ(Sent(id), (Texts{"open h", "credit 4"}));
}

TEST_F(SessionTableTest, PollWithoutOutputIsEmptyAtItsTime) {
  const SessionId id = Open();
  const auto polled = Poll(id, milliseconds(50));
  Advance(milliseconds(49));
  EXPECT_FALSE(polled->done);
  Advance(milliseconds(1));
  EXPECT_TRUE(polled->done);
  EXPECT_TRUE(polled->status.ok());
  EXPECT_TRUE(polled->batches.empty());
  EXPECT_FALSE(polled->last);
}

TEST_F(SessionTableTest, NewestPollWaits) {
  const SessionId id = Open();
  const auto older = Poll(id, seconds(10)), newer = Poll(id, seconds(10));
  EXPECT_TRUE(older->done);
  EXPECT_TRUE(older->batches.empty());
  EXPECT_TRUE(Poll(id)->done) << "one that does not wait leaves the waiting one alone";
  EXPECT_FALSE(newer->done);
  Tell(Item(id, "x"));
  EXPECT_EQ(newer->batches, Texts{"in=x;"});
}

TEST_F(SessionTableTest, PollOfAClientThatIsGoneLosesNothing) {
  const SessionId id = Open();
  const auto gone = Poll(id, seconds(10));
  table.EndPoll(id);
  EXPECT_TRUE(gone->done);
  EXPECT_FALSE(gone->last);
  Tell(Item(id, "x", true));
  EXPECT_EQ(Poll(id)->batches, Texts{"in=x;"});
  table.EndPoll(id);  // Nobody polls any more.
}

TEST_F(SessionTableTest, PacketsAreSentInOrderOfSyncId) {
  ordered = true;
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "first", 7).ok());  // The base.
  EXPECT_TRUE(Write(id, "third", 9).ok());
  EXPECT_TRUE(Write(id, "late", 6).ok());
  EXPECT_TRUE(Write(id, "", 8).ok());  // An empty packet just advances.
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=first", "write in=third"}));
  EXPECT_EQ(taken, 2) << "the late and the empty one need no engine";
}

TEST_F(SessionTableTest, PacketsThatWaitForOthersCountAsInput) {
  ordered = true;
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "a", 1).ok());
  const uint64_t sent = table.Report().input_bytes;
  EXPECT_TRUE(Write(id, "ccc", 3).ok());
  EXPECT_GT(table.Report().input_bytes, sent);
  EXPECT_TRUE(Write(id, "other", 3).ok()) << "the same once more: left out";
  const uint64_t waiting = table.Report().input_bytes;
  EXPECT_TRUE(Write(id, "bb", 2).ok());
  EXPECT_GT(table.Report().input_bytes, waiting);
  table.Abort(id);
  EXPECT_LE(table.Report().input_bytes, waiting + 2) << "what waited is dropped";
}

TEST_F(SessionTableTest, MissingPacketIsLeftOutAfterFiveSeconds) {
  ordered = true;
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "0", 0).ok());
  EXPECT_TRUE(Write(id, "4", 4).ok());
  EXPECT_TRUE(Write(id, "3", 3).ok());
  Advance(milliseconds(4999));
  EXPECT_EQ(Sent(id).size(), 2u);
  Advance(milliseconds(1));
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=0", "write in=3", "write in=4"}));
  EXPECT_TRUE(Write(id, "2", 2).ok());
  EXPECT_EQ(Sent(id).size(), 4u) << "too late now";
}

TEST_F(SessionTableTest, IdleSessionEndsAndIsForgotten) {
  idle = seconds(10);
  const SessionId id = Open();
  Advance(seconds(9));
  EXPECT_TRUE(Write(id, "a").ok());
  const auto poll = Poll(id, seconds(30));
  Advance(seconds(25));
  EXPECT_FALSE(poll->done) << "a waiting client is there";
  Advance(seconds(5));
  EXPECT_TRUE(poll->done);
  SessionId found = 0;
  EXPECT_TRUE(table.Find("h", &found).ok());
  Advance(seconds(10));
  EXPECT_EQ(table.Find("h", &found).code, kCodeInvalidHandle) << "expired, not released";
  EXPECT_EQ(Sent(id).back(), "close");
}

TEST_F(SessionTableTest, OneHungSessionDoesNotKeepOthersFromExpiring) {
  idle = seconds(10);
  const SessionId hung = Open("hung"), other = Open("other");
  Advance(seconds(10));
  EXPECT_EQ(Sent(hung).back(), "close");
  EXPECT_EQ(Sent(other).back(), "close");
  EXPECT_EQ(licences.used(), 2u) << "until each is destroyed";
  Tell(Sign(other, SessionEvent::Kind::kClosed));
  EXPECT_EQ(licences.used(), 1u);
}

TEST_F(SessionTableTest, LicencesAndHandlesBoundWhatIsOpen) {
  Open("a");
  SessionRequest again;
  again.handle = "a";
  SessionId id = 0;
  EXPECT_EQ(CodeOf(table.Open(again, &id)), kCodeNoLicence) << "the handle is in use";
  Open("b");
  Open("c");
  SessionRequest fourth;
  fourth.handle = "d";
  const Status status = table.Open(fourth, &id);
  EXPECT_EQ(CodeOf(status), kCodeNoLicence);
  EXPECT_NE(status.text.find("all 3 of [fc] max"), std::string::npos) << status.text;
}

TEST_F(SessionTableTest, InputOfOneSessionIsBounded) {
  const SessionId id = Open();
  for (size_t i = 0; i < SessionTable::kMostInput; ++i) ASSERT_TRUE(Write(id, "a").ok());
  EXPECT_EQ(Write(id, "a").kind, StatusKind::kOverloaded);
  Tell(Sign(id, SessionEvent::Kind::kTaken, 1));
  EXPECT_TRUE(Write(id, "a").ok()) << "the session goes on";
}

TEST_F(SessionTableTest, AbortAnswersThePollAndDropsWhatStillComes) {
  const SessionId id = Open();
  const auto poll = Poll(id, seconds(1));
  table.Abort(id);
  EXPECT_TRUE(poll->done);
  EXPECT_EQ(poll->status.kind, StatusKind::kCancelled);
  Tell(Item(id, "x"));
  EXPECT_EQ(table.Report().dropped, 1u);
  Tell(Sign(id, SessionEvent::Kind::kClosed));
  EXPECT_EQ(licences.used(), 0u);
  SessionId found = 0;
  EXPECT_EQ(table.Find("h", &found).code, kCodeSessionReleased);
}

TEST_F(SessionTableTest, DrainEndsWhatIsOpenThen) {
  const SessionId id = Open();
  const auto poll = Poll(id, seconds(100));
  table.BeginDrain(clock.Now() + seconds(2));
  Advance(seconds(1));
  EXPECT_FALSE(poll->done);
  Advance(seconds(1));
  EXPECT_TRUE(poll->done);
  EXPECT_EQ(CodeOf(poll->status), kCodeCrash);
  EXPECT_EQ(Sent(id).back(), "close");
  SessionRequest request;
  request.handle = "new";
  SessionId refused = 0;
  EXPECT_EQ(table.Open(request, &refused).kind, StatusKind::kDisconnected);
}

TEST_F(SessionTableTest, NoReadyWorkerIsSaidAtOnce) {
  workers.ready = 0;
  SessionRequest request;
  request.handle = "h";
  SessionId id = 0;
  EXPECT_EQ(CodeOf(table.Open(request, &id)), kCodeCrash);
  EXPECT_EQ(licences.used(), 0u);
}

class LoadingModelTest : public SessionTableTest {
 protected:
  LoadingModelTest() {
    workers.ready = 0;
    several.catalogue.repositories = {"models"};
  }
  SessionId Begin(SessionTable* waits) {
    SessionRequest request;
    request.handle = "h";
    SessionId id = 0;
    EXPECT_TRUE(waits->Open(request, &id).ok());
    std::vector<Payload> payloads;
    payloads.push_back(Piece("a"));
    EXPECT_TRUE(waits->Write(id, 0, std::move(payloads), [this] { ++taken; }).ok());
    return id;
  }
  Settings several;
};

TEST_F(LoadingModelTest, ASessionWaitsForTheFirstInstanceWithWhatWasWritten) {
  SessionTable waits(several, &workers, &clock, &licences, &failures);
  const SessionId id = Begin(&waits);
  EXPECT_TRUE(Sent(id).empty());
  waits.OnCapacity();
  EXPECT_TRUE(Sent(id).empty()) << "no instance yet";
  workers.ready = 1;
  waits.OnCapacity();
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=a"}));
  waits.OnCapacity();
  EXPECT_EQ(Sent(id).size(), 2u) << "once";
}

TEST_F(LoadingModelTest, OneThatIsGivenUpMeanwhileNeverReachesAnEngine) {
  SessionTable waits(several, &workers, &clock, &licences, &failures);
  const SessionId id = Begin(&waits);
  waits.Abort(id);
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(licences.used(), 0u);
  EXPECT_TRUE(waits.Idle());
  workers.ready = 1;
  waits.OnCapacity();
  EXPECT_TRUE(Sent(id).empty());
}

TEST_F(LoadingModelTest, AModelThatCannotBeLoadedIsTold) {
  SessionTable waits(several, &workers, &clock, &licences, &failures);
  const SessionId id = Begin(&waits);
  auto polled = std::make_shared<Polled>();
  waits.Poll(id, 1, clock.Now() + seconds(5), std::make_unique<PollSink>(polled));
  waits.Close(Status::Error(StatusKind::kDisconnected, "no luck"));
  EXPECT_TRUE(polled->done);
  EXPECT_EQ(polled->status.text, "no luck");
  EXPECT_EQ(licences.used(), 0u);
}

// The create of another session, which leaves with what follows it, stayed in its buffer.
TEST_F(SessionTableTest, ARefusedWriteStillSendsWhatWasOpened) {
  const SessionId full = Open("full");
  for (size_t i = 0; i < SessionTable::kMostInput; ++i) EXPECT_TRUE(Write(full, "x").ok());
  Open("other");
  const int before = workers.flushes;
  EXPECT_EQ(Write(full, "x").kind, StatusKind::kOverloaded);
  EXPECT_EQ(workers.flushes, before + 1);
}

TEST_F(SessionTableTest, APacketThatComesTwiceIsLeftOutAndGivenBack) {
  ordered = true;
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "0", 0).ok());
  EXPECT_TRUE(Write(id, "2", 2).ok());
  EXPECT_TRUE(Write(id, "2 again", 2).ok());
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(Write(id, "1", 1).ok());
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=0", "write in=1", "write in=2"}));
}

TEST_F(SessionTableTest, TheLastSyncIdThereIsHasNoNext) {
  ordered = true;
  const SessionId id = Open();
  EXPECT_TRUE(Write(id, "last", std::numeric_limits<int>::max()).ok());
  EXPECT_TRUE(Write(id, "after it", std::numeric_limits<int>::min()).ok());
  EXPECT_EQ(Sent(id), (Texts{"open h", "write in=last"}));
}

// Output was counted in batches only, whatever their size.
TEST_F(SessionTableTest, TheSessionThatKeepsMostOutputEndsWhenThereIsTooMuch) {
  SessionTable small(Small(100), &workers, &clock, &licences, &failures);
  const auto open = [&](const std::string& handle) {
    SessionRequest request;
    request.handle = handle;
    request.output_batches = 100;
    SessionId id = 0;
    EXPECT_TRUE(small.Open(std::move(request), &id).ok());
    return id;
  };
  const auto poll = [&](SessionId id) {
    auto polled = std::make_shared<Polled>();
    small.Poll(id, 100, clock.Now(), std::make_unique<PollSink>(polled));
    return polled;
  };
  const auto tell = [&](SessionId id, size_t bytes) {
    std::vector<SessionEvent> events;
    events.push_back(Item(id, std::string(bytes, 'x')));
    small.OnEvents(std::move(events));
  };
  const SessionId hoards = open("hoards"), fine = open("fine");
  tell(hoards, 60);
  tell(fine, 40);
  tell(fine, 1);  // Full, by either; the larger one pays.
  const auto told = poll(hoards);
  EXPECT_EQ(told->status.kind, StatusKind::kOverloaded);
  EXPECT_NE(told->status.text.find("has not taken 60 bytes"), std::string::npos)
      << told->status.text;
  EXPECT_EQ(Sent(hoards).back(), "close");
  EXPECT_EQ(poll(fine)->batches.size(), 2u);
  tell(fine, 100);  // What was polled, and what was lost, is room again.
  EXPECT_EQ(poll(fine)->batches.size(), 1u);
}

TEST_F(SessionTableTest, OutputThatIsPolledAtOnceIsNeverTooMuch) {
  SessionTable small(Small(100), &workers, &clock, &licences, &failures);
  SessionRequest request;
  request.handle = "h";
  SessionId id = 0;
  ASSERT_TRUE(small.Open(std::move(request), &id).ok());
  auto polled = std::make_shared<Polled>();
  small.Poll(id, 1, clock.Now() + seconds(1), std::make_unique<PollSink>(polled));
  std::vector<SessionEvent> events;
  events.push_back(Item(id, std::string(1000, 'x'), true));
  small.OnEvents(std::move(events));
  EXPECT_TRUE(polled->status.ok() && polled->last);
}

TEST_F(SessionTableTest, ReleasedHandlesAreRememberedUpToABound) {
  for (size_t i = 0; i <= Handles::kRemembered; ++i) {
    const SessionId id = Open("h" + std::to_string(i));
    table.Abort(id);
    Tell(Sign(id, SessionEvent::Kind::kClosed));
  }
  SessionId found = 0;
  EXPECT_EQ(table.Find("h0", &found).code, kCodeInvalidHandle);
  EXPECT_EQ(table.Find("h1", &found).code, kCodeSessionReleased);
}

}  // namespace
}  // namespace aiges
