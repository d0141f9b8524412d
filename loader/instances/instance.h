// loader/instances/instance.h: one worker process and the calls that lie in it.
//
// Life cycle: Start -> kStarting -> (kReady frame) kReady -> dead -> kBackoff -> Start again; or
// kReady -> Retire -> kStopped: what is in it is finished, nothing new comes. Every change of state goes through SetState. A generation number names one process:
// credit taken from a process that died meanwhile is worth nothing.
//
// Threads: credit, Send and Flush are thread-safe. Start, OnChannel, OnDeath, Stop belong to the
// hub thread. Two locks, never held together: credit_mu_ for the counters, send_mu_ for the bytes
// on the way out.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "loader/api/report.h"
#include "loader/api/request.h"
#include "loader/api/worker.h"
#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/channel/wire.h"
#include "loader/instances/backoff.h"
#include "loader/instances/line_log.h"
#include "loader/instances/window.h"
#include "loader/instances/worker_process.h"

namespace aiges {

class Instance {
 public:
  // What one look at the channel brought.
  struct Input {
    std::vector<WorkerResult> results;
    std::vector<SessionEvent> sessions;
    struct Loaded {
      uint64_t resource = 0;
      int code = 0;
      std::string text;
    };
    std::vector<Loaded> loaded;  // Answers to LoadResource and UnloadResource.
    bool became_ready = false;
    std::string schema;  // Of a worker that became ready.
    bool gone = false;  // End of file, or bytes that are no frames.
  };
  using MeterFn = void (*)(void* context, std::string_view key, int32_t count);

  // `place` is the index in Place; `number` is what logs call it.
  Instance(unsigned place, unsigned number);

  // --- thread-safe ---
  // Free credit: more than 0 when a call may be sent. Out: the process it holds for.
  unsigned FreeCredit(unsigned* outstanding) const;
  std::optional<uint64_t> TakeCredit();
  void ReturnCredit(uint64_t generation);
  // False: that process is gone, nothing was queued.
  bool Send(uint64_t generation, uint64_t call, const Request& request, const Arena& memory);
  // Sessions, as api/worker.h. The board is the cancel board of channel/frame.h.
  std::optional<uint64_t> PlaceSession(unsigned* load) const;
  bool OpenSession(uint64_t generation, uint64_t session, const SessionStart& start);
  bool WriteSession(uint64_t generation, uint64_t session, const std::vector<Payload>& payloads,
                    const Arena& memory);
  void CreditSession(uint64_t generation, uint64_t session, unsigned items);
  void CloseSession(uint64_t generation, uint64_t session);
  // For an engine that answers later: tells it to give the call up.
  void CancelCall(uint64_t generation, uint64_t call);
  // False: bytes are left, the socket is full; the hub must watch for EPOLLOUT.
  bool Flush();
  InstanceReport Report() const;
  InstanceState state() const { return state_.load(std::memory_order_acquire); }
  // Its process runs, or is not known to be dead.
  bool alive() const;
  // Dead, and its next start is some time away.
  bool paused() const { return paused_.load(std::memory_order_acquire); }

  // --- hub thread ---
  // How many calls may lie in it: threads, or batches of batch_size.
  Status Start(const SpawnPlan& plan, const std::string& init_frame, unsigned threads,
               unsigned batch_size);
  // Queued behind what is on its way, so before any later call. No answer if the process is gone.
  void LoadResource(uint64_t id, const Payload& resource, const Arena& memory);
  void UnloadResource(uint64_t id);
  void Retire();
  bool retiring() const { return retiring_; }
  // Neither calls nor sessions are in it, and none is on the way.
  bool Empty() const;
  // Calls and sessions that this process has finished.
  uint64_t served() const;
  Input OnChannel(MeterFn meter, void* context);
  void OnOutput();
  // The process is dead or must die: takes what was in it. Out: why.
  Input OnDeath(bool stopping, std::string* why);
  void SendFini();
  bool told_to_finish() const { return told_to_finish_; }
  void Kill() { process_->Kill(); }
  WorkerProcess* process() { return process_.get(); }
  // Work is in the worker and nothing has come back for so long.
  Duration WithoutProgress(TimePoint now);
  TimePoint started() const { return started_; }
  TimePoint ready_since() const { return ready_since_; }  // Of the last process that got ready.
  // The last lines that its process, or the one before, has printed.
  std::string last_output() const { return lines_.Tail(); }
  const std::string& start_error() const { return start_error_; }
  void set_kill_reason(std::string reason) { kill_reason_ = std::move(reason); }
  void set_paused(bool paused) { paused_.store(paused, std::memory_order_release); }
  Backoff& backoff() { return backoff_; }
  unsigned place() const { return place_; }
  unsigned number() const { return number_; }

 private:
  // What lies in the worker of one session.
  struct SessionWork {
    unsigned operations = 0;  // Create, writes and close without a sign that they are done.
    unsigned credit = 0;      // Items that may still come: at 0 the worker may have to wait.
  };

  bool IsHere(uint64_t generation) const REQUIRES(send_mu_) {
    return send_fd_ >= 0 && generation == send_generation_;
  }
  void CountSessionEvents(std::vector<SessionEvent>* events);
  bool ReadItem(const Frame& frame, SessionEvent* event);
  void SetState(InstanceState state) REQUIRES(credit_mu_);
  bool Handle(const Frame& frame, Input* input, MeterFn meter, void* context);
  bool ReadResult(const Frame& frame, WorkerResult* result);
  void OnReadyFrame(const Frame& frame, Input* input);

  const unsigned place_, number_;
  unsigned threads_ = 1, batch_size_ = 1;  // Hub thread.
  std::atomic<InstanceState> state_{InstanceState::kBackoff};
  std::atomic<bool> paused_{false};

  mutable Mutex credit_mu_;
  uint64_t generation_ GUARDED_BY(credit_mu_) = 0;
  unsigned outstanding_ GUARDED_BY(credit_mu_) = 0;
  CreditWindow window_ GUARDED_BY(credit_mu_);
  TimePoint progress_ GUARDED_BY(credit_mu_);
  InstanceReport report_ GUARDED_BY(credit_mu_);
  uint64_t served_ GUARDED_BY(credit_mu_) = 0;  // By this process.
  bool retiring_ = false, told_to_finish_ = false;  // Hub thread.

  Mutex send_mu_;
  uint64_t send_generation_ GUARDED_BY(send_mu_) = 0;
  int send_fd_ GUARDED_BY(send_mu_) = -1;
  std::string out_ GUARDED_BY(send_mu_);
  size_t out_sent_ GUARDED_BY(send_mu_) = 0;       // Of out_.
  uint64_t bytes_sent_ GUARDED_BY(send_mu_) = 0;   // To this process.
  std::unordered_map<uint64_t, uint64_t> calls_ GUARDED_BY(send_mu_);  // Call -> first byte.
  std::unordered_map<uint64_t, SessionWork> sessions_ GUARDED_BY(send_mu_);
  std::atomic<unsigned> session_count_{0};
  std::atomic<uint32_t> traits_{0};  // EngineTraits

  // Hub thread.
  std::unique_ptr<WorkerProcess> process_;
  FrameInput input_;
  LineLog lines_;
  Backoff backoff_;
  TimePoint started_, ready_since_;
  std::string start_error_, kill_reason_;
};

}  // namespace aiges
