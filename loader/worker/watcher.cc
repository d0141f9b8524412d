// SPDX-License-Identifier: Apache-2.0
// loader/worker/watcher.cc: the thread of the runner that steps in while all others run hooks.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <system_error>

#include "loader/worker/own_process.h"
#include "loader/worker/runner.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kTick{2};
// After so many looks at which nothing ran it sleeps until something does.
constexpr unsigned kQuietLooks = 50;
constexpr int64_t kHeldNs = 1'000'000;
constexpr std::chrono::seconds kTrimEvery{1};

}  // namespace

void Runner::Watch() {
  auto trim = Clock::now() + kTrimEvery;
  bool holds = true;  // Memory for results that may be given back.
  for (;;) {
    if (Clock::now() >= trim) {
      holds = host_.results->Trim();
      trim = Clock::now() + kTrimEvery;
    }
    bool lead = false;
    std::string tell;
    auto again = Clock::time_point::max();
    {
      MutexLock lock(mu_);
      if (finish_) return;
      // Before the look: what begins after it wakes the watcher.
      const bool sleepy = quiet_looks_ >= kQuietLooks;
      if (sleepy) asleep_ = true;
      lead = Look(&tell);
      if (!sleepy || quiet_looks_ == 0) {
        asleep_ = false;
        again = Clock::now() + kTick;
        holds = true;
      }
    }
    GetOutbox().Write(tell);
    if (lead) {
      Lead();
    } else {
      SleepUntil(holds ? std::min(again, trim) : again, false);
    }
  }
}

bool Runner::Look(std::string* tell) {
  const auto now = Clock::now();
  const bool held = FlushHeld();
  const bool quiet = inline_since_.load() == 0 && running_ == 0 && !held;
  quiet_looks_ = quiet ? quiet_looks_ + 1 : 0;
  const bool taken = reader_ == Reader::kHookThread && TakeFromLeader(ToNanos(now));
  if (reader_ == Reader::kNobody && running_ > 0) {
    if (resting_ > 0) {
      WakeResting(1);
    } else if (running_ == threads_ && (taken || now - last_turn_ >= kThreadWait)) {
      reader_ = Reader::kWatcher;
      wanted_ = false;
      return true;
    }
  }
  const bool stuck = slow_.load(std::memory_order_relaxed) || now - last_turn_ >= kThreadWait;
  if (stuck && !loading_) WakeResting(Waited(now));
  auto again = Clock::time_point::max();
  if (reader_ == Reader::kWaiter) *tell = Spread(&again);
  return false;
}

bool Runner::TakeFromLeader(int64_t now_ns) {
  int64_t since = inline_since_.load();
  if (since == 0 || now_ns - since < kSlowNs) return false;
  if (!inline_since_.compare_exchange_strong(since, 0)) return false;
  TakeInput();
  return true;
}

// The call that the leader runs keeps the buffer.
void Runner::TakeInput() {
  input_ = std::make_shared<FrameInput>(input_->Unread());
  reader_ = Reader::kNobody;
  ++running_;
}

void Runner::Lead() {
  for (;;) {
    // First: who reads next looks at the channel before it looks at what was left here.
    std::vector<Job> jobs;
    while (std::optional<Frame> frame = input_->Next()) Dispatch(*frame, &jobs);
    std::string tell;
    auto again = Clock::time_point::max();
    {
      MutexLock lock(mu_);
      const size_t count = jobs.size();
      Queue(&jobs);
      WakeResting(count);
      if (finish_ || std::exchange(wanted_, false)) {
        reader_ = Reader::kNobody;
        PassReading();
        if (waiters_.empty() || finish_) WakeResting(1);
        return;
      }
      asleep_ = true;
      tell = Spread(&again);
      if (FlushHeld()) again = std::min(again, Clock::now() + kTick);
      if (again != Clock::time_point::max()) asleep_ = false;
    }
    GetOutbox().Write(tell);
    if (!SleepUntil(again, true)) continue;
    if (input_->Fill(kChannelFd, 0) != FrameInput::State::kData) EndWithoutChannel();
  }
}

std::string Runner::Spread(Clock::time_point* again) {
  WakeDue();
  const auto now = Clock::now();
  if (!later_.empty()) *again = later_.front().first;
  if (jobs_.empty() || loading_) return "";
  if (resting_ > 0 || running_ < threads_) {
    WakeResting(jobs_.size());
    *again = std::min(*again, now + kTick);  // Until it has taken its job, it is not known to.
    return "";
  }
  if (threads_ >= most_) return "";
  const bool stuck = slow_.load(std::memory_order_relaxed) || now - last_turn_ >= kThreadWait;
  const size_t waited = stuck ? Waited(now) : 0;
  if (waited == 0) {
    *again = std::min(*again, std::max(jobs_.front().since, last_turn_) + kThreadWait);
    return "";
  }
  AddThreads(std::min<size_t>(waited, most_ - threads_));
  *again = std::min(*again, now + kTick);  // Jobs that have not waited long enough yet may be left.
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kThreads, 0);
  w.Number(uint32_t{threads_});
  w.Number(uint32_t{most_});
  w.End();
  return frame;
}

void Runner::AddThreads(size_t count) {
  try {
    for (; count > 0; --count) {
      hook_threads_.emplace_back([this] { Loop(); });
      ++threads_;
    }
  } catch (const std::system_error& e) {
    std::fprintf(stderr, "aiges-worker: no thread for more calls at once than %u: %s\n", threads_,
                 e.what());
    most_ = threads_;
  }
}

size_t Runner::Waited(Clock::time_point now) const {
  const auto fresh = std::find_if(jobs_.begin(), jobs_.end(),
                                  [now](const Job& job) { return now - job.since < kThreadWait; });
  return static_cast<size_t>(fresh - jobs_.begin());
}

bool Runner::FlushHeld() {
  bool held = false;
  for (HeldAnswers* answers : held_) held = answers->FlushOlder(kHeldNs) || held;
  return held;
}

bool Runner::SleepUntil(Clock::time_point until, bool reading) {
  pollfd fds[] = {{wake_.get(), POLLIN, 0}, {kChannelFd, POLLIN, 0}};
  timespec limit{};
  if (until != Clock::time_point::max()) {
    const auto left = std::max<int64_t>(std::chrono::nanoseconds(until - Clock::now()).count(), 0);
    limit = {left / 1'000'000'000, left % 1'000'000'000};
  }
  const int ready =
      ::ppoll(fds, reading ? 2 : 1, until == Clock::time_point::max() ? nullptr : &limit, nullptr);
  asleep_ = false;
  if (ready <= 0) return false;
  uint64_t wakes = 0;
  if (fds[0].revents != 0) (void)!::read(wake_.get(), &wakes, sizeof wakes);
  return reading && fds[1].revents != 0;
}

void Runner::Wake() {
  asleep_ = false;
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

}  // namespace aiges
