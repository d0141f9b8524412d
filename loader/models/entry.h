// SPDX-License-Identifier: Apache-2.0
// loader/models/entry.h: one version of a model that is known, loaded or not.
//
// States: unloaded -> loading -> ready -> unloading -> unloaded; a start that fails makes it failed
// until somebody loads it again. What it answers calls with is its Engine; one that goes away
// finishes its calls beside the next one. What moves it is the catalogue; here is what is so now.
// Costs little while it is not loaded: its settings, and what it has counted.
// Threads: thread-safe, short sections.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/api/models.h"
#include "loader/api/settings.h"
#include "loader/base/mutex.h"
#include "loader/models/engine.h"

namespace aiges {

// What a call is told that its model cannot take.
inline Status Unavailable(std::string text) {
  return Status::Error(StatusKind::kDisconnected, std::move(text), kCodeCrash);
}

// The same of one that comes back only when somebody loads it.
inline Status NotLoaded(std::string text) {
  return Status::Error(StatusKind::kNotFound, std::move(text), kCodeCrash);
}

// Of all together.
ModelPage SumOf(const std::vector<ModelPage>& pages);

class Entry final : public Model {
 public:
  // Makes the engine of an entry that is not loaded, for a call that waits for it; not ok: why not.
  using Load = std::function<Status(Entry*)>;

  // `load` may be called as long as the entry is there.
  Entry(std::string name, uint64_t version, std::shared_ptr<const Settings> settings, bool pinned,
        Load load);

  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  uint64_t number() const { return number_; }
  bool pinned() const { return pinned_; }
  bool internal() const { return internal_; }
  ModelReport Report() const override;
  ModelFigures Figures() const override;
  bool Ready() const override;
  std::shared_ptr<const std::string> Schema() const override;
  std::shared_ptr<const std::string> Doors() const override;
  void Wake() override;
  // Memory that its workers can read, where it is loaded; else any.
  Buffer Allocate(size_t size) const;
  ModelPage Page() const;

  // For a call: the engine that takes it, which is made where there is none. nullptr: *why.
  std::shared_ptr<Engine> Use(Status* why);
  // As it is now.
  std::shared_ptr<Engine> engine() const;
  std::shared_ptr<const Settings> settings() const;
  void set_settings(std::shared_ptr<const Settings> settings);
  ModelState state() const;
  TimePoint last_use() const;

  // --- for the catalogue ---
  // The engine of one that has none. False: it has.
  bool SetEngine(std::shared_ptr<Engine> engine);
  void SetReady(const std::shared_ptr<Engine>& engine);
  // Takes the engine out; it counts on until Forget. nullptr: there is none, or (`only_idle`) it
  // has something in hand.
  std::shared_ptr<Engine> TakeEngine(ModelState state, std::string reason, bool only_idle);
  void Forget(const std::shared_ptr<Engine>& engine);
  // Calls are refused with that until Open.
  void Shut(std::string reason);
  void Open();
  // Its settings have mistakes: it cannot be loaded until they are mended.
  void Fail(std::string mistakes);
  std::string mistakes() const;
  void set_memory(uint64_t bytes);

 private:
  // Since it became known, of engines that are gone.
  struct Past {
    QueueReport queue;
    SessionsReport sessions;
    std::map<std::string, uint64_t> meters;
    uint64_t restarts = 0;
    ModelFigures figures;
    StageHistograms histograms;
  };
  static void Add(const Engine& engine, Past* past);

  const std::string name_;
  const uint64_t number_;
  const std::string version_;
  const bool pinned_;
  const Load load_;
  std::atomic<bool> internal_;  // As the settings say; looked at for every call.

  mutable Mutex mu_;
  std::shared_ptr<const Settings> settings_ GUARDED_BY(mu_);
  std::shared_ptr<Engine> engine_ GUARDED_BY(mu_);
  std::vector<std::shared_ptr<Engine>> leaving_ GUARDED_BY(mu_);
  ModelState state_ GUARDED_BY(mu_) = ModelState::kUnloaded;
  std::string reason_ GUARDED_BY(mu_);
  bool shut_ GUARDED_BY(mu_) = false;
  std::string mistakes_ GUARDED_BY(mu_);
  TimePoint failed_at_ GUARDED_BY(mu_);
  uint64_t memory_ GUARDED_BY(mu_) = 0;
  std::shared_ptr<const std::string> schema_ GUARDED_BY(mu_), doors_ GUARDED_BY(mu_);
  std::unique_ptr<Past> past_ GUARDED_BY(mu_);  // Made with the first engine that leaves.
};

}  // namespace aiges
