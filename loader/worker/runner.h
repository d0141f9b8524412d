// SPDX-License-Identifier: Apache-2.0
// loader/worker/runner.h: gives frames to engine calls and sessions, on the threads of the worker.
//
// Hook threads run user code: the main thread, which also ran wrapperInit, and as many more as
// `threads` says. One of those that are free leads: it reads frames, and runs a quick call itself,
// out of the buffer, without a hand-over. The others run what it gave out, or wait.
//
// The watcher is one thread more, and never runs user code. It looks every kTick while hooks run.
// When all hook threads have been busy for kThreadWait it reads in their place, so that credit,
// cancellations and the end of a session are seen while hooks run; a call that has waited so long
// then gets one of the threads that rest, or a new one, up to `most`. An engine whose calls are
// quicker than that keeps one thread, and pays nothing for the watcher but a look every 2 ms.
//
// A thread that waits for a call of another model (model_calls.h) reads, too, when nobody else
// does: what its answer needs is that somebody reads, and nobody is woken for it but the thread
// that wants it. Calls that it reads are for the others; while there are none, the watcher adds
// threads.
//
// The reader's place changes hands in two ways: under mu_, or, from a leader that runs a call out
// of its buffer, by inline_since_: the watcher takes the leader's mark away there, goes on with a
// copy of what is unread, and the call keeps its buffer. A mark is the time at which the call
// began, so that a leader knows its own from that of the next one.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/worker/door_calls.h"
#include "loader/worker/engine_calls.h"
#include "loader/worker/engine_session.h"
#include "loader/worker/host.h"
#include "loader/worker/model_calls.h"

namespace aiges {

class Runner : public ChannelReader {
 public:
  // `input` may hold frames already.
  Runner(const Host& host, FrameInput input);
  // Until kFini came and all that was there is done; open sessions are destroyed.
  void Serve();

  // --- any thread ---
  void ReadUntil(const std::function<bool()>& done, TimePoint until) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    uint64_t id = 0;
    FrameType type = FrameType::kExec;  // kLoad, kUnload; kCreate: a step of the session.
    std::string body;
    std::shared_ptr<EngineSession> session;
    Clock::time_point since = Clock::now();
  };
  static constexpr int64_t kSlowNs = std::chrono::nanoseconds(kThreadWait).count();
  enum class Turn { kRun, kRead, kFinish };
  enum class Reader { kNobody, kHookThread, kWatcher, kWaiter };
  // How a hook thread reads.
  struct Reading {
    Clock::time_point until = Clock::time_point::max();  // May wait so long for the first byte.
    bool run_here = false;
    size_t calls = 0;  // That wait already, for a batch.
  };

  // A thread in ReadUntil.
  struct Waiter {
    const std::function<bool()>& done;
    CondVar changed;
  };

  // --- hook threads ---
  void Loop();
  // What this thread does next.
  Turn Take(std::vector<Job>* jobs, Reading* reading);
  void TakeJobs(std::vector<Job>* jobs) REQUIRES(mu_);
  // Calls at the head of the queue that make less than a batch; 0: run what is there.
  size_t Incomplete() const REQUIRES(mu_);
  void BeginReading(Reading* reading, bool wait) REQUIRES(mu_);
  void Rest() REQUIRES(mu_);
  // Reads frames and hands them out, or runs them here when that is quicker.
  void ReadFrames(CallRoom* room, const Reading& reading);
  // False: somebody else reads now.
  bool RunHere(const Frame& frame, CallRoom* room);
  void Gather(FrameInput* input, size_t waiting, std::vector<Job>* jobs);
  void RunJobs(std::vector<Job>* jobs, CallRoom* room);
  void RunSession(Job job, CallRoom* room);
  void LoadResource(const Job& job);

  // --- whoever reads ---
  static bool Fill(FrameInput* input, Clock::time_point until);
  void Dispatch(const Frame& frame, std::vector<Job>* jobs);
  void DispatchSession(const Frame& frame, std::vector<Job>* jobs);
  void Queue(std::vector<Job>* jobs) REQUIRES(mu_);
  void Finish();

  // --- the watcher (watcher.cc) ---
  void Watch();
  // --- threads that wait for an answer (waiter.cc) ---
  // A leader that runs a call out of its buffer leads no more: the call waits.
  void StepDown();
  void ReadOnce(TimePoint until) REQUIRES(mu_);
  void WakeWaiters() REQUIRES(mu_);
  // Somebody else reads on, if somebody wants to.
  void PassReading() REQUIRES(mu_);

  // True: the watcher reads from now on. Out: what to tell the loader.
  bool Look(std::string* tell) REQUIRES(mu_);
  bool TakeFromLeader(int64_t now_ns) REQUIRES(mu_);
  void TakeInput() REQUIRES(mu_);
  // Until a hook thread wants to read, or all is over.
  void Lead();
  // Gives jobs that have waited a thread, and says what to tell the loader. Out: when to look
  // again.
  std::string Spread(Clock::time_point* again) REQUIRES(mu_);
  void AddThreads(size_t count) REQUIRES(mu_);
  bool FlushHeld() REQUIRES(mu_);
  size_t Waited(Clock::time_point now) const REQUIRES(mu_);
  // Until then, or Wake. True: the channel can be read, if `reading`.
  bool SleepUntil(Clock::time_point until, bool reading);

  // --- any thread ---
  void Wake();  // The watcher.
  void WakeIfAsleep() {
    if (asleep_.load()) Wake();
  }
  void WakeResting(size_t count) REQUIRES(mu_);
  void WakeDue() REQUIRES(mu_);

  static thread_local int64_t t_leads_since;  // Of the call that this thread runs as the leader.

  const Host& host_;
  EngineCalls calls_;
  DoorCalls doors_;
  const unsigned base_;  // Threads from the start.
  const std::thread::id main_ = std::this_thread::get_id();
  const Fd wake_;  // An eventfd: ends the watcher's sleep.

  std::atomic<int64_t> inline_since_{0};  // When the leader began the call it runs; 0: none.
  std::atomic<bool> asleep_{false};       // The watcher.
  std::atomic<bool> slow_{false};         // The last call or step took longer than kThreadWait.
  std::atomic<bool> nests_{false};        // Calls of this engine wait for other models.

  Mutex mu_;
  CondVar changed_, main_changed_;     // Where hook threads rest; the main one by itself.
  std::shared_ptr<FrameInput> input_;  // The reader's.
  Reader reader_ GUARDED_BY(mu_) = Reader::kNobody;
  bool wanted_ GUARDED_BY(mu_) = false;  // A hook thread wants the watcher's place.
  bool finish_ GUARDED_BY(mu_) = false;
  bool gathered_ GUARDED_BY(mu_) = false;   // The next batch has had its time.
  size_t last_batch_ GUARDED_BY(mu_) = 1;   // Whether calls came in company of late.
  unsigned resources_ GUARDED_BY(mu_) = 0;  // Queued or being loaded: calls behind them wait.
  bool loading_ GUARDED_BY(mu_) = false;
  unsigned threads_ GUARDED_BY(mu_) = 1;
  unsigned most_ GUARDED_BY(mu_) = 1;
  unsigned running_ GUARDED_BY(mu_) = 0;  // Without a leader that runs a call itself.
  unsigned resting_ GUARDED_BY(mu_) = 0;
  bool main_rests_ GUARDED_BY(mu_) = false;
  unsigned quiet_looks_ GUARDED_BY(mu_) = 0;
  Clock::time_point last_turn_ GUARDED_BY(mu_);  // When a thread began or ended to run jobs.
  Clock::time_point last_look_ GUARDED_BY(mu_);  // At the channel.
  std::deque<Job> jobs_ GUARDED_BY(mu_);
  std::deque<std::pair<Clock::time_point, Job>> later_ GUARDED_BY(mu_);  // Equal pauses: in order.
  std::unordered_map<uint64_t, std::shared_ptr<EngineSession>> sessions_ GUARDED_BY(mu_);
  std::vector<HeldAnswers*> held_ GUARDED_BY(mu_);  // Of each hook thread.
  std::vector<Waiter*> waiters_ GUARDED_BY(mu_);
  std::vector<std::thread> hook_threads_ GUARDED_BY(mu_);
};

}  // namespace aiges
