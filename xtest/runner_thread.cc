// SPDX-License-Identifier: Apache-2.0
#include "xtest/runner_thread.h"

#include <time.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "xtest/metronome.h"
#include "xtest/slices.h"

namespace aiges {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Waiting ends this much too early at most, to make up for the way back onto a core; the rest is
// waited for by looking at the clock.
constexpr microseconds kLeastEarly{2}, kMostEarly{80};
// No longer without a look at the sockets.
constexpr milliseconds kLongestSleep{5};
// After a call without answer its place in the closed loop stays empty for so long: a server that
// is gone is not asked as fast as the machine can.
constexpr milliseconds kRest{100};
// How soon the stop flag is seen.
constexpr milliseconds kLook{100};
// One call of so many asks for the server's timing, which costs the server time.
constexpr uint64_t kSample = 16;
// For answers after the user's stop; for the ends of calls that were given up.
constexpr milliseconds kStopDrain{500};
constexpr seconds kCancelDrain{2};

int64_t ThreadCpuNanos() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::vector<Peer> Peers(const Plan& plan) {
  std::vector<Peer> peers;
  for (size_t i = 0; i < plan.hosts.size(); ++i) {
    peers.push_back({plan.hosts[i], i < plan.weights.size() ? plan.weights[i] : 1});
  }
  return peers;
}

std::vector<size_t> Wheel(const Plan& plan) {
  constexpr unsigned kMostTurns = 100;
  std::vector<size_t> wheel;
  for (unsigned turn = 0; turn < kMostTurns; ++turn) {
    for (size_t i = 0; i < plan.hosts.size(); ++i) {
      if (turn < (i < plan.weights.size() ? plan.weights[i] : 1)) wheel.push_back(i);
    }
  }
  return wheel;
}

// Whether calls have their results one by one.
bool Streams(const Plan& plan) {
  return plan.mode != Mode::kOnce || plan.protocol == Protocol::kStream ||
         plan.protocol == Protocol::kWebSocket || plan.protocol == Protocol::kEvents;
}

uint16_t RandomSource() { return static_cast<uint16_t>(std::random_device{}()); }

void Bump(std::atomic<uint64_t>* figure) {  // Only this thread writes it.
  figure->store(figure->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

RunnerThread::RunnerThread(const Plan& plan, unsigned number, CallSink* sink)
    : plan_(plan),
      number_(number),
      sink_(sink),
      client_(MakeClient(plan, [this](Call* call) { OnEnded(call); })),
      sids_(plan.sub, static_cast<uint16_t>(RandomSource() + number)),
      picker_(Peers(plan)),
      wheel_(Wheel(plan)) {}

RunnerThread::~RunnerThread() = default;

void RunnerThread::Run(StepWork* work) {
  PreciseTimers();
  work_ = work;
  pacer_.emplace(PaceOf(plan_, work->number, number_, work->begin), &clock_);
  recorder_ = std::make_unique<Recorder>(plan_.hosts.size(), work->warm_until,
                                         milliseconds(plan_.timeout_ms + plan_.time_loss_ms),
                                         Streams(plan_));
  resting_.clear();
  timed_ = false;
  SendAll();
  recorder_->SendingOver(clock_.Now());
  StopClock();
  Drain();
}

void RunnerThread::SendAll() {
  // Late calls that leave before answers are looked at again, and answers before late calls are: a
  // thread that only sends would make the server look slow.
  constexpr int kBurst = 8, kAnswers = 32;
  for (;;) {
    TimePoint now = clock_.Now();
    if (!timed_ && now >= work_->warm_until) StartClock();
    if (now >= work_->end || work_->stop->load(std::memory_order_relaxed)) return;
    while (!resting_.empty() && resting_.front() <= now) resting_.pop_front();
    TimePoint next = pacer_->Next(under_way());
    for (int n = 0; n < kBurst && next <= now && next < work_->end; ++n) {
      if (!Launch(now)) return;
      now = clock_.Now();
      next = pacer_->Next(under_way());
    }
    if (next > work_->end) next = work_->end;
    if (!resting_.empty()) next = std::min(next, resting_.front());
    if (next > now) {
      Wait(std::min(next, now + kLook));
      continue;
    }
    for (int n = 0; n < kAnswers && client_->Poll(Client::kNoWait); ++n) {
    }
  }
}

// False when all calls of the step have been sent.
bool RunnerThread::Launch(TimePoint now) {
  const TimePoint planned = pacer_->Take();
  const bool counted = planned >= work_->warm_until;
  uint64_t index = 0;
  if (!counted) {
    index = work_->warm.fetch_add(1, std::memory_order_relaxed);
  } else {
    const int64_t left = work_->left.fetch_sub(1, std::memory_order_relaxed);
    if (left <= 0) return false;
    index = static_cast<uint64_t>(left);
  }
  if (free_.empty()) free_.push_back(&slots_.emplace_back());
  Slot* call = free_.back();
  free_.pop_back();
  call->ClearOutcome();
  call->index = index;
  call->counted = counted;
  call->host = PickHost(now);
  call->wants_timing = plan_.server_timing && sent_++ % kSample == 0;
  const auto unix_time = std::chrono::system_clock::now().time_since_epoch();
  sids_.Make(static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(unix_time).count()),
             &call->sid);
  call->planned = planned;
  call->sent = clock_.Now();
  ++in_flight_;
  live_.in_flight.store(in_flight_, std::memory_order_relaxed);
  if (counted) {
    recorder_->Sent(call->sent, call->sent - planned, in_flight_);
    Bump(&live_.sent);
  }
  client_->Start(call);
  return true;
}

size_t RunnerThread::PickHost(TimePoint now) {
  if (plan_.hosts.size() == 1) return 0;
  if (plan_.round_robin) return wheel_[turn_++ % wheel_.size()];
  return picker_.Pick(now).value_or(0);
}

void RunnerThread::OnEnded(Call* call) {
  auto* slot = static_cast<Slot*>(call);
  if (plan_.hosts.size() > 1 && !plan_.round_robin) {
    picker_.Done(call->host, call->code == kNoAnswer && !call->given_up, call->last);
  }
  free_.push_back(slot);
  if (std::exchange(slot->abandoned, false)) return;  // Of an earlier step, which has counted it.
  --in_flight_;
  live_.in_flight.store(in_flight_, std::memory_order_relaxed);
  if (call->code == kNoAnswer && !call->given_up && plan_.rates.empty()) {
    resting_.push_back(call->last + kRest);
  }
  if (!call->counted) return;
  if (recorder_->Ended(*call)) {
    MutexLock lock(live_.mu);
    live_.latest = recorder_->latest();
  }
  if (call->given_up) return;
  Bump(&live_.done);
  if (call->code != 0) Bump(&live_.failed);
  if (sink_ != nullptr) sink_->OnCall(*call);
}

// Until something has happened or the time has come, which is met as well as the machine can: waits
// end early by as much as they have lately been late.
void RunnerThread::Wait(TimePoint until) {
  for (;;) {
    const TimePoint now = clock_.Now();
    const TimePoint wake = until - early_;
    if (now >= until) return;
    if (now >= wake) {
      if (client_->Poll(Client::kNoWait)) return;
      spun_ += clock_.Now() - now;
      continue;
    }
    if (in_flight_ == 0 && wake - now < kLongestSleep) {
      SleepUntil(wake);
    } else if (client_->Poll(wake)) {
      return;
    }
    const Duration late = clock_.Now() - wake;
    if (late < Duration::zero()) continue;  // A longer wait, in two parts.
    early_ += (std::min<Duration>(late, kMostEarly) - early_) / 16;
    early_ = std::max<Duration>(early_, kLeastEarly);
  }
}

// Once calls have a deadline. Sessions end by themselves; after a run for a time, a service whose
// output never ends is left at some point.
TimePoint RunnerThread::DrainUntil() const {
  const TimePoint now = clock_.Now();
  if (plan_.mode == Mode::kOnce) {
    return now + milliseconds(plan_.timeout_ms + plan_.time_loss_ms) + seconds(1);
  }
  if (plan_.seconds == 0) return TimePoint::max();
  return now + milliseconds(Slices(plan_).LongestMs(plan_)) + LongestSilence(plan_);
}

// Waits for what is under way, and then gives it up.
void RunnerThread::Drain() {
  TimePoint limit = DrainUntil();
  bool stopped = false;
  for (TimePoint now = clock_.Now(); in_flight_ > 0 && now < limit; now = clock_.Now()) {
    if (!stopped && work_->stop->load(std::memory_order_relaxed)) {
      stopped = true;
      limit = std::min(limit, now + kStopDrain);
    }
    client_->Poll(std::min(limit, now + kLook));
  }
  if (in_flight_ == 0) return;
  client_->Cancel();
  limit = clock_.Now() + kCancelDrain;
  for (TimePoint now = clock_.Now(); in_flight_ > 0 && now < limit; now = clock_.Now()) {
    client_->Poll(std::min(limit, now + kLook));
  }
  if (in_flight_ == 0) return;
  uint64_t counted = 0;
  for (Slot& slot : slots_) {
    if (std::find(free_.begin(), free_.end(), &slot) != free_.end()) continue;
    if (!slot.abandoned && slot.counted) ++counted;
    slot.abandoned = true;
  }
  recorder_->Abandoned(counted);
  in_flight_ = 0;
  live_.in_flight.store(0, std::memory_order_relaxed);
}

void RunnerThread::StartClock() {
  timed_ = true;
  spun_ = {};
  clock_begin_ = clock_.Now();
  cpu_begin_ns_ = ThreadCpuNanos();
}

void RunnerThread::StopClock() {
  const double wall = std::chrono::duration<double>(clock_.Now() - clock_begin_).count();
  cpu_ = 0;
  if (!timed_ || wall <= 0) return;
  const double used = static_cast<double>(ThreadCpuNanos() - cpu_begin_ns_) * 1e-9;
  cpu_ = std::clamp((used - std::chrono::duration<double>(spun_).count()) / wall, 0.0, 1.0);
}

}  // namespace aiges
