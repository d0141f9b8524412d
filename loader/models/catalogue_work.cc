// SPDX-License-Identifier: Apache-2.0
// loader/models/catalogue_work.cc: what the thread `models` does: loading, leaving, making room,
// looking at folders.

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/models/catalogue.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{200};
constexpr milliseconds kLookPeriod{1000};  // Folders, memory.

Status Failed(const std::string& name, const std::string& why) {
  return Status::Error(StatusKind::kInvalid, StrCat("load failed for model '", name, "': ", why));
}

// As Triton's servers and clients have it.
Status FailedVersion(const Entry& entry, const std::string& why) {
  return Failed(entry.name(),
                StrCat("version ", entry.version(), " is at UNAVAILABLE state: Internal: ", why));
}

// Changes with any file of the model, but not with what lies deeper than its versions.
uint64_t MarkOf(const FoundModel& model) {
  uint64_t mark = 0;
  const auto add = [&mark](const std::string& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name == "__pycache__" || name.starts_with('.') || entry.is_directory(error)) continue;
      const auto time = entry.last_write_time(error).time_since_epoch().count();
      mark += std::hash<std::string>()(StrCat(entry.path().string(), "\n", time));
    }
  };
  add(model.folder);
  for (const auto& version : model.versions) {
    if (version.folder != model.folder) add(version.folder);
    mark += std::hash<std::string>()(version.folder);
  }
  return mark;
}

// By the policy of the model's settings.
std::vector<FoundModel::Version> Chosen(const FoundModel& model, const ModelSettings& settings) {
  std::vector<FoundModel::Version> out;
  if (settings.version_policy == "latest") {
    const size_t n = std::min<size_t>(settings.latest, model.versions.size());
    out.assign(model.versions.end() - static_cast<ptrdiff_t>(n), model.versions.end());
    return out;
  }
  for (const FoundModel::Version& version : model.versions) {
    const std::vector<std::string>& named = settings.versions;
    if (settings.version_policy == "all" ||
        std::find(named.begin(), named.end(), std::to_string(version.number)) != named.end()) {
      out.push_back(version);
    }
  }
  return out;
}

// What is a version's own over what its model has.
void SetFolder(const FoundModel& model, const FoundModel::Version& version,
               const std::string& resources, Settings* s) {
  InstanceSettings& i = s->instances;
  i.folder = version.folder;
  std::error_code error;
  // Those of aiges.toml are seen from where the loader runs, a model's own from its folder.
  for (std::string& folder : i.pythonpath) folder = fs::absolute(folder, error).string();
  i.pythonpath.insert(i.pythonpath.begin(), version.folder);
  if (model.folder != version.folder) i.pythonpath.push_back(model.folder);
  i.environment = {{"AIGES_MODEL_NAME", model.name},
                   {"AIGES_MODEL_VERSION", std::to_string(version.number)},
                   {"AIGES_MODEL_FOLDER", model.folder},
                   {"AIGES_RESOURCES", resources}};
  if (Find(s->engine, "resources") == nullptr) s->engine.emplace_back("resources", resources);
  std::erase_if(s->engine, [](const auto& entry) { return entry.first == "http_listen"; });
  s->effective.clear();
  s->model_tables.clear();
}

}  // namespace

void Catalogue::Post(std::function<void()> job) {
  MutexLock lock(mu_);
  jobs_.push_back(std::move(job));
  wake_.NotifyOne();
}

void Catalogue::Run() {
  for (;;) {
    std::function<void()> job;
    {
      MutexLock lock(mu_);
      if (jobs_.empty() && !stopping_) {
        several_ ? wake_.WaitUntil(mu_, steady_clock::now() + kTick) : wake_.Wait(mu_);
      }
      if (stopping_ && jobs_.empty()) return;
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (job) job();
    if (several_) Look();
  }
}

void Catalogue::Look() {
  const TimePoint now = steady_clock::now();
  if (now < looked_ + kTick) return;
  looked_ = now;
  CatalogueSettings rules;
  {
    MutexLock lock(mu_);
    if (drain_until_ != TimePoint::max()) return;
    rules = rules_;
  }
  if (now >= measured_ + kLookPeriod) {
    measured_ = now;
    MeasureMemory();
    if (rules.watch) LookAtFolders();
    if (rules.memory_mb > 0 && memory_ > rules.memory_mb << 20) MakeRoom();
  }
  if (rules.idle_unload_s > 0) {
    for (const EntryRef& entry : Entries()) {
      if (entry->pinned() || entry->state() != ModelState::kReady) continue;
      const auto engine = entry->engine();
      if (engine == nullptr || !engine->Idle()) continue;
      if (now - entry->last_use() < std::chrono::seconds(rules.idle_unload_s)) continue;
      LogInfo("models", entry->name(), " ", entry->version(), ": idle for ", rules.idle_unload_s,
              " s, unloaded");
      Leave(entry, ModelState::kUnloading, "idle", "");
    }
  }
  overlays_.Tidy(now);
  BeginWaiting();
}

void Catalogue::AddVersions(const FoundModel& model, std::vector<EntryRef>* wanted,
                            std::vector<EntryRef>* unwanted) {
  Settings base;
  {
    MutexLock lock(mu_);
    base = base_;
  }
  std::vector<std::string> errors;
  const Settings settings = settings_of_(base, model.name, model.folder, &errors);
  const std::vector<FoundModel::Version> chosen = Chosen(model, settings.model);
  MutexLock lock(mu_);
  std::vector<EntryRef>& versions = entries_[model.name];
  for (const FoundModel::Version& version : chosen) {
    auto own = std::make_shared<Settings>(settings);
    SetFolder(model, version, base.catalogue.resources, own.get());
    const auto found = std::find_if(versions.begin(), versions.end(), [&](const EntryRef& entry) {
      return entry->number() == version.number;
    });
    EntryRef entry = found != versions.end() ? *found : nullptr;
    if (entry == nullptr) {
      const bool pinned =
          std::find(rules_.pinned.begin(), rules_.pinned.end(), model.name) != rules_.pinned.end();
      entry = std::make_shared<Entry>(model.name, version.number, own, pinned,
                                      [this](Entry* e) { return Wake(e); });
      versions.push_back(entry);
    }
    entry->set_settings(own);
    if (!errors.empty()) entry->Fail(Join(errors));
    wanted->push_back(entry);
  }
  std::sort(versions.begin(), versions.end(),
            [](const EntryRef& a, const EntryRef& b) { return a->number() < b->number(); });
  for (const EntryRef& entry : versions) {
    if (std::find(wanted->begin(), wanted->end(), entry) == wanted->end()) {
      unwanted->push_back(entry);
    }
  }
  if (versions.empty()) entries_.erase(model.name);
  if (!errors.empty()) LogError("models", model.name, ": ", Join(errors));
}

void Catalogue::LoadNow(const std::string& name, LoadWish wish, Done done) {
  std::vector<std::string> repositories;
  {
    MutexLock lock(mu_);
    if (drain_until_ != TimePoint::max()) return done(Unavailable("the service stops"));
    repositories = rules_.repositories;
  }
  FoundModel model = FindModel(repositories, name);
  // The first look is at all of them.
  if (!model.versions.empty() && !marks_.empty()) marks_[name] = MarkOf(model);
  std::string folder;  // Of the client's own.
  if (!wish.config.empty()) {
    const FoundModel base = std::exchange(model, {});
    const Status status = overlays_.Make(name, wish, base, &model);
    if (!status.ok() && status.kind != StatusKind::kNotFound) return done(status);
    folder = model.folder;
  }
  if (model.versions.empty()) {
    return done(
        Status::Error(StatusKind::kNotFound, StrCat("failed to load '", name.substr(0, 128),
                                                    "', failed to poll from model repository")));
  }
  std::vector<EntryRef> wanted, unwanted;
  AddVersions(model, &wanted, &unwanted);
  if (wanted.empty()) {
    if (!folder.empty()) overlays_.Drop(folder);
    return done(Failed(name, "no version that the policy names is there"));
  }
  auto left = std::make_shared<size_t>(wanted.size());
  auto first = std::make_shared<Status>();
  const auto one = [this, name, folder, left, first, unwanted,
                    done = std::move(done)](const Status& status) {
    if (!status.ok() && first->ok()) *first = status;
    if (--*left > 0) return;
    if (first->ok()) {
      for (const EntryRef& entry : unwanted) Remove(entry);
    }
    EndLoad(name, folder, first->ok());
    done(*first);
  };
  for (const EntryRef& entry : wanted) LoadVersion(entry, one);
}

// The folder that it was loaded from counts, unless the engine that was there before serves on.
void Catalogue::EndLoad(const std::string& name, const std::string& folder, bool loaded) {
  std::vector<std::string> repositories;
  bool serves = false;
  milliseconds drain{0};
  {
    MutexLock lock(mu_);
    repositories = rules_.repositories;
    const auto found = entries_.find(name);
    if (found != entries_.end()) {
      for (const EntryRef& entry : found->second) {
        serves = serves || entry->engine() != nullptr;
        drain = std::max(drain, milliseconds(entry->settings()->instances.drain_ms));
      }
    }
  }
  if (loaded || !serves) {
    return overlays_.Use(name, folder, steady_clock::now() + drain + kLookPeriod);
  }
  FoundModel before = overlays_.Find(name);
  if (before.versions.empty()) before = FindModel(repositories, name);
  std::vector<EntryRef> wanted, unwanted;
  if (!before.versions.empty()) AddVersions(before, &wanted, &unwanted);
  if (!folder.empty()) overlays_.Drop(folder);
}

// `done`: on the thread `models`.
void Catalogue::LoadVersion(const EntryRef& entry, Done done) {
  if (const std::string mistakes = entry->mistakes(); !mistakes.empty()) {
    return done(FailedVersion(*entry, mistakes));
  }
  entry->Open();
  if (const std::shared_ptr<Engine> engine = entry->engine()) {
    if (entry->state() == ModelState::kLoading) {
      starting_[entry.get()].push_back(std::move(done));
      return;
    }
    const Settings fresh = *entry->settings();
    return engine->pool().Reload(
        fresh, [this, entry, engine, fresh, done = std::move(done)](const Status& status) {
          Post([entry, engine, fresh, status, done] {
            if (status.ok()) engine->scheduler().UseSettings(fresh);
            done(status.ok() ? status : FailedVersion(*entry, status.text));
          });
        });
  }
  Status status;
  std::shared_ptr<Engine> engine = Make(entry, &status);
  if (engine == nullptr) return done(status);
  starting_[entry.get()].push_back(std::move(done));
  if (entry->SetEngine(engine)) Begin(entry, engine);
}

void Catalogue::Begin(const EntryRef& entry, const std::shared_ptr<Engine>& engine) {
  if (entry->engine() != engine) return;  // It has been told to leave meanwhile.
  if (several_ && !HasRoom()) {
    waiting_.push_back({entry, engine});
    return BeginWaiting();
  }
  ++running_;
  std::weak_ptr<Engine> weak = engine;
  engine->Start([this, entry, weak](const Status& status) {
    if (std::shared_ptr<Engine> started = weak.lock()) {
      Post([this, entry, started = std::move(started), status] {
        OnStarted(entry, started, status);
      });
    }
  });
}

bool Catalogue::HasRoom() {
  MutexLock lock(mu_);
  if (rules_.max_loaded > 0 && running_ >= rules_.max_loaded) return false;
  return rules_.memory_mb == 0 || running_ == 0 || memory_ < rules_.memory_mb << 20;
}

// The one that was not used for longest goes. False: none may.
bool Catalogue::MakeRoom() {
  EntryRef oldest;
  TimePoint used = TimePoint::max();
  for (const EntryRef& entry : Entries()) {
    if (entry->pinned() || entry->state() != ModelState::kReady || entry->last_use() >= used) {
      continue;
    }
    const auto engine = entry->engine();
    if (engine == nullptr || !engine->Idle()) continue;
    oldest = entry;
    used = entry->last_use();
  }
  if (oldest == nullptr) return false;
  LogInfo("models", oldest->name(), " ", oldest->version(), ": unloaded to make room");
  Leave(oldest, ModelState::kUnloading, "made room for another model", "");
  return true;
}

void Catalogue::BeginWaiting() {
  // Whose calls have all given up, and whom nobody else waits for.
  for (size_t i = 0; i < waiting_.size();) {
    const Waiting w = waiting_[i];
    // A call that has made an engine is soon in it.
    const bool fresh = steady_clock::now() < w.engine->made() + kLookPeriod;
    if (fresh || !w.engine->Idle() || starting_.count(w.entry.get()) > 0) {
      ++i;
      continue;
    }
    Leave(w.entry, ModelState::kUnloading, "", "");
  }
  while (!waiting_.empty()) {
    if (HasRoom()) {
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      Begin(next.entry, next.engine);
      continue;
    }
    if (ends_ >= waiting_.size() || !MakeRoom()) return;
  }
}

void Catalogue::OnStarted(const EntryRef& entry, const std::shared_ptr<Engine>& engine,
                          const Status& status) {
  std::vector<Done> who;
  if (const auto found = starting_.find(entry.get()); found != starting_.end()) {
    who = std::move(found->second);
    starting_.erase(found);
  }
  if (status.ok()) {
    entry->SetReady(engine);
    if (several_) LogInfo("models", entry->name(), " ", entry->version(), " is ready");
  } else if (several_) {
    LogError("models", entry->name(), " ", entry->version(), " could not be loaded: ", status.text);
    Leave(entry, ModelState::kFailed, status.text,
          StrCat("the model ", entry->name(), " could not be loaded: ", status.text));
  }
  for (const Done& done : who) {
    done(status.ok() || !several_ ? status : FailedVersion(*entry, status.text));
  }
}

void Catalogue::Leave(const EntryRef& entry, ModelState state, const std::string& reason,
                      const std::string& told, Done done) {
  std::shared_ptr<Engine> engine = entry->TakeEngine(state, reason, /*only_idle=*/told.empty());
  if (engine == nullptr) {
    if (done) done(Status::Ok());
    return;
  }
  if (const auto found = starting_.find(entry.get());
      found != starting_.end() && state != ModelState::kFailed) {
    const std::vector<Done> who = std::move(found->second);
    starting_.erase(found);
    for (const Done& waits : who) waits(FailedVersion(*entry, "it was unloaded meanwhile"));
  }
  const size_t waited =
      std::erase_if(waiting_, [&](const Waiting& w) { return w.engine == engine; });
  const bool failed = state == ModelState::kFailed;
  const Status why = Unavailable(told.empty() ? "the model is unloaded" : told);
  if (failed) engine->scheduler().Close(why);
  const TimePoint now = steady_clock::now();
  MutexLock lock(mu_);
  const TimePoint until =
      failed ? now
             : std::min(drain_until_, now + milliseconds(engine->settings().instances.drain_ms));
  ++ends_;
  const auto place = leaving_.emplace(leaving_.end());
  *place = std::thread([this, entry, engine = std::move(engine), until, why, place, waited,
                        done = std::move(done)]() mutable {
    // Who has it in hand to call (this thread and the entry have it, too).
    while (engine.use_count() > 2 && steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    engine->Finish(until, why);
    entry->Forget(engine);
    engine.reset();
    Post([this, place, waited, done = std::move(done)] {
      --ends_;
      if (waited == 0) --running_;
      std::thread ended;
      {
        MutexLock ending(mu_);
        // Drain may have taken it out of the list, and joins it then.
        if (!stopping_) {
          ended = std::move(*place);
          leaving_.erase(place);
        }
      }
      if (ended.joinable()) ended.join();
      if (done) done(Status::Ok());
      BeginWaiting();
    });
  });
}

void Catalogue::Remove(const EntryRef& entry) {
  entry->Shut("it is not in the repository any more, or not of the version policy");
  {
    MutexLock lock(mu_);
    const auto found = entries_.find(entry->name());
    if (found == entries_.end()) return;
    std::erase(found->second, entry);
    if (found->second.empty()) entries_.erase(found);
  }
  LogInfo("models", entry->name(), " ", entry->version(), " is gone");
  Leave(entry, ModelState::kUnloading, "gone",
        StrCat("the model ", entry->name(), " is gone; drain_ms passed before the answer"));
}

void Catalogue::LookAtFolders() {
  std::vector<std::string> repositories, load;
  {
    MutexLock lock(mu_);
    repositories = rules_.repositories;
    load = rules_.load;
  }
  const FoundModels found = FindModels(repositories);
  std::map<std::string, uint64_t> marks;
  for (const FoundModel& model : found.models) marks[model.name] = MarkOf(model);
  const std::map<std::string, uint64_t> before = std::exchange(marks_, marks);
  if (before.empty()) return;  // The first look.
  const auto all = std::find(load.begin(), load.end(), "*") != load.end();
  for (const auto& [name, mark] : marks) {
    const auto known = before.find(name);
    if (known != before.end() && known->second == mark) continue;
    bool loaded = false;
    for (const EntryRef& entry : Entries()) {
      loaded = loaded || (entry->name() == name && entry->engine() != nullptr);
    }
    LogInfo("models", name, known == before.end() ? " has come" : " has changed");
    if (loaded || all) {
      LoadNow(name, {}, [name = name](const Status& status) {
        if (!status.ok()) LogError("models", name, ": ", status.text);
      });
      continue;
    }
    std::vector<EntryRef> wanted, unwanted;
    AddVersions(FindModel(repositories, name), &wanted, &unwanted);
    for (const EntryRef& entry : wanted) entry->Open();
    for (const EntryRef& entry : unwanted) Remove(entry);
  }
  for (const EntryRef& entry : Entries()) {
    if (marks.count(entry->name()) > 0 || overlays_.Has(entry->name())) continue;
    Remove(entry);
  }
}

void Catalogue::MeasureMemory() {
  if (!std::exchange(looked_for_gpus_, true)) gpus_ = GpuMemory::Open();
  const GpuUse gpus = gpus_ == nullptr ? GpuUse() : gpus_->Read();
  memory_ = 0;
  for (const EntryRef& entry : Entries()) {
    uint64_t bytes = 0;
    if (const auto engine = entry->engine()) {
      for (const InstanceReport& i : engine->pool().Report().instances) {
        if (i.pid <= 0) continue;
        // A heap of Java is its engine's, also while little of it is in use.
        const bool java = i.plugin.find("libwrapper_java.so") != std::string::npos;
        const uint64_t heap = java ? engine->settings().instances.java_heap_mb << 20 : 0;
        bytes += std::max(ResidentBytes(i.pid), heap);
        if (const auto used = gpus.processes.find(i.pid); used != gpus.processes.end()) {
          bytes += used->second;
        }
      }
    }
    entry->set_memory(bytes);
    memory_ += bytes;
  }
}

}  // namespace aiges
