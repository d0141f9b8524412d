// SPDX-License-Identifier: Apache-2.0
// xtest/runner_thread.h: one client thread: sends when the pacer says so, records what ends.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "loader/base/mutex.h"
#include "xtest/client.h"
#include "xtest/pacer.h"
#include "xtest/picker.h"
#include "xtest/recorder.h"
#include "xtest/sid.h"

namespace aiges {

// What the threads of one step share. `left` counts down: each loopIndex is taken once.
struct StepWork {
  size_t number = 0;
  TimePoint begin{}, warm_until{}, end = TimePoint::max();
  std::atomic<int64_t> left{0};
  std::atomic<uint64_t> warm{0};  // Calls of the warm-up, which has indexes of its own.
  const std::atomic<bool>* stop = nullptr;
};

// Figures for other threads, of all steps so far; without the warm-up.
struct LiveThread {
  std::atomic<uint64_t> sent{0}, done{0}, failed{0}, in_flight{0};
  Mutex mu;
  Histogram latest GUARDED_BY(mu);  // Latencies of the last whole second.
};

// Run and the figures after it belong to one thread at a time; live is for all.
class RunnerThread {
 public:
  RunnerThread(const Plan& plan, unsigned number, CallSink* sink);
  ~RunnerThread();

  void Run(StepWork* work);

  const Recorder& recorder() const { return *recorder_; }
  double cpu() const { return cpu_; }  // Share of a core, without waiting.
  uint64_t held() const { return pacer_->held(); }
  LiveThread& live() { return live_; }

 private:
  struct Slot : Call {
    bool abandoned = false;  // The step did not wait for its end.
  };

  void SendAll();
  bool Launch(TimePoint now);
  size_t PickHost(TimePoint now);
  void OnEnded(Call* call);
  void Wait(TimePoint until);
  TimePoint DrainUntil() const;
  void Drain();
  void StartClock();
  void StopClock();
  unsigned under_way() const { return in_flight_ + static_cast<unsigned>(resting_.size()); }

  const Plan& plan_;
  const unsigned number_;
  CallSink* const sink_;
  const SteadyClock clock_;
  std::unique_ptr<Client> client_;
  SidSource sids_;
  Picker picker_;
  std::vector<size_t> wheel_;  // Round robin: each host as often as it weighs.
  size_t turn_ = 0;
  std::deque<Slot> slots_;
  std::vector<Slot*> free_;

  StepWork* work_ = nullptr;
  std::optional<Pacer> pacer_;
  std::unique_ptr<Recorder> recorder_;
  unsigned in_flight_ = 0;
  uint64_t sent_ = 0;
  std::deque<TimePoint> resting_;  // Closed loop: places of calls that failed at once.
  Duration early_ = std::chrono::microseconds(20);  // How late waits have lately ended.
  Duration spun_{};                                 // Waiting that looks like work to the system.
  bool timed_ = false;
  TimePoint clock_begin_{};
  int64_t cpu_begin_ns_ = 0;
  double cpu_ = 0;
  LiveThread live_;
};

}  // namespace aiges
