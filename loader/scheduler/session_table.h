// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/session_table.h: every open session: its order, its output, its end.
//
// Overview. A session is placed in one process when it is opened and has its licence until that
// process says that it is destroyed. Input goes on at once, in sync_id order where the client asks
// for it; output waits here, at most as many items as the front allowed, until it is polled for.
// Input and output of all sessions have at most [queue] max_bytes each.
//
// Life cycle:
//   open      -> over     the last output or an error was polled, Abort, idle, drain, or its
//                         process died and that was told: the front may not use it any more
//   engine    -> closing  the engine gave its last output or failed, or the session is over:
//                         kClose is sent, once
//   closing   -> gone     kClosed came, or the process died: the licence returns
// An entry goes when it is over and gone, whichever comes last.
//
// Threads: one lock, short sections, no I/O and no sink inside (frames are only appended); sinks
// and flushes follow outside. No clock but the one given.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/api/call_gate.h"
#include "loader/api/call_record.h"
#include "loader/api/failures.h"
#include "loader/api/report.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/scheduler/handles.h"
#include "loader/scheduler/licences.h"
#include "loader/scheduler/packet_order.h"

namespace aiges {

class SessionTable : public Sessions {
 public:
  // Input of one session that the engine has not taken, in packets; then Write refuses.
  static constexpr size_t kMostInput = 500;
  // A missing packet is waited for so long, then left out.
  static constexpr std::chrono::seconds kGapLimit{5};

  // Who hears what became of sessions, and who may refuse them. calls, gate: nothing, nobody.
  struct Memory {
    Memory(RecentFailures* f, EndedCalls* c = nullptr, CallGate* g = nullptr, std::string v = {})
        : failures(f), calls(c), gate(g), version(std::move(v)) {}
    RecentFailures* failures;
    EndedCalls* calls;
    CallGate* gate;
    std::string version;  // Of the model, for records.
  };
  // Of a number that the scheduler or the table has given out.
  static bool IsSession(uint64_t number) { return (number >> 63) != 0; }

  SessionTable(const Settings& settings, Workers* workers, const Clock* clock, Licences* licences,
               const Memory& memory, SessionId first = 0);

  Status Open(SessionRequest request, SessionId* id) override;
  Status Write(SessionId id, int sync_id, std::vector<Payload> payloads,
               std::function<void()> taken) override;
  void Poll(SessionId id, size_t max_batches, TimePoint until,
            std::unique_ptr<OutputSink> sink) override;
  void EndPoll(SessionId id) override;
  void Abort(SessionId id) override;
  Status Find(const std::string& handle, SessionId* id) override;

  // An instance has begun to serve: sessions that wait for one go there. Any thread.
  void OnCapacity();
  // What goes along with a call of another model that a session makes; id 0: it is over, or is not
  // of that process.
  NestedCaller CallerOf(Place place, SessionId id);
  bool Waits(SessionId id) const;
  void UseNested(NestedCalls* nested, std::string name) {
    nested_ = nested;
    name_ = std::move(name);
  }

  // Hub thread.
  void OnMeter(SessionId id, std::string_view key, uint64_t count);
  void OnEvents(std::vector<SessionEvent> events);
  void OnAlarm(TimePoint now);

  // From `until` on nothing is opened, and what is open then is told so.
  void BeginDrain(TimePoint until);
  // What is open is over with that, as is all that would be opened.
  void Close(const Status& why);
  bool Idle() const;
  SessionsReport Report() const;

 private:
  struct Waiting {  // A packet of an ordered session that came too early.
    std::vector<Payload> payloads;
    std::function<void()> taken;
    size_t bytes = 0;
  };
  struct Sent {  // A write in the worker. The payloads keep its memory alive.
    std::vector<Payload> payloads;
    std::function<void()> taken;
    size_t bytes = 0;
  };
  struct Poller {
    std::unique_ptr<OutputSink> sink;
    size_t max_batches = 1;
    TimePoint until;
  };
  struct Session {
    SessionRequest request;  // params are the worker's by now.
    Pairs passed;            // Of these, what goes along with calls of other models.
    bool nests = false;      // It has begun such calls.
    Place place;
    bool placed = true;  // Not: it waits for an instance, and `sent` with it.
    bool over = false, closing = false, gone = false;
    bool accounted = false;  // It is charged, and its record is kept.
    Status failure;          // Told once the output before it is polled.
    CallRecord record;       // For people; kept when it is over.
    std::shared_ptr<MeterCounts> meters;
    std::unique_ptr<Allowance> allowance;  // Nothing: no limit is for its caller.
    TimePoint begun;
    bool ended = false;  // The last output is in `output`, or was polled.
    std::deque<std::vector<Payload>> output;
    size_t output_bytes = 0;
    unsigned polled = 0;  // Items that the worker may send again.
    Poller poller;
    std::deque<Sent> sent;
    PacketOrder<Waiting> early;
    TimePoint gap_until = TimePoint::max();
    TimePoint idle_at = TimePoint::max();
    TimePoint timer = TimePoint::max();  // The one in timers_.
  };
  using Table = std::unordered_map<SessionId, Session>;
  // What follows outside the lock.
  struct After {
    std::vector<std::pair<std::unique_ptr<OutputSink>, SessionOutput>> outputs;
    std::vector<std::function<void()>> taken;
    std::vector<SessionId> nests;  // They have begun calls of other models, and are over.
    bool flush = false;
  };

  Status TryOpen(SessionRequest request, SessionId* id) REQUIRES(mu_);
  Status CheckRoom(const Session& session, size_t bytes) const REQUIRES(mu_);
  void Run(After after);
  void Send(SessionId id, Session& session, std::vector<Payload> payloads,
            std::function<void()> taken, After* after) REQUIRES(mu_);
  void SendInOrder(SessionId id, Session& session, After* after) REQUIRES(mu_);
  void Answer(SessionId id, Session& session, Poller poller, After* after) REQUIRES(mu_);
  // After what waited was polled: while there is too much, the session that keeps most is ended.
  void BoundOutput(After* after) REQUIRES(mu_);
  void DropOutput(Session& session) REQUIRES(mu_);
  void Apply(SessionEvent& event, std::set<SessionId>* changed, After* after) REQUIRES(mu_);
  // `event`: what the status comes from, if that is one.
  void Fail(SessionId id, Session& session, Status status, const SessionEvent* event, After* after)
      REQUIRES(mu_);
  void Close(SessionId id, Session& session, After* after) REQUIRES(mu_);
  void Finish(SessionId id, Session& session, bool remember, After* after) REQUIRES(mu_);
  // Once: charges it, and keeps its record.
  void Account(Session& session) REQUIRES(mu_);
  // No engine has it any more.
  void LetGo(Session& session, After* after) REQUIRES(mu_);
  void DropInput(Session& session, After* after) REQUIRES(mu_);
  void Touch(Session& session) REQUIRES(mu_);
  void SetTimer(SessionId id, Session& session) REQUIRES(mu_);
  void OnTimer(SessionId id, Session& session, TimePoint now, After* after) REQUIRES(mu_);
  bool OpenAt(Place place, SessionId id, Session& session) REQUIRES(mu_);
  void FailAll(const Status& why, After* after) REQUIRES(mu_);
  void FailThese(const std::vector<SessionId>& ids, const Status& why, After* after) REQUIRES(mu_);
  // After every change: its timer, and away with it when nothing is left.
  void Settle(SessionId id) REQUIRES(mu_);
  void Keep(CallRecord record, const std::string& id, TimePoint begun) const {
    if (ended_calls_ == nullptr) return;
    record.session = true;
    record.ended = clock_.Now();
    record.total = record.ended - begun;
    record.id = ShortText<47>(id);
    record.model = ShortText<47>(name_);
    record.version = ShortText<23>(version_);
    ended_calls_->Add(record);
  }

  const uint64_t max_bytes_;
  const bool waits_;  // For a model that is being loaded.
  Workers& workers_;
  const Clock& clock_;
  Licences& licences_;
  RecentFailures& failures_;
  EndedCalls* const ended_calls_;
  CallGate* const gate_;
  const std::string version_;
  std::string name_;  // Of the model.
  NestedCalls* nested_ = nullptr;

  mutable Mutex mu_;
  SessionId next_id_ GUARDED_BY(mu_);  // Never a call's.
  Table sessions_ GUARDED_BY(mu_);
  Handles handles_ GUARDED_BY(mu_);
  std::set<std::pair<TimePoint, SessionId>> timers_ GUARDED_BY(mu_);
  // Of payloads that the engine has not taken, and that no poll has.
  uint64_t input_bytes_ GUARDED_BY(mu_) = 0;
  uint64_t output_bytes_ GUARDED_BY(mu_) = 0;
  std::set<SessionId> waiting_ GUARDED_BY(mu_);  // For an instance.
  bool unflushed_ GUARDED_BY(mu_) = false;       // An Open, which leaves with what follows it.
  TimePoint drain_until_ GUARDED_BY(mu_) = TimePoint::max();
  Status closed_ GUARDED_BY(mu_);  // Not ok: Close has said why.
  SessionsReport report_ GUARDED_BY(mu_);
};

}  // namespace aiges
