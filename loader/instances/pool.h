// loader/instances/pool.h: all instances of the engine: which takes the next call, what follows
// when one dies, how they end.
//
// Implements api/worker.h. Owns the hub, the memory for large request payloads and the workers.
// Threads: as api/worker.h says; Start, WaitServing and Drain are called by main.
#pragma once

#include <atomic>
#include <deque>
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
#include "loader/base/mutex.h"
#include "loader/channel/shm.h"
#include "loader/instances/hub.h"
#include "loader/instances/instance.h"

namespace aiges {

class Pool : public Workers, public BufferPool, public Resources {
 public:
  static std::unique_ptr<Pool> Create(const Settings& settings, Status* status);
  ~Pool() override;

  // Starts every worker. Events go to `events` until Drain returned.
  void Start(WorkerEvents* events);
  // Waits until one instance serves, or says why none can: when each has failed to start while
  // none has ever served, the plugin or the configuration is taken to be broken.
  Status WaitServing();
  // Replaces the workers one by one by such with these settings ([instances] but count, [wrapper],
  // [batch], asyncMode, realTimeRlt): a new one serves before the old one gets nothing more, and
  // the old one finishes what it has, for drain_ms at most. When a new one does not start, the old
  // ones go on, with the old settings. `done` is called on the hub thread: ok, or why not.
  void Reload(const Settings& settings, std::function<void(Status)> done);
  // Lets every worker finish what it has and end, until `until`; then kills. Then the hub stops.
  void Drain(TimePoint until);

  std::optional<Slot> Reserve() override;
  void Flush() override;
  void SetAlarm(TimePoint t) override { hub_.SetAlarm(t); }
  unsigned ReadyCount() const override { return ready_.load(std::memory_order_acquire); }
  bool Hopeful() const override;

  void CancelCall(Place place, uint64_t call) override;
  std::optional<Place> PlaceSession() override;
  bool OpenSession(Place place, uint64_t session, const SessionStart& start) override;
  bool WriteSession(Place place, uint64_t session,
                    const std::vector<Payload>& payloads) override;
  void CreditSession(Place place, uint64_t session, unsigned items) override;
  void CloseSession(Place place, uint64_t session) override;

  void Load(Payload resource, std::function<void(Status, unsigned id)> done) override;
  void Unload(unsigned id, std::function<void(Status)> done) override;

  Buffer Allocate(size_t size) override;
  InstancesReport Report() const;
  // What the worker that became ready last says of input and output (wrapperSchema); never null.
  std::shared_ptr<const std::string> Schema() const;

 private:
  // An instance is two places, of which one serves and the other is for its replacement.
  struct Seat {
    Instance* active;
    Instance* spare;
  };
  struct EngineSettings {
    InstanceSettings instances;
    BatchSettings batch;
    SessionSettings sessions;
    Pairs config;
  };

  Pool(const Settings& settings, std::unique_ptr<Arena> memory);
  void SendOn(Place place, uint64_t call, const Request& request) override;
  void GiveBack(Place place) override;

  // Hub thread.
  void StartInstance(Instance& instance);
  void Supervise(Instance& instance);
  // False: the worker is gone, and another may be in its place.
  bool OnInput(Instance& instance);
  void OnGone(Instance& instance);
  void Report(Instance::Input* input);
  // True when no instance can: then the process ends, and starting again would be noise.
  bool OnStartFailed(const Instance& instance, const std::string& why);
  void Restart(Instance& instance);
  void Tick();
  // Replacement (pool_roll.cc).
  bool IsSpare(const Instance& instance) const;
  void RollNext();
  void Swap(Instance& replacement);
  void FinishIfEmpty(Instance& retiring);
  void TellToFinish(Instance& instance);
  void OnSpareGone(Instance& spare, const std::string& why);
  void EndReload(const Status& status);
  void Recycle();
  // Resources (pool_resources.cc).
  void OnLoaded(const Instance& instance, const Instance::Input::Loaded& answer);
  void ForgetLoads(const Instance& instance);
  void EndLoad(uint64_t id);
  void UseSettings(const EngineSettings& settings);
  void CountReady();
  std::string InitFrame() const;
  static void CountMeter(void* pool, std::string_view key, int32_t count);

  // Hub thread, after Start.
  InstanceSettings settings_;
  BatchSettings batch_;
  SessionSettings sessions_;
  std::vector<Seat> seats_;
  std::deque<size_t> rolls_;             // Seats that are still to be replaced.
  std::optional<size_t> rolling_;        // The one that is.
  std::optional<EngineSettings> before_;  // While a reload runs: what to go back to.
  std::function<void(Status)> reloaded_;
  TimePoint recycle_after_{};
  // A load or unload that waits for the answers of workers.
  struct Loading {
    std::set<const Instance*> waiting;
    Status status;
    std::function<void(Status)> done;
  };
  unsigned last_resource_ = 0;
  std::map<uint64_t, Payload> resources_;
  std::map<uint64_t, Loading> loading_;
  const size_t result_memory_bytes_;
  Pairs engine_config_;  // Hub thread, after Start.
  const std::shared_ptr<Arena> memory_;
  std::atomic<uint64_t>* board_ = nullptr;  // In memory_; channel/frame.h.
  uint64_t board_offset_ = 0;
  std::vector<std::unique_ptr<Instance>> instances_;
  WorkerEvents* events_ = nullptr;
  std::atomic<unsigned> ready_{0};
  std::atomic<unsigned> next_{0};
  std::atomic<bool> stopping_{false};

  mutable Mutex mu_;
  CondVar changed_;
  bool served_ GUARDED_BY(mu_) = false;
  std::set<unsigned> failed_ GUARDED_BY(mu_);  // Instances whose start has failed.
  std::optional<Status> start_failure_ GUARDED_BY(mu_);
  std::map<std::string, uint64_t> meters_ GUARDED_BY(mu_);
  std::shared_ptr<const std::string> schema_ GUARDED_BY(mu_) = std::make_shared<std::string>();
  Hub hub_;  // Last: its thread ends before the rest goes.
};

}  // namespace aiges
