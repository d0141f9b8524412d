// SPDX-License-Identifier: Apache-2.0
// loader/worker/waiter.cc: the part of the runner in which a thread waits for an answer from the
// loader, and reads the channel when nobody else does.
#include <algorithm>

#include "loader/worker/runner.h"

namespace aiges {

void Runner::StepDown() {
  nests_ = true;
  int64_t since = t_leads_since;
  if (since == 0) return;
  t_leads_since = 0;
  MutexLock lock(mu_);
  // False: the watcher was first.
  if (inline_since_.compare_exchange_strong(since, 0)) TakeInput();
}

void Runner::ReadUntil(const std::function<bool()>& done, TimePoint until) {
  StepDown();
  Waiter waiter{done, {}};
  MutexLock lock(mu_);
  for (HeldAnswers* held : held_) held->Flush();  // Those of this thread: now it does not go on.
  while (!done() && Clock::now() < until) {
    if (reader_ == Reader::kNobody) {
      ReadOnce(until);
      continue;
    }
    if (reader_ == Reader::kWatcher && !std::exchange(wanted_, true)) Wake();
    waiters_.push_back(&waiter);
    if (until == TimePoint::max()) {
      waiter.changed.Wait(mu_);
    } else {
      waiter.changed.WaitUntil(mu_, until);
    }
    std::erase(waiters_, &waiter);
  }
  if (reader_ != Reader::kNobody) return;
  PassReading();
  // A thread of the engine's own, which may not come back, and no call that the watcher looks
  // after: whoever rests reads from now on.
  if (waiters_.empty() && running_ == 0) WakeResting(1);
}

// Reads without the lock; what came is handed out when it returns.
void Runner::ReadOnce(TimePoint until) {
  reader_ = Reader::kWaiter;
  const std::shared_ptr<FrameInput> input = input_;
  std::vector<Job> jobs;
  mu_.Unlock();
  if (input->HasFrame() || Fill(input.get(), until)) {
    while (std::optional<Frame> frame = input->Next()) Dispatch(*frame, &jobs);
  }
  mu_.Lock();
  reader_ = Reader::kNobody;
  last_look_ = Clock::now();
  const size_t count = jobs.size();
  Queue(&jobs);
  WakeResting(count);
}

void Runner::WakeWaiters() {
  for (Waiter* waiter : waiters_) {
    if (waiter->done()) waiter->changed.NotifyOne();
  }
}

// Who waits for an answer must not sleep while nobody reads. Threads that wait for work are left to
// the watcher: most often this one will read on itself, soon.
void Runner::PassReading() {
  if (!waiters_.empty()) waiters_.front()->changed.NotifyOne();
}

}  // namespace aiges
