// SPDX-License-Identifier: Apache-2.0
// loader/instances/pool_roll.cc: replaces workers that serve, without losing a call.
//
// What is done when is decided by Roll; here it is done: a spare is started, or takes over, and the
// old worker gets nothing more, finishes what it has and ends. All on the hub thread.

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/instances/pool.h"

namespace aiges {
namespace {

// After a replacement that did not start.
constexpr std::chrono::seconds kRecyclePause{30};
// For wrapperDestroy and wrapperFini, when drain_ms is over.
constexpr std::chrono::seconds kEndTime{1};

}  // namespace

bool Pool::IsSpare(const Instance& instance) const {
  return seats_[instance.number()].spare == &instance;
}

void Pool::Reload(const Settings& settings, std::function<void(Status)> done) {
  EngineSettings fresh{settings.instances, settings.batch,  settings.sessions,
                       settings.http,      settings.engine, Machine::Here(settings.instances)};
  hub_.Post([this, fresh = std::move(fresh), done = std::move(done)]() mutable {
    if (stopping_ || fresh_) {
      return done(Status::Error(StatusKind::kOverloaded,
                                stopping_ ? "the service stops" : "a reload is running already"));
    }
    const InstanceSettings& own = settings_.instances;
    if (fresh.instances.count != own.count) {
      LogWarn("instances", "reload: [instances] count = ", fresh.instances.count,
              " takes effect at the next start, now ", own.count);
    }
    fresh.instances.count = own.count;  // Seats and addresses stay.
    fresh.instances.worker_binary = own.worker_binary;
    fresh_ = std::move(fresh);
    reloaded_ = std::move(done);
    LogInfo("instances", "reload: starting ", seats_.size(), " new workers");
    Apply(roll_.Reload(seats_.size()));
  });
}

void Pool::Apply(const Roll::Step& step, const std::string& why) {
  if (step.reloaded) settings_ = *fresh_;
  for (const size_t seat : step.drop) Drop(seat);
  for (const size_t seat : step.swap) Swap(seat);
  if (step.reloaded) EndReload(Status::Ok());
  if (step.failed && fresh_) {
    EndReload(Status::Error(StatusKind::kInternal, why));
  } else if (step.failed) {
    LogError("instances", why);
    recycle_after_ = clock_.Now() + kRecyclePause;
  }
  if (step.start) StartInstance(*seats_[*step.start].spare);
}

void Pool::EndReload(const Status& status) {
  if (!fresh_) return;
  if (status.ok()) {
    LogInfo("instances", "reload: done");
  } else {
    LogError("instances", "reload: ", status.text);
  }
  fresh_.reset();
  if (reloaded_) std::exchange(reloaded_, nullptr)(status);
}

void Pool::Swap(size_t number) {
  Seat& seat = seats_[number];
  std::swap(seat.active, seat.spare);
  Instance& old = *seat.spare;
  LogInfo("instances", "worker ", number, ": a new one has taken its place");
  const bool served = old.state() == InstanceState::kReady;
  const auto drain = std::chrono::milliseconds(settings_.instances.drain_ms);
  if (old.alive()) old.Retire(clock_.Now() + drain + kEndTime);
  Serve(*seat.active);
  if (!old.alive()) {  // It was waiting for its next start.
    old.set_paused(true);
    return Apply(roll_.OnEmpty(number));
  }
  if (!served) return old.Kill();  // It was just starting again: nothing is in it.
  Later(old, drain, [this, &old] {
    LogWarn("instances", "worker ", old.number(),
            " was replaced and did not finish within drain_ms, made to end");
    old.set_kill_reason("replaced, and not finished within drain_ms");
    if (!old.told_to_finish()) TellToFinish(old, old.end());  // It destroys its sessions.
  });
  Later(old, drain + kEndTime, [this, &old] { KillAndLeave(old); });
  FinishIfEmpty(old);
}

void Pool::Drop(size_t number) {
  Instance& spare = *seats_[number].spare;
  spare.Retire(clock_.Now() + kEndTime);
  LogInfo("instances", "worker ", number, ": the new one is ended, the old one goes on");
  TellToFinish(spare, spare.end());
  Later(spare, kEndTime, [this, &spare] { KillAndLeave(spare); });
}

void Pool::FinishIfEmpty(Instance& retiring) {
  if (retiring.Empty() && !retiring.told_to_finish()) {
    TellToFinish(retiring, retiring.end());
  }
}

void Pool::TellToFinish(Instance& instance, TimePoint end) {
  instance.SendFini(end);
  if (!instance.Flush()) hub_.Modify(instance.process()->channel(), EPOLLIN | EPOLLOUT);
}

void Pool::OnSpareEmpty(Instance& spare, const std::string& why) {
  spare.set_paused(true);
  Apply(roll_.OnEmpty(spare.number()),
        StrCat("the new worker ", spare.number(), " did not start, the old one goes on: ", why));
}

void Pool::Recycle() {
  if (!roll_.idle() || stopping_ || clock_.Now() < recycle_after_) return;
  const InstanceSettings& limits = settings_.instances;
  for (size_t i = 0; i < seats_.size(); ++i) {
    Instance& active = *seats_[i].active;
    if (active.state() != InstanceState::kReady) continue;
    std::string why;
    if (limits.max_requests > 0 && active.served() >= limits.max_requests) {
      why = StrCat(active.served(), " calls served, max_requests = ", limits.max_requests);
    } else if (limits.max_rss_mb > 0) {
      const uint64_t size = ResidentBytes(active.process()->pid()) >> 20;
      if (size > limits.max_rss_mb) {
        why = StrCat(size, " MB resident, max_rss_mb = ", limits.max_rss_mb);
      }
    }
    if (why.empty()) continue;
    LogInfo("instances", "worker ", i, " is replaced: ", why);
    return Apply(roll_.Recycle(i));
  }
}

}  // namespace aiges
