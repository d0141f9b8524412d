// loader/instances/pool_roll.cc: replaces workers that serve, without losing a call.
//
// One seat at a time: the spare starts; when it is ready the two change roles; the old one gets
// nothing more, finishes what it has and ends. Reload does that to every seat, recycling to one
// that has served enough or has grown too large. All on the hub thread.

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "loader/base/log.h"
#include "loader/instances/pool.h"

namespace aiges {
namespace {

// After a replacement that did not start.
constexpr std::chrono::seconds kRecyclePause{30};
// For wrapperDestroy and wrapperFini, when drain_ms is over.
constexpr std::chrono::seconds kEndTime{1};

// Resident set, from /proc/<pid>/statm (proc(5): the second number, in pages). 0: unknown.
uint64_t ResidentMegabytes(int pid) {
  std::ifstream in(StrCat("/proc/", pid, "/statm"));
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) >> 20;
}

}  // namespace

bool Pool::IsSpare(const Instance& instance) const {
  return seats_[instance.number()].spare == &instance;
}

void Pool::UseSettings(const EngineSettings& settings) {
  const InstanceSettings own = std::exchange(settings_, settings.instances);
  settings_.count = own.count;  // Seats and addresses stay.
  settings_.worker_binary = own.worker_binary;
  batch_ = settings.batch;
  sessions_ = settings.sessions;
  engine_config_ = settings.config;
}

void Pool::Reload(const Settings& settings, std::function<void(Status)> done) {
  EngineSettings fresh{settings.instances, settings.batch, settings.sessions, settings.engine};
  hub_.Post([this, fresh = std::move(fresh), done = std::move(done)] {
    if (stopping_ || before_) {
      return done(Status::Error(StatusKind::kOverloaded,
                                stopping_ ? "the service stops" : "a reload is running already"));
    }
    if (fresh.instances.count != settings_.count) {
      LogWarn("instances", "reload: [instances] count = ", fresh.instances.count,
              " takes effect at the next start, now ", settings_.count);
    }
    before_ = EngineSettings{settings_, batch_, sessions_, engine_config_};
    UseSettings(fresh);
    reloaded_ = std::move(done);
    rolls_.clear();
    for (size_t i = 0; i < seats_.size(); ++i) rolls_.push_back(i);
    LogInfo("instances", "reload: replacing ", seats_.size(), " workers");
    RollNext();
  });
}

void Pool::RollNext() {
  if (rolling_ || stopping_) return;
  if (rolls_.empty()) {
    if (before_) EndReload(Status::Ok());
    return;
  }
  rolling_ = rolls_.front();
  rolls_.pop_front();
  StartInstance(*seats_[*rolling_].spare);
}

void Pool::EndReload(const Status& status) {
  if (!before_) return;
  if (!status.ok()) {
    UseSettings(*before_);
    rolls_.clear();
    LogError("instances", "reload: ", status.text);
  } else {
    LogInfo("instances", "reload: done");
  }
  before_.reset();
  if (reloaded_) std::exchange(reloaded_, nullptr)(status);
}

void Pool::Swap(Instance& replacement) {
  Seat& seat = seats_[replacement.number()];
  std::swap(seat.active, seat.spare);
  Instance& old = *seat.spare;
  LogInfo("instances", "worker ", old.number(), ": a new one has taken its place");
  if (!old.alive()) {  // It was waiting for its next start.
    old.set_paused(true);
    rolling_.reset();
    return RollNext();
  }
  const bool served = old.state() == InstanceState::kReady;
  old.Retire();
  CountReady();
  if (!served) return old.Kill();  // It was just starting again: nothing is in it.
  const auto still = [&old, pid = old.process()->pid()] {
    return old.retiring() && old.alive() && old.process()->pid() == pid;
  };
  const TimePoint late =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(settings_.drain_ms);
  hub_.PostAt(late, [this, &old, still] {
    if (!still()) return;
    LogWarn("instances", "worker ", old.number(),
            " was replaced and did not finish within drain_ms, made to end");
    old.set_kill_reason("replaced, and not finished within drain_ms");
    if (!old.told_to_finish()) TellToFinish(old);  // It destroys its sessions.
  });
  hub_.PostAt(late + kEndTime, [&old, still] {
    if (still()) old.Kill();
  });
  FinishIfEmpty(old);
}

void Pool::FinishIfEmpty(Instance& retiring) {
  if (retiring.Empty() && !retiring.told_to_finish()) TellToFinish(retiring);
}

void Pool::TellToFinish(Instance& instance) {
  instance.SendFini();
  if (!instance.Flush()) hub_.Modify(instance.process()->channel(), EPOLLIN | EPOLLOUT);
}

void Pool::OnSpareGone(Instance& spare, const std::string& why) {
  spare.set_paused(true);
  const bool retired = spare.retiring();
  if (!rolling_ || seats_[*rolling_].spare != &spare) return;
  rolling_.reset();
  if (!retired) {
    const std::string text =
        StrCat("the new worker ", spare.number(), " did not start, the old one goes on: ", why);
    if (before_) {
      EndReload(Status::Error(StatusKind::kInternal, text));
    } else {
      LogError("instances", text);
      recycle_after_ = std::chrono::steady_clock::now() + kRecyclePause;
    }
  }
  RollNext();
}

void Pool::Recycle() {
  const TimePoint now = std::chrono::steady_clock::now();
  if (rolling_ || before_ || stopping_ || now < recycle_after_) return;
  for (size_t i = 0; i < seats_.size(); ++i) {
    Instance& active = *seats_[i].active;
    if (active.state() != InstanceState::kReady) continue;
    std::string why;
    if (settings_.max_requests > 0 && active.served() >= settings_.max_requests) {
      why = StrCat(active.served(), " calls served, max_requests = ", settings_.max_requests);
    } else if (settings_.max_rss_mb > 0) {
      const uint64_t size = ResidentMegabytes(active.process()->pid());
      if (size > settings_.max_rss_mb) {
        why = StrCat(size, " MB resident, max_rss_mb = ", settings_.max_rss_mb);
      }
    }
    if (why.empty()) continue;
    LogInfo("instances", "worker ", i, " is replaced: ", why);
    rolls_.push_back(i);
    return RollNext();
  }
}

}  // namespace aiges
