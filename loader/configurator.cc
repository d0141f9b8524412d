// SPDX-License-Identifier: Apache-2.0
#include "loader/configurator.h"

#include <algorithm>
#include <utility>

#include "loader/base/log.h"
#include "loader/config/changes.h"
#include "loader/registry/make.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kFetchLimit{5000};

std::vector<std::string> Names(const std::vector<Change>& changes) {
  std::vector<std::string> names;
  for (const Change& change : changes) names.push_back(change.Name());
  return names;
}

}  // namespace

Configurator::Configurator(const Flags& flags)
    : flags_(flags), cache_(flags.cache, flags.service) {}

Configurator::~Configurator() {
  Stop();
  registry_.reset();  // Its thread calls in here.
}

ParseResult Configurator::Start() {
  ParseResult result = flags_.mode == 1 ? Pull() : LoadSettings(flags_);
  if (registry_ == nullptr) {
    registry_ = MakeRegistry(result.settings.registry, result.settings.service.name);
  }
  started_ = result.settings;
  MutexLock lock(mu_);
  in_force_ = result.settings;
  return result;
}

ParseResult Configurator::Pull() {
  ParseResult result;
  const RegistrySettings place = LoadRegistrySettings(flags_, &result.errors);
  if (!result.errors.empty()) return result;
  registry_ = MakeRegistry(place, flags_.service);
  ConfigTree tree;
  const Status status = registry_->Fetch(kFetchLimit, &tree);
  if (!status.ok()) return FromCache(status.text);
  if (tree.files.empty()) {
    return FromCache(StrCat("the config centre ", place.url, " has no files for project ",
                            place.project, ", group ", place.group, ", service ", flags_.service,
                            ", version ", place.version));
  }
  result = LoadTree(tree);
  if (!result.errors.empty()) {
    Refuse(tree.revision, result.errors);
    return FromCache(StrCat("revision ", tree.revision, ": ", Join(result.errors)));
  }
  cache_.Hold(tree.revision);
  const Status kept = cache_.Accept(tree.revision);
  if (!kept.ok()) LogWarn("config", "cannot keep the configuration for later: ", kept.text);
  LogInfo("config", "revision ", tree.revision, " from ", place.url);
  MutexLock lock(mu_);
  report_.revision = tree.revision;
  return result;
}

ParseResult Configurator::FromCache(const std::string& why) {
  ParseResult result;
  const std::optional<TreeCache::Current> kept = cache_.Find();
  if (!kept) {
    result.errors.push_back(
        StrCat("-m=1: ", why, "; and no earlier configuration is kept in ", flags_.cache));
    return result;
  }
  cache_.Hold(kept->revision);
  LogError("config", why, "; starting with revision ", kept->revision, " as kept in ",
           kept->folder);
  Flags flags = flags_;
  flags.config = StrCat(kept->folder, "/", flags_.config);
  result = LoadSettings(flags);
  MutexLock lock(mu_);
  report_.revision = kept->revision;
  report_.cached = true;
  return result;
}

ParseResult Configurator::LoadTree(const ConfigTree& tree) const {
  ParseResult result;
  std::string folder;
  const Status status = cache_.Stage(tree.revision, tree.files, &folder);
  if (!status.ok()) {
    result.errors.push_back(status.text);
  } else if (aiges::Find(tree.files, flags_.config) == nullptr) {
    result.errors.push_back(StrCat("the tree has no file ", flags_.config));
  } else {
    Flags flags = flags_;
    flags.config = StrCat(folder, "/", flags_.config);
    result = LoadSettings(flags);
  }
  return result;
}

void Configurator::Follow(ConfigTargets targets) {
  targets_ = std::move(targets);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "config");
    Run();
  });
  if (flags_.mode != 1) return;
  const ConfigReport report = Report();
  if (!report.cached) registry_->Tell({report.revision, true, {}, {}});
  registry_->Watch(report.cached ? "" : report.revision,
                   [this](ConfigTree tree) { Push({std::move(tree), nullptr}); });
}

void Configurator::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void Configurator::Reload(std::function<void(Status)> done) {
  Push({std::nullopt, std::move(done)});
}

void Configurator::Push(Job job) {
  MutexLock lock(mu_);
  if (job.tree) {  // Only the newest counts.
    std::erase_if(jobs_, [](const Job& waiting) { return waiting.tree.has_value(); });
  }
  jobs_.push_back(std::move(job));
  wake_.NotifyOne();
}

void Configurator::Run() {
  for (;;) {
    Job job;
    {
      MutexLock lock(mu_);
      while (jobs_.empty() && !stopping_) wake_.Wait(mu_);
      if (stopping_) break;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (job.tree) {
      Take(*job.tree);
    } else {
      job.done(Again());
    }
  }
  std::deque<Job> left;
  {
    MutexLock lock(mu_);
    left.swap(jobs_);
  }
  for (Job& job : left) {
    if (job.done) job.done(Status::Error(StatusKind::kOverloaded, "the service stops"));
  }
}

Status Configurator::Again() {
  if (flags_.mode == 1) return targets_.roll(InForce());  // The code may be new, the tree is known.
  const ParseResult parsed = LoadSettings(flags_);
  if (!parsed.errors.empty()) {
    const std::string text =
        StrCat("the configuration has mistakes, the old one stays: ", Join(parsed.errors));
    LogError("config", "reload: ", text);
    return Status::Error(StatusKind::kInvalid, text);
  }
  Status status = targets_.check(parsed.settings);
  if (!status.ok()) {
    status.text = StrCat("the old configuration stays: ", status.text);
    LogError("config", "reload: ", status.text);
    return status;
  }
  status = targets_.roll(parsed.settings);
  if (!status.ok()) return status;
  Use(parsed.settings);
  const std::vector<std::string> restart = Report().restart;
  if (!restart.empty()) LogWarn("config", "at the next start also: ", Join(restart));
  return status;
}

void Configurator::Take(const ConfigTree& tree) {
  const ParseResult parsed = LoadTree(tree);
  if (!parsed.errors.empty()) return Refuse(tree.revision, parsed.errors);
  if (const Status usable = targets_.check(parsed.settings); !usable.ok()) {
    return Refuse(tree.revision, {usable.text});
  }
  const Settings before = InForce();
  const std::vector<Change> rolling = Changes(before, parsed.settings, Effect::kRolling);
  // A file of the plugin is as good as a key of [wrapper].
  const Status unchanged = cache_.SameBut(Report().revision, tree.files, flags_.config);
  if (!rolling.empty() || !unchanged.ok()) {
    LogInfo("config", "revision ", tree.revision, ": replacing the workers for ",
            rolling.empty() ? unchanged.text : Join(Names(rolling)));
    const Status status = targets_.roll(parsed.settings);
    if (status.kind == StatusKind::kCancelled) return;  // We stop: that says nothing of the tree.
    if (!status.ok()) return Refuse(tree.revision, {status.text});
    cache_.Hold(tree.revision);
  }
  Use(parsed.settings);
  const Status kept = cache_.Accept(tree.revision);
  if (!kept.ok()) LogWarn("config", "cannot keep the configuration for later: ", kept.text);
  ConfigVerdict verdict{tree.revision, true, {}, {}};
  {
    MutexLock lock(mu_);
    report_.revision = tree.revision;
    report_.cached = false;
    report_.refusal.clear();
    ++report_.applied;
    verdict.restart = report_.restart;
  }
  LogInfo("config", "revision ", tree.revision, " is in force",
          verdict.restart.empty() ? "" : "; at the next start also: ", Join(verdict.restart));
  registry_->Tell(std::move(verdict));
}

void Configurator::Use(const Settings& fresh) {
  std::vector<std::string> restart = Names(Changes(started_, fresh, Effect::kRestart));
  {
    MutexLock lock(mu_);
    in_force_ = fresh;
    report_.restart = std::move(restart);
  }
  targets_.hot(fresh);
}

void Configurator::Refuse(const std::string& revision, std::vector<std::string> errors) {
  LogError("config", "revision ", revision, " is refused, the old one stays: ", Join(errors));
  {
    MutexLock lock(mu_);
    ++report_.refused;
    report_.refusal = StrCat(revision, ": ", Join(errors));
  }
  registry_->Tell({revision, false, std::move(errors), {}});
}

Settings Configurator::InForce() const {
  MutexLock lock(mu_);
  return in_force_;
}

ConfigReport Configurator::Report() const {
  MutexLock lock(mu_);
  return report_;
}

}  // namespace aiges
