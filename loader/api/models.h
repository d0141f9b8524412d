// SPDX-License-Identifier: Apache-2.0
// loader/api/models.h: the models of a loader, as protocols and pages see them.
//
// A Model is one version of one name. It is known as long as its folder is there, whether its
// engine is loaded or not: a call to one that is not loads it, and waits in its queue meanwhile.
// A loader without [models] has one, whose name is that of the service; it answers to every name.
//
// Who makes a Request says in it which model it is for (Request::model, SessionRequest::model);
// Service and Sessions find the way by that. Nothing there: the default model.
//
// Ownership: shared; a Model that is no longer known is an empty shell that refuses calls.
// Threads: all of it is thread-safe, and never waits for an engine. `done` is called on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/report.h"
#include "loader/base/status.h"

namespace aiges {

enum class ModelState : uint8_t { kUnloaded, kLoading, kReady, kUnloading, kFailed };

inline const char* StateName(ModelState state) {
  static constexpr const char* kNames[] = {"unloaded", "loading", "ready", "unloading", "failed"};
  return kNames[static_cast<size_t>(state)];
}

struct ModelReport {
  std::string name, version;
  ModelState state = ModelState::kUnloaded;
  std::string reason;         // Of kFailed: why. Of others: what has been asked for, or nothing.
  bool pinned = false;        // Never leaves to make room.
  bool internal = false;      // Only other models call it.
  unsigned instances = 0;     // That serve.
  uint64_t memory_bytes = 0;  // Resident, of all its workers, and of GPUs where NVML tells.
};

// What a model has done since it became known, also before it was last loaded.
struct ModelFigures {
  uint64_t succeeded = 0, failed = 0;                          // Once calls.
  std::chrono::nanoseconds succeeded_time{0}, failed_time{0};  // From admission to answer.
  std::chrono::nanoseconds queue{0}, channel{0}, engine{0};    // Of those that succeeded.
  std::map<unsigned, uint64_t> batches;  // Runs of the engine, by how many calls ran as one.
  uint64_t last_unix_ms = 0;             // When the last call came; 0: none has.
};

// What a model tells of itself on pages: since it became known, also by engines that are gone.
struct ModelPage {
  ModelReport model;
  bool used = false;  // It has been loaded at some time.
  QueueReport queue;
  SessionsReport sessions;
  InstancesReport instances;
  std::shared_ptr<const StageHistograms> histograms;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const std::string& name() const = 0;
  virtual const std::string& version() const = 0;  // A decimal number.
  virtual ModelReport Report() const = 0;
  virtual ModelFigures Figures() const = 0;
  // Whether a call sent now can be served at once.
  virtual bool Ready() const = 0;
  // What its engine says of itself (wrapperSchema, wrapperDoors): the last that it said, "" before.
  // Never null; the same pointer while it is the same text.
  virtual std::shared_ptr<const std::string> Schema() const = 0;
  virtual std::shared_ptr<const std::string> Doors() const = 0;
  // Begins to load it, where it is not loaded and a call would.
  virtual void Wake() = 0;
};
using ModelRef = std::shared_ptr<Model>;

// Beside the name, what a client of /v2/repository may say with a load.
struct LoadWish {
  std::string config;  // The text of a config.pbtxt instead of the folder's; empty: the folder's.
  // With a config, instead of the folder: "1/model.py" -> bytes.
  std::vector<std::pair<std::string, std::string>> files;

  // More than what the folder says: code or settings of the client's own.
  bool own() const { return !config.empty() || !files.empty(); }
};

class Models {
 public:
  virtual ~Models() = default;

  // [models] is in force: names count.
  virtual bool several() const = 0;
  // Empty name: the default model. Empty version: the one that the version policy names. Not ok:
  // kNotFound with kCodeInvalidOutput (10106) and the names that there are.
  virtual Status Find(std::string_view name, std::string_view version, ModelRef* out) const = 0;
  // The same for a call from another model, which may call internal ones too.
  virtual Status FindNested(std::string_view name, std::string_view version, ModelRef* out) const {
    return Find(name, version, out);
  }
  // Nothing where [models] names none.
  virtual ModelRef Default() const = 0;
  // All versions, by name and then number. Internal models are not among them.
  virtual std::vector<ModelRef> List() const = 0;

  // Loads the versions that the policy names, or loads them anew where they are loaded: they swap
  // when the new ones serve, and the old ones finish what they have. Not ok: what failed.
  virtual void Load(const std::string& name, LoadWish wish, std::function<void(Status)> done) = 0;
  // Its calls are finished, new ones refused until it is loaded again.
  virtual void Unload(const std::string& name, std::function<void(Status)> done) = 0;
  // Whether all models that should be are ready: those of the start-up list and those that were
  // loaded and not unloaded.
  virtual bool Ready() const = 0;
};

}  // namespace aiges
