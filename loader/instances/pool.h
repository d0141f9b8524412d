// SPDX-License-Identifier: Apache-2.0
// loader/instances/pool.h: all instances of the engine: which takes the next call, what follows
// when one dies, how they end.
//
// Implements api/worker.h and api/resources.h; what decides is in objects of its own: Instance (one
// process), Roll (replacement), ResourceSet, RequestMemory. Three files: pool.cc what others ask
// for, pool_supervise.cc life and death of processes, pool_roll.cc replacing them.
// Ownership: owns the instances and the request memory; hub, factory and clock outlive it.
// Threads: as api/worker.h says; StartWorkers and Drain are for who owns the pool.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/api/report.h"
#include "loader/api/resources.h"
#include "loader/api/settings.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/instances/hub.h"
#include "loader/instances/hub_user.h"
#include "loader/instances/instance.h"
#include "loader/instances/placement.h"
#include "loader/instances/process.h"
#include "loader/instances/request_memory.h"
#include "loader/instances/resource_set.h"
#include "loader/instances/roll.h"

namespace aiges {

class Pool : public Workers, public BufferPool, public Resources, private ResourceSet::Wire {
 public:
  // What the pool runs on, with others. All of it outlives the pool.
  struct Ground {
    Hub* hub;
    ProcessFactory* processes;
    const Clock* clock;
  };
  static std::unique_ptr<Pool> Create(const Settings& settings, const Ground& ground,
                                      Status* status);
  ~Pool() override;

  // What comes of the start: Ok when the first instance serves, or why none can: when each has
  // failed to start while none has ever served, the plugin or the configuration is taken to be
  // broken. Once, on the hub.
  using OnStarted = std::function<void(const Status&)>;
  // Alarms go to `events` from now on, and whatever else happens until Drain returned.
  void Attach(WorkerEvents* events);
  // The workers of a pool that is attached. The hub turns, now or later.
  void StartWorkers(OnStarted on_started = {});
  // All of it at once: the hub, where it does not turn, and every worker.
  void Start(WorkerEvents* events, OnStarted on_started = {});
  // As Start, for a test that turns the hub by itself.
  void StartOnHub(WorkerEvents* events, OnStarted on_started = {});
  // Replaces all workers by such with these settings ([instances] but count, [wrapper], [batch],
  // asyncMode, realTimeRlt), or none (instances/roll.h): the old ones finish what they have, for
  // drain_ms at most. `done` is called on the hub thread, when the new ones serve, or with the
  // reason why the old ones go on.
  void Reload(const Settings& settings, std::function<void(Status)> done);
  // Resources that are still being loaded then are answered: the service stops. Thread-safe.
  void EndLoads(TimePoint at);
  // Reaps what nobody waits for (SIGCHLD). Thread-safe.
  void Tidy();
  // Once a second: gives memory of requests back that has not been used since. Takes milliseconds
  // where there is much. Thread-safe.
  void TrimMemory() { memory_->Trim(); }
  // Lets every worker finish what it has and end, until `until`; then kills, and leaves those that
  // do not even die of that. Nothing of the pool happens on the hub after it.
  void Drain(TimePoint until);

  std::optional<Slot> Reserve() override;
  void Flush() override;
  void SetAlarm(TimePoint t) override { hub_.SetAlarm(t); }
  unsigned ReadyCount() const override { return ready_.load(std::memory_order_acquire); }
  bool Hopeful() const override;

  void CancelCall(Place place, uint64_t call) override;
  void SendPart(Place place, uint64_t call, const Payload& part) override;
  void TookPart(Place place, uint64_t call, uint64_t bytes) override;
  void Answer(Place place, uint64_t call, NestedAnswer answer) override;
  BufferPool* buffers() override { return this; }
  std::optional<Place> PlaceSession() override;
  bool OpenSession(Place place, uint64_t session, const SessionStart& start) override;
  bool WriteSession(Place place, uint64_t session, const std::vector<Payload>& payloads) override;
  void CreditSession(Place place, uint64_t session, unsigned items) override;
  void CloseSession(Place place, uint64_t session) override;

  void Load(Payload resource, std::function<void(Status, unsigned id)> done) override;
  void Unload(unsigned id, std::function<void(Status)> done) override;

  Buffer Allocate(size_t size) override { return memory_->Allocate(size); }
  // The workers can read these bytes where they lie.
  bool Shares(const Bytes& bytes) const {
    uint64_t offset = 0;
    return memory_->arena().Contains(bytes.data(), &offset);
  }
  InstancesReport Report() const;
  // What the worker that began to serve last says of input and output (wrapperSchema); never null.
  std::shared_ptr<const std::string> Schema() const;
  // The same of the doors that it has (wrapperDoors).
  std::shared_ptr<const std::string> Doors() const;

 private:
  // An instance is two places, of which one serves and the other is for its replacement.
  struct Seat {
    Instance* active;
    Instance* spare;
  };
  // What a worker is started with.
  struct EngineSettings {
    InstanceSettings instances;
    BatchSettings batch;
    SessionSettings sessions;
    HttpSettings http;
    Pairs config;
    Machine machine;
  };

  Pool(const Settings& settings, const Ground& ground, std::unique_ptr<RequestMemory> memory);
  void SendOn(Place place, uint64_t call, const Request& request) override;
  void GiveBack(Place place) override;
  void FlushTo(Instance& instance);
  bool SendLoad(unsigned to, uint64_t resource, const Payload& payload) override;
  bool SendUnload(unsigned to, uint64_t resource) override;
  void Reject(unsigned reader, std::string why) override;

  // Hub thread.
  void StartInstance(Instance& instance);
  void Supervise(Instance& instance);
  void OnOutput(Instance& instance, bool ended);
  void OnInput(Instance& instance);
  void OnChannelEnd(Instance& instance, bool broken);
  void OnDead(Instance& instance);
  void KillAndLeave(Instance& instance);
  void ExpectEnd(Instance& instance);
  // Runs the function later, if the same process is there then.
  void Later(Instance& instance, Duration pause, std::function<void()> function);
  void OnGone(Instance& instance);
  void RestartWhenDead(Instance& instance);
  void Deliver(const Instance& instance, Instance::Input* input);
  // Those whose engine is up and has all resources: they serve, or take their turn in a roll.
  void LetServe();
  void Serve(Instance& instance);
  // True when no instance can: then the process ends, and starting again would be noise.
  bool OnStartFailed(const Instance& instance, const std::string& why);
  void Restart(Instance& instance);
  void Tick();
  void Watchdog(Instance& instance, TimePoint now);
  void CountReady();
  // Nothing of the pool is on the hub any more.
  void Leave();
  std::string InitFrameOf(const EngineSettings& settings) const;
  SpawnPlan PlanOf(const EngineSettings& settings, unsigned number) const;
  static void CountMeter(void* pool, uint64_t call, std::string_view key, int32_t count);

  // Replacement (pool_roll.cc).
  bool IsSpare(const Instance& instance) const;
  // `why`: of a step that has failed.
  void Apply(const Roll::Step& step, const std::string& why = "");
  void Swap(size_t number);
  void Drop(size_t number);
  void OnSpareEmpty(Instance& spare, const std::string& why);
  void FinishIfEmpty(Instance& retiring);
  void TellToFinish(Instance& instance, TimePoint end);
  void EndReload(const Status& status);
  void Recycle();

  Hub& shared_hub_;
  HubUser hub_;
  ProcessFactory& processes_;
  const Clock& clock_;
  const size_t result_memory_bytes_;
  const std::unique_ptr<RequestMemory> memory_;

  // Hub thread, after Start.
  EngineSettings settings_;
  std::optional<EngineSettings> fresh_;  // Of a reload that runs.
  std::function<void(Status)> reloaded_;
  OnStarted on_started_;
  bool served_ = false;        // An instance has.
  std::set<unsigned> failed_;  // Instances whose start has failed.
  std::vector<Seat> seats_;
  Roll roll_;
  TimePoint recycle_after_{};
  ResourceSet resources_;

  std::vector<std::unique_ptr<Instance>> instances_;  // By place; the vector never changes.
  WorkerEvents* events_ = nullptr;
  std::atomic<unsigned> ready_{0};
  std::atomic<unsigned> next_{0};
  std::atomic<bool> stopping_{false};

  mutable Mutex mu_;
  CondVar changed_;
  std::map<std::string, uint64_t> meters_ GUARDED_BY(mu_);
  std::shared_ptr<const std::string> schema_ GUARDED_BY(mu_) = std::make_shared<std::string>();
  std::shared_ptr<const std::string> doors_ GUARDED_BY(mu_);
};

}  // namespace aiges
