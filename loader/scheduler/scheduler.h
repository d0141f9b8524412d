// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/scheduler.h: one queue for the service, from admission to answer.
//
// Overview. Submit admits a call (licence, queue bounds, deadline) or refuses it at once. An
// admitted call waits in ONE queue until an instance has credit for it (late binding: nothing
// waits behind a slow neighbour), runs, and is answered exactly once: by its result, by the loss
// of its worker, or by its deadline, whichever comes first.
//
// Life cycle of a call:
//   kQueued  -> kRunning   an instance had credit
//   kQueued  -> gone       deadline, abort, or nobody left to serve it: answered, never run
//   kRunning -> gone       result, or the worker died: answered
//   kRunning -> kUnwanted  deadline or abort: answered; the engine still works on it, so it keeps
//                          its licence and its data until the result comes, which is dropped
//   kRunning -> kQueued    the worker died before the call reached it; or, where the service is
//                          idempotent, died with it for the first time. Not a door call of which
//                          a second part was sent either way: it cannot be told again.
//
// Threads: one lock around the tables; short sections, no I/O and no sink inside. Sinks are called
// outside it. No clock but the one given, so it is tested without sleeping.
#pragma once

#include <atomic>
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
#include "loader/api/models.h"
#include "loader/api/nested_line.h"
#include "loader/api/report.h"
#include "loader/api/service.h"
#include "loader/api/settings.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/scheduler/licences.h"
#include "loader/scheduler/session_table.h"

namespace aiges {

class Scheduler : public Service, public WorkerEvents {
 public:
  // What schedulers of several models have together; all of it outlives them.
  struct Shared {
    uint64_t first = 0;        // Added to the numbers of calls and sessions, so that they differ.
    Shares* shares = nullptr;  // Of the licences.
    RecentFailures* failures = nullptr;  // Nothing: its own.
    EndedCalls* calls = nullptr;         // Nothing: nobody hears of them.
    CallGate* gate = nullptr;            // Nothing: all may begin.
    std::string version = {};            // Of the model, for records.
  };
  Scheduler(const Settings& settings, Workers* workers, const Clock* clock, const Shared& shared);
  Scheduler(const Settings& settings, Workers* workers, const Clock* clock)
      : Scheduler(settings, workers, clock, Shared()) {}

  ~Scheduler() override { nested_line_->Close(); }

  CallId Submit(Request request, std::unique_ptr<ReplySink> sink) override;
  void Flush() override { workers_.Flush(); }
  void Abort(CallId id) override;
  void SendPart(CallId id, Payload part) override;
  void TookPart(CallId id, uint64_t bytes) override;
  bool Ready() const override;

  void OnResults(std::vector<WorkerResult> results) override;
  void OnSessionEvents(std::vector<SessionEvent> events) override {
    sessions_.OnEvents(std::move(events));
  }
  void OnDoorEvents(std::vector<DoorEvent> events) override;
  void OnNested(Place place, std::vector<NestedEvent> events) override;
  void OnPlaceGone(Place place) override;
  void OnMeter(uint64_t call, std::string_view key, uint64_t count) override;
  void OnCapacity() override;
  void OnReady(unsigned instance, TimePoint now, Duration took) override {
    if (ended_calls_ != nullptr) ended_calls_->WorkerStarted(name_, instance, now, took);
  }
  void OnDeath(WorkerDeath death) override;
  void OnAlarm(TimePoint now) override;

  // Where calls of other models go, and what this model is called there. Before the workers start;
  // without it they are refused.
  void UseNested(NestedCalls* nested, std::string name) {
    nested_ = nested;
    sessions_.UseNested(nested, name);
    name_ = std::move(name);
  }

  // [queue] max_requests, [fc] max, exec_timeout_ms and idempotent, from the next call on; and how
  // many calls the instances run at one time.
  void UseSettings(const Settings& settings);

  // Readiness goes off. Calls are still taken until then; what has no answer by then is told so.
  void BeginDrain(TimePoint until);
  // What waits or runs is answered with that, as is all that still comes.
  void Close(const Status& why);
  // True when no call is waiting or running by then. Polls: used once, at shutdown.
  bool Idle() const;

  Sessions* sessions() { return &sessions_; }

  QueueReport Report() const;
  ModelFigures Figures() const;
  LoadReport Load() const override;
  SessionsReport SessionReport() const { return sessions_.Report(); }
  const StageHistograms& histograms() const { return histograms_; }
  const RecentFailures& failures() const { return failures_; }
  TimePoint last_call() const { return last_call_; }  // Or session.

 private:
  enum class State { kQueued, kRunning, kUnwanted };
  struct Call {
    Request request;
    std::unique_ptr<ReplySink> sink;
    State state = State::kQueued;
    Place place;  // While running.
    TimePoint sent;
    size_t bytes = 0;
    bool replayed = false;
    std::shared_ptr<MeterCounts> meters;
    std::unique_ptr<Allowance> allowance;  // Nothing: no limit is for its caller.
    bool nests = false;                    // It has begun calls of other models.
    uint64_t parts_in = 0, parts_out = 0;  // Bytes of a door call's parts.
    // Of a door call. Open: it was sent, and its parts follow it.
    bool open = false, went_on = false;
    std::vector<Payload> parts;  // That came before.
  };
  // What is remembered of a call that failed.
  struct FailedCall {
    std::string handle, detail;
    int instance = -1;
    std::string fault;  // What the engine has told in words of its own, with a status that is ok.
  };
  struct Answer {
    std::unique_ptr<ReplySink> sink;
    Reply reply;
    TimePoint arrived;
    std::unique_ptr<FailedCall> failed;  // Where the status is not ok, or the engine noted a fault.
    std::unique_ptr<Request> poison;     // Two workers died with it.
    CallId nests = 0;                    // Its number, where it has begun calls of other models.
    CallRecord record;
  };
  struct Sending {
    Slot slot;
    CallId id;
    const Request* request;
  };
  using Calls = std::unordered_map<CallId, Call>;

  Status Admit(const Request& request, TimePoint now, std::unique_ptr<Allowance>* allowance)
      REQUIRES(mu_);
  void Enqueue(CallId id, Call& call) REQUIRES(mu_);
  void Dequeue(CallId id, Call& call) REQUIRES(mu_);
  void TakeWhatFits(TimePoint now, std::vector<Sending>* out) REQUIRES(mu_);
  // `bytes_out`, `engine`: of its result.
  void Forget(Calls::iterator call, uint64_t bytes_out = 0, std::chrono::nanoseconds engine = {})
      REQUIRES(mu_);
  static std::unique_ptr<FailedCall> TakeFault(WorkerResult* result);
  CallRecord RecordOf(const Request& request, uint64_t bytes_in) const;
  void Keep(CallRecord record, const Reply& reply, TimePoint now);
  Answer TakeAnswer(Call& call, Status status, TimePoint now,
                    std::unique_ptr<FailedCall> failed = nullptr) REQUIRES(mu_);
  void GiveUp(CallId id, Status status, TimePoint now, std::vector<Answer>* out) REQUIRES(mu_);
  // `poison`: it does not, as two workers have died with it.
  bool RunsAgain(const WorkerResult& result, Call& call, bool* poison) REQUIRES(mu_);
  void Finish(WorkerResult& result, TimePoint now, std::vector<Answer>* out) REQUIRES(mu_);
  void Deliver(std::vector<Answer> answers);
  void Send(std::vector<Sending> sending);
  void OpenDoor(CallId id);
  // Calls of other models (nested_callers.cc).
  NestedCaller CallerOf(Place place, const std::vector<uint64_t>& ids);
  bool Waits(uint64_t caller) const;

  Workers& workers_;
  const Clock& clock_;
  const unsigned instances_;
  std::atomic<bool> draining_{false};
  Licences licences_;
  std::unique_ptr<RecentFailures> own_failures_;
  RecentFailures& failures_;
  EndedCalls* const ended_calls_;
  CallGate* const gate_;
  const std::string version_;
  SessionTable sessions_;
  NestedCalls* nested_ = nullptr;
  const std::shared_ptr<NestedLine> nested_line_;
  std::string name_;

  mutable Mutex mu_;
  QueueSettings bounds_ GUARDED_BY(mu_);
  std::chrono::milliseconds exec_timeout_ GUARDED_BY(mu_);
  bool idempotent_ GUARDED_BY(mu_);
  uint64_t slots_ GUARDED_BY(mu_);  // Calls that the instances run at one time.
  CallId next_id_ GUARDED_BY(mu_);
  Calls calls_ GUARDED_BY(mu_);
  std::set<CallId> queue_ GUARDED_BY(mu_);  // Ids grow, so this is the order of arrival.
  uint64_t queued_bytes_ GUARDED_BY(mu_) = 0;
  uint64_t held_bytes_ GUARDED_BY(mu_) = 0;  // Of all calls, also of those that run.
  TimePoint drain_until_ GUARDED_BY(mu_) = TimePoint::max();
  Status closed_ GUARDED_BY(mu_);  // Not ok: Close has said why.
  std::set<std::pair<TimePoint, CallId>> deadlines_ GUARDED_BY(mu_);
  std::map<int, uint64_t> answers_ GUARDED_BY(mu_);
  std::map<unsigned, uint64_t> batches_ GUARDED_BY(mu_);
  uint64_t unwanted_ GUARDED_BY(mu_) = 0;
  uint64_t replayed_ GUARDED_BY(mu_) = 0;
  StageHistograms histograms_;
  std::atomic<uint64_t> failed_{0}, failed_ns_{0}, failed_queue_ns_{0};
  std::atomic<TimePoint> last_call_{TimePoint{}};
};

}  // namespace aiges
