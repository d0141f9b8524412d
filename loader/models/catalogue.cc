// SPDX-License-Identifier: Apache-2.0
#include "loader/models/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/numbers.h"

namespace aiges {
namespace {

using std::chrono::steady_clock;

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Catalogue::Catalogue(const Settings& settings, const Pool::Ground& ground, SettingsOf settings_of)
    : settings_(settings),
      ground_(ground),
      settings_of_(std::move(settings_of)),
      several_(settings.catalogue.on()),
      shares_(settings.licences, ground.clock),
      rules_(settings.catalogue),
      base_(settings) {}

Buffer Catalogue::Allocate(Model& model, size_t size) {
  return static_cast<Entry&>(model).Allocate(size);
}

Catalogue::~Catalogue() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

Status Catalogue::Prepare() {
  std::vector<EntryRef> first;
  Status status;
  if (!several_) {
    auto entry = std::make_shared<Entry>(settings_.service.name, 1,
                                         std::make_shared<const Settings>(settings_),
                                         /*pinned=*/true, [this](Entry* e) { return Wake(e); });
    MutexLock lock(mu_);
    entries_[entry->name()] = {entry};
    first.push_back(entry);
  } else {
    const FoundModels found = FindModels(settings_.catalogue.repositories);
    for (const std::string& problem : found.problems) LogWarn("models", problem);
    const CatalogueSettings& rules = settings_.catalogue;
    for (const FoundModel& model : found.models) {
      std::vector<EntryRef> wanted, unwanted;
      AddVersions(model, &wanted, &unwanted);
      const bool now =
          Has(rules.load, "*") || Has(rules.load, model.name) || Has(rules.pinned, model.name);
      if (now) first.insert(first.end(), wanted.begin(), wanted.end());
    }
    for (const auto* names : {&rules.load, &rules.pinned}) {
      for (const std::string& name : *names) {
        ModelRef unused;
        if (name != "*" && !Find(name, "", &unused).ok()) {
          return Status::Error(
              StatusKind::kInvalid,
              StrCat("[models]: no model ", name, " in ", rules.repositories.front(),
                     rules.repositories.size() > 1 ? " and the other folders" : ""));
        }
      }
    }
    LogInfo("models", found.models.size(), " models, ", first.size(), " are loaded now");
  }
  {
    MutexLock lock(mu_);
    for (const EntryRef& entry : first) {
      const std::string mistakes = entry->mistakes();
      if (mistakes.empty() || !start_failure_.ok()) continue;
      start_failure_ = Status::Error(StatusKind::kInvalid, mistakes);
    }
  }
  std::erase_if(first, [](const EntryRef& entry) { return !entry->mistakes().empty(); });
  to_start_ = static_cast<unsigned>(first.size());
  for (const EntryRef& entry : first) {
    std::shared_ptr<Engine> engine = Make(entry, &status);
    if (engine == nullptr) return status;
    entry->SetEngine(engine);
    starting_[entry.get()].push_back([this](const Status& result) {
      MutexLock lock(mu_);
      any_ready_ = any_ready_ || result.ok();
      if (!result.ok() && start_failure_.ok()) start_failure_ = result;
      if (--to_start_ > 0) return;
      all_started_ = true;
      started_.NotifyAll();
    });
    Post([this, entry, engine] { Begin(entry, engine); });
  }
  MutexLock lock(mu_);
  if (first.empty()) {
    all_started_ = true;
    any_ready_ = start_failure_.ok();
  }
  return Status::Ok();
}

void Catalogue::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "models");
    Run();
  });
}

Status Catalogue::WaitStarted() {
  MutexLock lock(mu_);
  while (!all_started_ && !stopping_) started_.Wait(mu_);
  if (any_ready_) return Status::Ok();
  if (stopping_) return Status::Error(StatusKind::kInternal, "was stopped");
  return start_failure_;
}

std::shared_ptr<Engine> Catalogue::Make(const EntryRef& entry, Status* status) {
  uint64_t number = 0;
  {
    MutexLock lock(mu_);
    if (drain_until_ != TimePoint::max()) {
      *status = Unavailable("the service stops");
      return nullptr;
    }
    number = several_ ? ++next_engine_ : 0;
  }
  const Engine::Ground ground{
      ground_, several_ ? &shares_ : nullptr, &failures_, ended_, nested_, gate_, entry->version()};
  std::shared_ptr<Engine> engine =
      Engine::Make(entry->name(), *entry->settings(), number, ground, status);
  if (engine == nullptr) return nullptr;
  MutexLock lock(mu_);
  std::erase_if(engines_, [](const auto& e) { return e.second.expired(); });
  engines_[number] = engine;
  return engine;
}

// On the thread of a call.
Status Catalogue::Wake(Entry* entry) {
  EntryRef ref;
  {
    MutexLock lock(mu_);
    const auto found = entries_.find(entry->name());
    if (found != entries_.end()) {
      for (const EntryRef& e : found->second) ref = e.get() == entry ? e : ref;
    }
    if (ref == nullptr) return NotLoaded(StrCat("the model ", entry->name(), " is gone"));
    if (!rules_.on_demand) {
      return NotLoaded(StrCat("the model ", entry->name(),
                              " is not loaded ([models] on_demand = false): load it by "
                              "/v2/repository or asectl models load"));
    }
  }
  Status status;
  std::shared_ptr<Engine> engine = Make(ref, &status);
  if (engine == nullptr) return status;
  if (ref->SetEngine(engine)) Post([this, ref, engine] { Begin(ref, engine); });
  return Status::Ok();
}

Catalogue::EntryRef Catalogue::Latest(const std::vector<EntryRef>& versions) const {
  for (auto e = versions.rbegin(); e != versions.rend(); ++e) {
    if ((*e)->Ready()) return *e;
  }
  return versions.back();
}

// Of the only model that clients may call; empty: there are several, or none.
std::string_view Catalogue::OnlyName() const {
  std::string_view only;
  for (const auto& [name, versions] : entries_) {
    if (versions.front()->internal()) continue;
    if (!only.empty()) return {};
    only = name;
  }
  return only;
}

std::string Catalogue::Names() const {
  constexpr size_t kMost = 20;
  std::string names;
  size_t n = 0;
  for (const auto& [name, versions] : entries_) {
    if (versions.front()->internal() || ++n > kMost) continue;
    names += StrCat(names.empty() ? "" : ", ", name);
  }
  if (n > kMost) names += StrCat(", .. (", n, " in all)");
  return names.empty() ? "none" : names;
}

Status Catalogue::Find(std::string_view name, std::string_view version, ModelRef* out) const {
  MutexLock lock(mu_);
  return FindAmong(name, version, /*nested=*/false, out);
}

Status Catalogue::FindNested(std::string_view name, std::string_view version, ModelRef* out) const {
  MutexLock lock(mu_);
  return FindAmong(name, version, /*nested=*/true, out);
}

Status Catalogue::FindAmong(std::string_view name, std::string_view version, bool nested,
                            ModelRef* out) const {
  if (!several_) {
    *out = entries_.begin()->second.front();
    return Status::Ok();
  }
  if (name.empty()) name = rules_.default_model.empty() ? OnlyName() : rules_.default_model;
  if (name.empty()) {
    return Status::Error(
        StatusKind::kNotFound,
        StrCat("no model is named and [models] default names none; there are: ", Names()),
        kCodeInvalidOutput);
  }
  const auto found = entries_.find(name);
  if (found == entries_.end() || (!nested && found->second.front()->internal())) {
    return Status::Error(
        StatusKind::kNotFound,
        StrCat("unknown model \"", name.substr(0, 128), "\"; there are: ", Names()),
        kCodeInvalidOutput);
  }
  if (version.empty()) {
    *out = Latest(found->second);
    return Status::Ok();
  }
  for (const EntryRef& entry : found->second) {
    if (entry->version() != version) continue;
    *out = entry;
    return Status::Ok();
  }
  return Status::Error(
      StatusKind::kNotFound,
      StrCat("the model ", name, " has no version \"", version.substr(0, 32), "\" that is served"),
      kCodeInvalidOutput);
}

ModelRef Catalogue::Default() const {
  ModelRef found;
  return Find("", "", &found).ok() ? found : nullptr;
}

std::vector<ModelRef> Catalogue::List() const {
  std::vector<ModelRef> out;
  MutexLock lock(mu_);
  for (const auto& [name, versions] : entries_) {
    if (versions.front()->internal()) continue;
    out.insert(out.end(), versions.begin(), versions.end());
  }
  return out;
}

std::vector<Catalogue::EntryRef> Catalogue::Entries() const {
  std::vector<EntryRef> out;
  MutexLock lock(mu_);
  for (const auto& [name, versions] : entries_) {
    out.insert(out.end(), versions.begin(), versions.end());
  }
  return out;
}

std::shared_ptr<Engine> Catalogue::EngineOf(uint64_t number) const {
  MutexLock lock(mu_);
  const auto found = engines_.find(number);
  return found == engines_.end() ? nullptr : found->second.lock();
}

std::vector<std::shared_ptr<Engine>> Catalogue::Engines() const {
  std::vector<std::shared_ptr<Engine>> out;
  MutexLock lock(mu_);
  for (const auto& [number, weak] : engines_) {
    if (std::shared_ptr<Engine> engine = weak.lock()) out.push_back(std::move(engine));
  }
  return out;
}

bool Catalogue::Ready() const {
  {
    MutexLock lock(mu_);
    if (!all_started_ || !any_ready_ || drain_until_ != TimePoint::max()) return false;
  }
  if (several_) return true;
  return Entries().front()->Ready();
}

unsigned Catalogue::ReadyInstances() const {
  unsigned ready = 0;
  for (const auto& engine : Engines()) ready += engine->pool().ReadyCount();
  return ready;
}

void Catalogue::UseHot(const Settings& fresh) {
  shares_.SetMax(fresh.licences);
  {
    MutexLock lock(mu_);
    rules_ = fresh.catalogue;
    base_ = fresh;
  }
  if (several_) return;  // Its own settings come with its next load.
  for (const auto& engine : Engines()) engine->scheduler().UseSettings(fresh);
}

void Catalogue::Trim() {
  for (const auto& engine : Engines()) engine->pool().TrimMemory();
}

void Catalogue::Reload(const Settings& fresh, Done done) {
  if (!several_) {
    const EntryRef entry = Entries().front();
    if (const auto engine = entry->engine()) return engine->pool().Reload(fresh, std::move(done));
    return done(Unavailable("the engine is not up"));
  }
  {
    MutexLock lock(mu_);
    base_ = fresh;
  }
  Post([this, done = std::move(done)] {
    std::vector<std::string> names;
    for (const EntryRef& entry : Entries()) {
      if (entry->engine() != nullptr && !Has(names, entry->name())) names.push_back(entry->name());
    }
    if (names.empty()) return done(Status::Ok());
    auto left = std::make_shared<size_t>(names.size());
    auto first = std::make_shared<Status>();
    for (const std::string& name : names) {
      LoadNow(name, {}, [left, first, done](const Status& status) {
        if (!status.ok() && first->ok()) *first = status;
        if (--*left == 0) done(*first);
      });
    }
  });
}

void Catalogue::Load(const std::string& name, LoadWish wish, Done done) {
  if (!several_) {
    return Reload(settings_, std::move(done));
  }
  Post([this, name, wish = std::move(wish), done = std::move(done)]() mutable {
    LoadNow(name, std::move(wish), std::move(done));
  });
}

void Catalogue::Unload(const std::string& name, Done done) {
  if (!several_) {
    return done(Status::Error(StatusKind::kUnsupported,
                              "this loader has one model, which is there as long as the loader; "
                              "several are in a [models] repository"));
  }
  Post([this, name, done = std::move(done)]() mutable {
    std::vector<EntryRef> versions;
    {
      MutexLock lock(mu_);
      const auto found = entries_.find(name);
      if (found != entries_.end()) versions = found->second;
    }
    auto left = std::make_shared<size_t>(versions.size() + 1);
    const auto one = [left, done = std::move(done)](const Status&) {
      if (--*left == 0) done(Status::Ok());
    };
    for (const EntryRef& entry : versions) {
      entry->Shut("unloaded");
      Leave(entry, ModelState::kUnloading, "unloaded",
            StrCat("the model ", name, " was unloaded; drain_ms passed before the answer"), one);
    }
    one(Status::Ok());
  });
}

void Catalogue::BeginDrain(TimePoint until) {
  {
    MutexLock lock(mu_);
    drain_until_ = until;
  }
  for (const auto& engine : Engines()) engine->scheduler().BeginDrain(until);
}

void Catalogue::EndLoads(TimePoint at) {
  for (const auto& engine : Engines()) engine->pool().EndLoads(at);
}

bool Catalogue::Idle() const {
  const auto engines = Engines();
  return std::all_of(engines.begin(), engines.end(),
                     [](const auto& engine) { return engine->Idle(); });
}

void Catalogue::Drain(TimePoint until) {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
    started_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  std::vector<std::thread> ends;
  for (const EntryRef& entry : Entries()) {
    if (auto engine = entry->engine()) {
      ends.emplace_back([engine = std::move(engine), until] { engine->pool().Drain(until); });
    }
  }
  for (std::thread& end : ends) end.join();
  std::list<std::thread> leaving;
  {
    MutexLock lock(mu_);
    leaving.swap(leaving_);
  }
  for (std::thread& thread : leaving) thread.join();
  overlays_.Clear();
}

}  // namespace aiges
