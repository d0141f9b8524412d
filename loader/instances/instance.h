// SPDX-License-Identifier: Apache-2.0
// loader/instances/instance.h: one worker process and the calls that lie in it.
//
// Life cycle: Start -> kStarting -> (the engine is up, and its owner says Serve) kReady -> dead ->
// kBackoff -> Start again; or kReady -> Retire -> kStopped: what is in it is finished, nothing new
// comes. Every change of state goes through SetState.
//
// Threads: the first group of methods is thread-safe, the second belongs to the hub thread. Two
// locks, never held together: credit_mu_ here for what may be given to it, and that of Outgoing for
// what lies in it and for the bytes on the way.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/report.h"
#include "loader/api/request.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/instances/backoff.h"
#include "loader/instances/credit.h"
#include "loader/instances/frames.h"
#include "loader/instances/line_log.h"
#include "loader/instances/outgoing.h"
#include "loader/instances/process.h"

namespace aiges {

class Instance {
 public:
  // What one look at the channel brought.
  struct Input {
    std::vector<WorkerResult> results;
    std::vector<SessionEvent> sessions;
    std::vector<DoorEvent> doors;
    std::vector<NestedEvent> nested;  // Of calls of other models.
    std::vector<LoadedFrame> loaded;  // Answers to LoadResource and UnloadResource.
    bool engine_up = false;           // It says that it is ready.
    bool more_room = false;           // It has more threads than before.
    bool answered = false;            // Here: there is something to send.
    bool more = false;    // Whole frames are left: look again, though the socket may be empty.
    bool gone = false;    // End of file, or bytes that are no frames.
    bool broken = false;  // The latter.
    bool empty() const {
      return results.empty() && sessions.empty() && doors.empty() && nested.empty() &&
             loaded.empty();
    }
  };
  // `call`: or session; 0: of none that is known.
  using MeterFn = void (*)(void* context, uint64_t call, std::string_view key, int32_t count);

  // `place` is the index in Place; `number` is what logs call it.
  Instance(unsigned place, unsigned number, const Clock& clock);

  // --- thread-safe ---
  // Free credit: more than 0 when a call may be sent. Out: the process it holds for.
  unsigned FreeCredit(unsigned* outstanding) const;
  std::optional<uint64_t> TakeCredit();
  void ReturnCredit(uint64_t generation);
  // kGone: that process is, nothing was queued.
  Sent Send(uint64_t generation, uint64_t call, const Request& request, const Arena& memory);
  // Sessions, as api/worker.h. The board is the cancel board of channel/frame.h.
  std::optional<uint64_t> PlaceSession(unsigned* load) const;
  Sent OpenSession(uint64_t generation, uint64_t session, const SessionStart& start);
  Sent WriteSession(uint64_t generation, uint64_t session, const std::vector<Payload>& payloads,
                    const Arena& memory);
  void CreditSession(uint64_t generation, uint64_t session, unsigned items);
  void CloseSession(uint64_t generation, uint64_t session);
  // Door calls that were sent there.
  void SendPart(uint64_t generation, uint64_t call, const Payload& part) {
    outgoing_.DoorIn(generation, call, part);
  }
  void TookPart(uint64_t generation, uint64_t call, uint64_t bytes) {
    outgoing_.DoorTook(generation, call, bytes);
  }
  // To a call of another model that it has begun.
  void CallAnswer(uint64_t generation, uint64_t call, NestedAnswer answer, const Arena& memory) {
    outgoing_.CallAnswer(generation, call, std::move(answer), memory);
  }
  // For an engine that answers later: tells it to give the call up.
  void CancelCall(uint64_t generation, uint64_t call);
  // False: bytes are left, the socket is full; the hub must watch for EPOLLOUT.
  bool Flush() { return outgoing_.Flush(); }
  InstanceReport Report() const;
  InstanceState state() const { return state_.load(std::memory_order_acquire); }
  // Its process runs, or is not known to be dead.
  bool alive() const;
  // Another one with the next process, and with its death.
  uint64_t generation() const;
  // Dead, and its next start is some time away.
  bool paused() const { return paused_.load(std::memory_order_acquire); }
  // It serves, or is on its way up without a pause before it.
  bool hopeful() const { return !paused() && state() != InstanceState::kStopped; }

  // --- hub thread ---
  // `door_calls`: that may lie in an engine with doors.
  Status Start(ProcessFactory& processes, const SpawnPlan& plan, const std::string& init_frame,
               unsigned door_calls);
  // The engine is up: from now on it gets calls.
  void Serve();
  // The engine is up, but it does not serve yet.
  bool stands_by() const {
    return engine_up_ && kill_reason_.empty() && state() == InstanceState::kStarting;
  }
  // Queued behind what is on its way, so before any later call. kYes: an answer comes, unless the
  // process dies first.
  Sent LoadResource(uint64_t id, const Payload& resource, const Arena& memory) {
    return outgoing_.Load(id, resource, memory);
  }
  Sent UnloadResource(uint64_t id) { return outgoing_.Unload(id); }
  void Retire(TimePoint end);  // What is in it is finished; it must be gone by `end`.
  TimePoint end() const { return end_; }
  bool retiring() const { return retiring_; }
  // Neither calls nor sessions are in it, and none is on the way.
  bool Empty() const;
  // Calls and sessions that this process has finished.
  uint64_t served() const;
  // At most kFramesPerTurn frames: others want their turn too.
  Input OnChannel(MeterFn meter, void* context);
  // What it printed, at most kOutputPerTurn bytes; true: there may be more.
  bool OnOutput();
  // Its end of the channel is closed: it is dying, or lives on without.
  void OnChannelEnd();
  bool starting() const { return starting_; }  // Until it serves, or is dead.
  // It is about to die: it gets nothing more. The rest follows with OnDeath.
  void StopServing();
  // The process is dead, or has no channel: takes what was in it. Out: why, and whether it is dead;
  // if not, it is on its way.
  Input OnDeath(bool stopping, std::string* why, bool* dead);
  void SendFini(TimePoint end);  // When it will be killed.
  bool told_to_finish() const { return told_to_finish_; }
  void Kill() { process_->Kill(); }
  // Its owner leaves: what still runs is killed, and reaped by the factory.
  void Abandon() {
    if (process_ == nullptr) return;
    StopServing();
    (void)outgoing_.Close();
    process_.reset();
  }
  Process* process() { return process_.get(); }
  // Work is in the worker and nothing has come back for so long.
  Duration WithoutProgress() const { return outgoing_.WithoutProgress(); }
  TimePoint started() const { return started_; }
  TimePoint ready_since() const { return ready_since_; }  // Of the last process that served.
  // The last lines that its process, or the one before, has printed.
  std::string last_output() const { return lines_.Tail(); }
  // What its engine, or that of the process before, says of input and output (wrapperSchema).
  const std::string& schema() const { return schema_; }
  const std::string& doors() const { return doors_; }  // Of wrapperDoors.
  void set_kill_reason(std::string reason) { kill_reason_ = std::move(reason); }
  void set_paused(bool paused) { paused_.store(paused, std::memory_order_release); }
  Backoff& backoff() { return backoff_; }
  unsigned place() const { return place_; }
  unsigned gpus() const { return gpus_.load(std::memory_order_relaxed); }  // Thread-safe.
  unsigned number() const { return number_; }

  static constexpr unsigned kFramesPerTurn = 512;
  static constexpr size_t kOutputPerTurn = 4096;

 private:
  void SetState(InstanceState state) REQUIRES(credit_mu_);
  bool Handle(const Frame& frame, std::vector<ResultFrame>* results, Input* input, MeterFn meter,
              void* context);
  bool OnReadyFrame(const Frame& frame, Input* input);
  bool OnThreads(const Frame& frame);
  void Settle(std::vector<ResultFrame> results, Input* input);
  SessionEvent Lost(uint64_t session, const std::string& why) const;
  WorkerResult Lost(uint64_t call, bool unsent, const std::string& why) const;

  const unsigned place_, number_;
  const Clock& clock_;
  std::atomic<InstanceState> state_{InstanceState::kBackoff};
  std::atomic<bool> paused_{false};
  std::atomic<unsigned> gpus_{0};    // Of the process that is there, or comes.
  std::atomic<uint32_t> traits_{0};  // EngineTraits

  mutable Mutex credit_mu_;
  Credit credit_ GUARDED_BY(credit_mu_);
  InstanceReport report_ GUARDED_BY(credit_mu_);
  Outgoing outgoing_;

  // Hub thread.
  unsigned batch_size_ = 1, door_calls_ = 1;
  unsigned threads_ = 1, most_threads_ = 1;  // As the worker said last.
  bool starting_ = false, closed_channel_ = false, engine_up_ = false, retiring_ = false,
       told_to_finish_ = false;
  TimePoint end_;  // Of a retiring one.
  std::unique_ptr<Process> process_;
  FrameInput input_;
  LineLog lines_;
  Backoff backoff_;
  TimePoint started_, ready_since_;
  std::string schema_, doors_, start_error_, kill_reason_;
};

}  // namespace aiges
