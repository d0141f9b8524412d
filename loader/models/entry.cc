// SPDX-License-Identifier: Apache-2.0
#include "loader/models/entry.h"

#include <algorithm>
#include <utility>

namespace aiges {
namespace {

// A model that could not be loaded is tried again by a call that comes so much later.
constexpr std::chrono::seconds kTryAgain{10};

void AddTo(QueueReport* all, const QueueReport& one) {
  all->in_flight += one.in_flight;
  all->running += one.running;
  all->queued += one.queued;
  all->queued_bytes += one.queued_bytes;
  all->licences = std::max(all->licences, one.licences);
  for (const auto& [code, count] : one.answers) all->answers[code] += count;
  for (const auto& [size, count] : one.batches) all->batches[size] += count;
  all->unwanted += one.unwanted;
  all->replayed += one.replayed;
}

void AddTo(SessionsReport* all, const SessionsReport& one) {
  all->open += one.open;
  all->opened += one.opened;
  all->batches += one.batches;
  all->dropped += one.dropped;
  all->aborted += one.aborted;
  all->expired += one.expired;
  all->input_bytes += one.input_bytes;
  for (const auto& [code, count] : one.failures) all->failures[code] += count;
}

void AddTo(ModelFigures* all, const ModelFigures& one) {
  all->succeeded += one.succeeded;
  all->failed += one.failed;
  all->succeeded_time += one.succeeded_time;
  all->failed_time += one.failed_time;
  all->queue += one.queue;
  all->channel += one.channel;
  all->engine += one.engine;
  for (const auto& [size, count] : one.batches) all->batches[size] += count;
  all->last_unix_ms = std::max(all->last_unix_ms, one.last_unix_ms);
}

void AddTo(StageHistograms* all, const StageHistograms& one) {
  all->queue.Add(one.queue);
  all->channel.Add(one.channel);
  all->engine.Add(one.engine);
  all->total.Add(one.total);
  all->examples.Add(one.examples);
}

}  // namespace

ModelPage SumOf(const std::vector<ModelPage>& pages) {
  ModelPage all;
  auto histograms = std::make_shared<StageHistograms>();
  for (const ModelPage& page : pages) {
    AddTo(&all.queue, page.queue);
    AddTo(&all.sessions, page.sessions);
    AddTo(histograms.get(), *page.histograms);
    all.instances.earlier_restarts += page.instances.earlier_restarts;
    const std::vector<InstanceReport>& instances = page.instances.instances;
    all.instances.instances.insert(all.instances.instances.end(), instances.begin(),
                                   instances.end());
    for (const auto& [key, count] : page.instances.meters) all.instances.meters[key] += count;
  }
  all.histograms = std::move(histograms);
  return all;
}

Entry::Entry(std::string name, uint64_t version, std::shared_ptr<const Settings> settings,
             bool pinned, Load load)
    : name_(std::move(name)),
      number_(version),
      version_(std::to_string(version)),
      pinned_(pinned),
      load_(std::move(load)),
      internal_(settings->model.internal),
      settings_(std::move(settings)) {}

ModelReport Entry::Report() const {
  MutexLock lock(mu_);
  ModelReport report;
  report.name = name_;
  report.version = version_;
  report.state = state_;
  report.reason = reason_;
  report.pinned = pinned_;
  report.internal = internal_;
  report.memory_bytes = memory_;
  if (engine_ != nullptr) report.instances = engine_->pool().ReadyCount();
  // Its workers may all have died meanwhile.
  if (state_ == ModelState::kReady && report.instances == 0) report.state = ModelState::kLoading;
  return report;
}

ModelFigures Entry::Figures() const {
  MutexLock lock(mu_);
  ModelFigures figures = past_ == nullptr ? ModelFigures() : past_->figures;
  if (engine_ != nullptr) AddTo(&figures, engine_->scheduler().Figures());
  for (const auto& engine : leaving_) AddTo(&figures, engine->scheduler().Figures());
  return figures;
}

ModelPage Entry::Page() const {
  ModelPage page;
  page.model = Report();
  MutexLock lock(mu_);
  auto histograms = std::make_shared<StageHistograms>();
  uint64_t restarts = 0;
  if (past_ != nullptr) {
    AddTo(&page.queue, past_->queue);
    AddTo(&page.sessions, past_->sessions);
    AddTo(histograms.get(), past_->histograms);
    page.instances.meters = past_->meters;
    restarts = past_->restarts;
  }
  const auto add = [&](Engine& engine) {
    AddTo(&page.queue, engine.scheduler().Report());
    AddTo(&page.sessions, engine.scheduler().SessionReport());
    AddTo(histograms.get(), engine.scheduler().histograms());
    InstancesReport instances = engine.pool().Report();
    for (const auto& [key, count] : instances.meters) page.instances.meters[key] += count;
    return instances.instances;
  };
  page.used = past_ != nullptr || engine_ != nullptr || !leaving_.empty();
  if (engine_ != nullptr) page.instances.instances = add(*engine_);
  for (const auto& engine : leaving_) (void)add(*engine);
  page.instances.earlier_restarts = restarts;
  page.histograms = std::move(histograms);
  return page;
}

bool Entry::Ready() const {
  MutexLock lock(mu_);
  return engine_ != nullptr && engine_->scheduler().Ready();
}

std::shared_ptr<const std::string> Entry::Schema() const {
  MutexLock lock(mu_);
  if (engine_ != nullptr) {
    std::shared_ptr<const std::string> schema = engine_->pool().Schema();
    if (!schema->empty() || schema_ == nullptr) return schema;
  }
  static const auto kNone = std::make_shared<const std::string>();
  return schema_ == nullptr ? kNone : schema_;
}

std::shared_ptr<const std::string> Entry::Doors() const {
  MutexLock lock(mu_);
  if (engine_ != nullptr) {
    if (std::shared_ptr<const std::string> doors = engine_->pool().Doors()) return doors;
  }
  return doors_;
}

void Entry::Wake() {
  Status unused;
  (void)Use(&unused);
}

Buffer Entry::Allocate(size_t size) const {
  if (const std::shared_ptr<Engine> loaded = engine()) return loaded->pool().Allocate(size);
  return HeapBuffer(size);
}

std::shared_ptr<Engine> Entry::Use(Status* why) {
  {
    MutexLock lock(mu_);
    if (engine_ != nullptr) return engine_;
    if (shut_) {
      *why = NotLoaded(StrCat("the model ", name_, " is not loaded: ", reason_));
      return nullptr;
    }
    if (!mistakes_.empty()) {
      *why = Unavailable(StrCat("the model ", name_, " could not be loaded: ", mistakes_));
      return nullptr;
    }
    if (state_ == ModelState::kFailed &&
        std::chrono::steady_clock::now() < failed_at_ + kTryAgain) {
      *why = Unavailable(StrCat("the model ", name_, " could not be loaded: ", reason_));
      return nullptr;
    }
  }
  *why = load_(this);
  if (!why->ok()) return nullptr;
  if (std::shared_ptr<Engine> made = engine()) return made;
  *why = Unavailable(StrCat("the model ", name_, " is being unloaded"));
  return nullptr;
}

std::shared_ptr<Engine> Entry::engine() const {
  MutexLock lock(mu_);
  return engine_;
}

std::shared_ptr<const Settings> Entry::settings() const {
  MutexLock lock(mu_);
  return settings_;
}

void Entry::set_settings(std::shared_ptr<const Settings> settings) {
  MutexLock lock(mu_);
  settings_ = std::move(settings);
  internal_ = settings_->model.internal;
  if (!mistakes_.empty() && engine_ == nullptr) state_ = ModelState::kUnloaded;
  mistakes_.clear();
}

ModelState Entry::state() const {
  MutexLock lock(mu_);
  return state_;
}

TimePoint Entry::last_use() const {
  MutexLock lock(mu_);
  if (engine_ == nullptr) return TimePoint{};
  return std::max(engine_->made(), engine_->scheduler().last_call());
}

bool Entry::SetEngine(std::shared_ptr<Engine> engine) {
  MutexLock lock(mu_);
  if (engine_ != nullptr) return false;
  engine_ = std::move(engine);
  state_ = ModelState::kLoading;
  reason_.clear();
  return true;
}

void Entry::SetReady(const std::shared_ptr<Engine>& engine) {
  MutexLock lock(mu_);
  if (engine_ == engine) state_ = ModelState::kReady;
}

std::shared_ptr<Engine> Entry::TakeEngine(ModelState state, std::string reason, bool only_idle) {
  MutexLock lock(mu_);
  if (engine_ == nullptr || (only_idle && !engine_->Idle())) return nullptr;
  if (std::shared_ptr<const std::string> schema = engine_->pool().Schema(); !schema->empty()) {
    schema_ = std::move(schema);
  }
  if (std::shared_ptr<const std::string> doors = engine_->pool().Doors()) doors_ = std::move(doors);
  state_ = state;
  reason_ = std::move(reason);
  if (state == ModelState::kFailed) failed_at_ = std::chrono::steady_clock::now();
  leaving_.push_back(engine_);
  return std::exchange(engine_, nullptr);
}

void Entry::Add(const Engine& engine, Past* past) {
  QueueReport queue = engine.scheduler().Report();
  queue.in_flight = queue.queued = queue.queued_bytes = 0;
  AddTo(&past->queue, queue);
  SessionsReport sessions = engine.scheduler().SessionReport();
  sessions.open = sessions.input_bytes = 0;
  AddTo(&past->sessions, sessions);
  AddTo(&past->histograms, engine.scheduler().histograms());
  AddTo(&past->figures, engine.scheduler().Figures());
  const InstancesReport instances = engine.pool().Report();
  for (const auto& [key, count] : instances.meters) past->meters[key] += count;
  for (const InstanceReport& i : instances.instances) {
    past->restarts += i.starts > 0 ? i.starts - 1 : 0;
  }
}

void Entry::Forget(const std::shared_ptr<Engine>& engine) {
  MutexLock lock(mu_);
  if (std::erase(leaving_, engine) == 0) return;
  if (past_ == nullptr) past_ = std::make_unique<Past>();
  Add(*engine, past_.get());
  if (state_ == ModelState::kUnloading && leaving_.empty()) state_ = ModelState::kUnloaded;
}

void Entry::Shut(std::string reason) {
  MutexLock lock(mu_);
  shut_ = true;
  reason_ = std::move(reason);
}

void Entry::Open() {
  MutexLock lock(mu_);
  shut_ = false;
  if (engine_ == nullptr) reason_.clear();
  failed_at_ = TimePoint{};
}

void Entry::Fail(std::string mistakes) {
  MutexLock lock(mu_);
  mistakes_ = std::move(mistakes);
  if (engine_ != nullptr) return;
  state_ = ModelState::kFailed;
  reason_ = mistakes_;
}

std::string Entry::mistakes() const {
  MutexLock lock(mu_);
  return mistakes_;
}

void Entry::set_memory(uint64_t bytes) {
  MutexLock lock(mu_);
  memory_ = bytes;
}

}  // namespace aiges
