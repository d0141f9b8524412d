// SPDX-License-Identifier: Apache-2.0
// loader/models/catalogue.h: the models of a loader: which there are, which are loaded, which
// leave.
//
// Without [models] repository there is one, which is loaded from the start to the end. With it,
// models are found in folders, loaded at the start, when a call comes, or when somebody says so,
// and leave when somebody says so, when they have been idle for long, or to make room: the one that
// was not used for longest, and never one with something in hand.
//
// A call to a model that is not loaded makes its engine at once, whose queue it waits in; the
// workers start when there is room. All that decides happens on one thread, `models`; what waits
// for an engine to finish has a thread for that time. Ownership: owns entries and engines; what it
// stands on outlives it. Threads: Prepare, Start, BeginDrain and Drain belong to main; the rest is
// thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "loader/api/models.h"
#include "loader/api/settings.h"
#include "loader/base/gpu_memory.h"
#include "loader/base/mutex.h"
#include "loader/models/engine.h"
#include "loader/models/entry.h"
#include "loader/models/overlays.h"
#include "loader/models/repository.h"
#include "loader/scheduler/shares.h"

namespace aiges {

class Catalogue final : public Models {
 public:
  // The settings of a model in that folder; mistakes are added to *errors.
  using SettingsOf =
      std::function<Settings(const Settings& base, const std::string& name,
                             const std::string& folder, std::vector<std::string>* errors)>;

  Catalogue(const Settings& settings, const Pool::Ground& ground, SettingsOf settings_of);
  // Where calls between models go; outlives the workers. Before Start.
  void UseNested(NestedCalls* nested) { nested_ = nested; }
  // Who hears of calls and sessions that are over; outlives the workers. Before Start.
  void UseEnded(EndedCalls* ended) { ended_ = ended; }
  // Who may refuse calls and sessions; outlives the workers. Before Start.
  void UseGate(CallGate* gate) { gate_ = gate; }
  ~Catalogue() override;  // Drain has been called, or Start has not been.

  // Finds the models, and makes the engines of those of the start: from now on calls may come, and
  // wait. Not ok: what is named is not there, or there is no memory.
  Status Prepare();
  // Their workers, and whatever follows.
  void Start();
  // Of the start: each has been loaded or has failed. Not ok: none could be loaded, with one model
  // its reason.
  Status WaitStarted();

  bool several() const override { return several_; }
  Status Find(std::string_view name, std::string_view version, ModelRef* out) const override;
  Status FindNested(std::string_view name, std::string_view version, ModelRef* out) const override;
  ModelRef Default() const override;
  std::vector<ModelRef> List() const override;
  void Load(const std::string& name, LoadWish wish, std::function<void(Status)> done) override;
  void Unload(const std::string& name, std::function<void(Status)> done) override;
  bool Ready() const override;

  // Memory that the workers of one of these models can read, while it is loaded; else other memory.
  static Buffer Allocate(Model& model, size_t size);
  // The engine with that number (Engine::NumberOf), while it is there.
  std::shared_ptr<Engine> EngineOf(uint64_t number) const;
  std::vector<std::shared_ptr<Engine>> Engines() const;
  std::vector<std::shared_ptr<Entry>> Entries() const;
  const RecentFailures& failures() const { return failures_; }

  // Replaces the workers of all that is loaded: all of a model, or none of it. The first failure.
  void Reload(const Settings& fresh, std::function<void(Status)> done);
  void UseHot(const Settings& fresh);
  // Once a second, by main.
  void Trim();
  unsigned ReadyInstances() const;

  // Nothing is loaded any more. What is in hand has until then.
  void BeginDrain(TimePoint until);
  void EndLoads(TimePoint at);
  bool Idle() const;
  void Drain(TimePoint until);

 private:
  using EntryRef = std::shared_ptr<Entry>;
  using Done = std::function<void(Status)>;
  struct Waiting {  // For room.
    EntryRef entry;
    std::shared_ptr<Engine> engine;
  };

  Status Wake(Entry* entry);
  std::shared_ptr<Engine> Make(const EntryRef& entry, Status* status);
  Status FindAmong(std::string_view name, std::string_view version, bool nested,
                   ModelRef* out) const REQUIRES(mu_);
  EntryRef Latest(const std::vector<EntryRef>& versions) const;
  std::string_view OnlyName() const REQUIRES(mu_);
  std::string Names() const REQUIRES(mu_);

  // On the thread `models`.
  void Run();
  void Post(std::function<void()> job);
  void Look();
  void LookAtFolders();
  void LoadNow(const std::string& name, LoadWish wish, Done done);
  void EndLoad(const std::string& name, const std::string& folder, bool loaded);
  void LoadVersion(const EntryRef& entry, Done done);
  void AddVersions(const FoundModel& model, std::vector<EntryRef>* wanted,
                   std::vector<EntryRef>* unwanted);
  void Begin(const EntryRef& entry, const std::shared_ptr<Engine>& engine);
  void BeginWaiting();
  void OnStarted(const EntryRef& entry, const std::shared_ptr<Engine>& engine,
                 const Status& status);
  void Leave(const EntryRef& entry, ModelState state, const std::string& reason,
             const std::string& told, Done done = {});
  bool HasRoom();
  bool MakeRoom();
  void MeasureMemory();
  void Remove(const EntryRef& entry);

  const Settings settings_;  // As started.
  const Pool::Ground ground_;
  NestedCalls* nested_ = nullptr;
  EndedCalls* ended_ = nullptr;
  CallGate* gate_ = nullptr;
  const SettingsOf settings_of_;
  const bool several_;
  Shares shares_;
  RecentFailures failures_;
  std::thread thread_;

  // The thread's.
  std::deque<Waiting> waiting_;
  std::map<Entry*, std::vector<Done>> starting_;  // Who waits for the end of a start.
  std::map<std::string, uint64_t> marks_;         // What the folders looked like.
  unsigned running_ = 0;                          // Engines with workers, also those that leave.
  unsigned ends_ = 0;                             // Of these, that leave.
  unsigned to_start_ = 0;                         // Of the start, that have not come to an end.
  uint64_t memory_ = 0;
  Overlays overlays_;
  TimePoint looked_{}, measured_{};
  bool looked_for_gpus_ = false;
  std::unique_ptr<GpuMemory> gpus_;

  mutable Mutex mu_;
  CondVar wake_, started_;
  std::map<std::string, std::vector<EntryRef>, std::less<>> entries_ GUARDED_BY(mu_);
  std::unordered_map<uint64_t, std::weak_ptr<Engine>> engines_ GUARDED_BY(mu_);
  uint64_t next_engine_ GUARDED_BY(mu_) = 0;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mu_);
  std::list<std::thread> leaving_ GUARDED_BY(mu_);
  CatalogueSettings rules_ GUARDED_BY(mu_);
  Settings base_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  bool all_started_ GUARDED_BY(mu_) = false, any_ready_ GUARDED_BY(mu_) = false;
  Status start_failure_ GUARDED_BY(mu_);
  TimePoint drain_until_ GUARDED_BY(mu_) = TimePoint::max();
};

}  // namespace aiges
