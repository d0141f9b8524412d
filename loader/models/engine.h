// SPDX-License-Identifier: Apache-2.0
// loader/models/engine.h: a model version that is loaded, or on its way to be: its workers and its
// queue.
//
// Calls may come as soon as it is made: they wait in the queue until Start has been called and an
// instance serves. It goes in two steps: Finish lets what is in hand be answered, the destructor
// leaves the hub. Ownership: shared with whoever is about to call; see Finish.
// Threads: thread-safe but for Start and Finish, which belong to who owns it.
#pragma once

#include <atomic>
#include <memory>

#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/instances/pool.h"
#include "loader/scheduler/scheduler.h"
#include "loader/scheduler/shares.h"

namespace aiges {

class Engine {
 public:
  // What all engines of a loader stand on.
  struct Ground {
    Pool::Ground pool;
    Shares* shares = nullptr;  // Of the licences, where there are several models.
    RecentFailures* failures = nullptr;
    EndedCalls* calls = nullptr;
    NestedCalls* nested = nullptr;  // Calls of other models.
    CallGate* gate = nullptr;       // Nothing: all calls may begin.
    std::string version = {};       // Of the model.
  };
  // `name`: of the model. `number`: of the engine, never used again in this process; it is a part
  // of the numbers of its calls and sessions. nullptr, with *status set, where the system has no
  // memory for it.
  static std::shared_ptr<Engine> Make(const std::string& name, const Settings& settings,
                                      uint64_t number, const Ground& ground, Status* status);

  ~Engine();

  // Starts the workers. `on_started`: on the hub, once.
  void Start(Pool::OnStarted on_started) { pool_->StartWorkers(std::move(on_started)); }
  bool Idle() const { return scheduler_->Idle(); }
  // Waits until `until` for what is in hand, then says `why` to the rest; then the workers end,
  // within the time that they get for that. Nobody else must be about to call (use_count).
  void Finish(TimePoint until, const Status& why);

  static uint64_t NumberOf(uint64_t id) { return (id & ~kSessionBit) >> kIdBits; }
  static bool IsSession(uint64_t id) { return SessionTable::IsSession(id); }
  Scheduler& scheduler() const { return *scheduler_; }
  Pool& pool() const { return *pool_; }
  const Settings& settings() const { return settings_; }
  TimePoint made() const { return made_; }
  // Something lies in it that Flush must send on.
  std::atomic<bool> touched{false};

 private:
  static constexpr int kIdBits = 40;
  static constexpr uint64_t kSessionBit = uint64_t{1} << 63;

  Engine(Settings settings, TimePoint made);

  const Settings settings_;
  const TimePoint made_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace aiges
