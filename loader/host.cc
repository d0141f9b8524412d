// SPDX-License-Identifier: Apache-2.0
#include "loader/host.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <thread>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/start_state.h"
#include "loader/base/version.h"
#include "loader/config/changes.h"
#include "loader/config/file_watch.h"
#include "loader/config/model_keys.h"
#include "loader/pages/status_page.h"
#include "loader/registry/make.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// For answers that become due at the very end of the drain to get out.
constexpr milliseconds kAnswerTime{500};
constexpr milliseconds kTick{100};         // Readiness.
constexpr milliseconds kWatchPeriod{500};  // Changed files.
constexpr milliseconds kTrimPeriod{1000};  // Memory, certificates, limits.
constexpr size_t kShownLimits = 100;
constexpr milliseconds kWithdrawLimit{700};
constexpr milliseconds kSpanLimit{500};  // For the last spans.
constexpr milliseconds kDrainTick{20};
// After drain_ms, and after a second signal: then the process ends as it is.
constexpr milliseconds kEndLimit{1900};
constexpr milliseconds kHurryLimit{1000};

const auto kNothing = std::make_shared<const std::string>();

std::string Address(const std::string& host, uint16_t port) {
  return StrCat(host.empty() ? "0.0.0.0" : host, ":", port);
}

// A line of stdout, which those wait for that have started it.
void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

Host::Host(Configurator* configurator)
    : configurator_(*configurator),
      settings_(configurator->InForce()),
      catalogue_(settings_, {&hub_, &processes_, &clock_}, ModelSettingsOf),
      nested_({&router_, &router_, &catalogue_, &clock_,
               milliseconds(settings_.queue.default_timeout_ms), &Catalogue::Allocate}) {}

Status Host::Check() {
  Status status = limits_.Use(settings_.access.limits_file);
  if (!status.ok()) return status;
  if (settings_.entitlement.on()) {
    entitlement_ = Entitlement::Open(settings_, UnixSeconds(), false, &status);
    if (entitlement_ != nullptr) status = entitlement_->Admission();
    if (!status.ok()) return status;
  }
  hub_.Start();
  status = catalogue_.Prepare();
  if (!status.ok()) return status;
  catalogue_.Start();
  status = catalogue_.WaitStarted();
  for (const auto& model : catalogue_.Entries()) {
    const ModelReport report = model->Report();
    if (!status.ok() || report.state != ModelState::kFailed) continue;
    status = Status::Error(StatusKind::kInternal,
                           StrCat("the model ", report.name, ": ", report.reason));
  }
  catalogue_.Drain(steady_clock::now() + milliseconds(settings_.instances.drain_ms));
  return status;
}

Status Host::Serve(const WaitedSignals& signals) {
  TellState(kStateHost);
  const Status status = Open();
  if (!status.ok()) return status;
  const std::string admin = AdminAddress();
  if (settings_.service.listening_line.empty()) {
    Say(StrCat("AIService listening grpc=", GrpcAddress(), " http=", HttpAddress(),
               admin.empty() ? "" : " admin=", admin));
  }
  FollowConfig();
  Remember();
  TellState(kStateUser);
  std::thread waiter([this] { WaitForEngine(); });
  std::promise<void> begin, ended;
  // Started here: when it is needed, there may be no thread to be had.
  std::thread drainer([this, &waiter, &ended, told = begin.get_future()] {
    told.wait();
    Drain();
    waiter.join();
    ended.set_value();
  });
  const int signal = WaitForStop(signals);
  if (engine_failed_) {
    LogInfo("main", "stopping, the engine did not start");
  } else {
    LogInfo("main", "got ", signal == SIGINT ? "SIGINT" : "SIGTERM", ", draining");
    audit_.Write({"", "signal", "", ""}, {"drain", "allowed"});
  }
  BeginDrain();
  begin.set_value();
  AwaitDrain(signals, ended.get_future());
  drainer.join();
  if (!settings_.service.stopped_line.empty()) Say(settings_.service.stopped_line);
  return engine_;
}

void Host::BeginDrain() {
  const milliseconds drain(configurator_.InForce().instances.drain_ms);
  drain_until_ = steady_clock::now() + drain;
  stopping_ = true;
  catalogue_.BeginDrain(drain_until_);
  catalogue_.EndLoads(drain_until_);
}

// Until all is done. The process ends here when that takes too long, whatever it is that hangs; a
// second signal means: now.
void Host::AwaitDrain(const WaitedSignals& signals, const std::future<void>& ended) {
  TimePoint limit = drain_until_.load() + kEndLimit;
  while (ended.wait_for(milliseconds(0)) != std::future_status::ready) {
    if (steady_clock::now() >= limit) {
      LogWarn("main", "the end takes too long, something hangs: stopped as it is");
      FlushLog();
      ::_exit(0);
    }
    const int signal = signals.Wait(kDrainTick);
    if ((signal != SIGTERM && signal != SIGINT) || hurry_) continue;
    LogWarn("main", "got ", signal == SIGINT ? "SIGINT" : "SIGTERM",
            " again, what is open is answered now");
    hurry_ = true;
    const TimePoint now = steady_clock::now();
    limit = std::min(limit, now + kHurryLimit);
    drain_until_ = std::min(drain_until_.load(), now);
    catalogue_.BeginDrain(drain_until_);
    catalogue_.EndLoads(drain_until_);
  }
}

void Host::HearEnds() {
  ended_.Join(&recent_calls_);
  const OtlpSettings& otlp = settings_.otlp;
  if (otlp.on()) {
    SpanSource source;
    source.resource = otlp.resource;
    source.resource.emplace_back(
        "service.name", otlp.service_name.empty() ? settings_.service.name : otlp.service_name);
    source.resource.emplace_back("service.version", kHostVersion);
    source.name = "aiges";
    source.version = kHostVersion;
    tracer_ = std::make_unique<Tracer>(otlp, std::move(source));
    ended_.Join(tracer_.get());
  }
  catalogue_.UseEnded(&ended_);
}

// What counts calls, and what may refuse them. The entitlement last: who is refused by others
// counts no call there.
Status Host::OpenMetering() {
  Status status = limits_.Use(settings_.access.limits_file);
  if (!status.ok()) return status;
  if (settings_.metering.on()) {
    metering_ = Metering::Open(settings_, &status);
    if (metering_ == nullptr) return status;
    ended_.Join(metering_.get());
    gates_.Use(metering_.get());
  }
  gates_.Use(&limits_);
  if (settings_.entitlement.on()) {
    entitlement_ = Entitlement::Open(settings_, UnixSeconds(), true, &status);
    if (entitlement_ == nullptr) return status;
    gates_.Use(entitlement_.get());
  }
  catalogue_.UseGate(&gates_);
  return status;
}

// As far as the entitlement goes.
Settings Host::Entitled(Settings settings) const {
  const uint64_t most = entitlement_ == nullptr ? 0 : entitlement_->terms().concurrency;
  if (most > 0) settings.licences = std::min(settings.licences, most);
  return settings;
}

Status Host::Open() {
  catalogue_.UseNested(&nested_);
  HearEnds();
  Status status = OpenMetering();
  if (!status.ok()) return status;
  hub_.Start();
  status = catalogue_.Prepare();  // Before the ports: a call may come at once.
  if (!status.ok()) return status;
  if (entitlement_ != nullptr) catalogue_.UseHot(Entitled(settings_));
  MakeFront();
  status = front_->Start(&grpc_port_, &http_port_, &admin_port_);
  if (status.ok()) catalogue_.Start();
  return status;
}

void Host::MakeFront() {
  FrontActions actions;
  actions.metrics = [this](MetricFormat format) { return MetricsPage(Page(), format); };
  actions.status = [this](const HttpRequest& request) {
    return StatusAnswer(request, [this] { return Page(kShownLimits); });
  };
  // Without history, which is long.
  actions.status_text = [this] { return StatusJson(Page(kShownLimits), {UINT64_MAX, 0, {}}); };
  actions.reload = [this](std::function<void(Status)> done) {
    configurator_.Reload(std::move(done));
  };
  actions.schema = [this] {
    const ModelRef model = catalogue_.Default();
    return model == nullptr ? kNothing : model->Schema();
  };
  actions.doors = [this] {
    const ModelRef model = catalogue_.Default();
    std::shared_ptr<const std::string> doors = model == nullptr ? nullptr : model->Doors();
    // Of several models not all will be loaded, and one that is not need not answer anything.
    return doors == nullptr && catalogue_.several() ? kNothing : doors;
  };
  front_ = std::make_unique<FrontServer>(
      FrontRooms{settings_, &budget_, &router_, &router_, &router_, &router_, &catalogue_, &audit_,
                 tracer_.get(), &limits_},
      std::move(actions));
}

// Made when asked for: the ports are set before the lane starts, what comes after that races with
// it.
std::string Host::GrpcAddress() const { return Address(settings_.service.host, grpc_port_); }
std::string Host::HttpAddress() const {
  const ServiceSettings& s = settings_.service;
  if (!s.http_path.empty()) return StrCat("unix:", s.http_path);
  return s.http_on ? Address(s.http_host, http_port_) : "off";
}
std::string Host::AdminAddress() const {
  const std::optional<ListenAddress>& admin = settings_.service.admin;
  if (!admin) return "";
  return admin->path.empty() ? Address(admin->host, admin_port_) : StrCat("unix:", admin->path);
}

std::vector<ModelPage> Host::ModelPages() const {
  std::vector<ModelPage> pages;
  for (const auto& entry : catalogue_.Entries()) pages.push_back(entry->Page());
  return pages;
}

PageData Host::Page(size_t limits) const {
  PageData d;
  d.service = settings_.service.name;
  d.version = kHostVersion;
  d.grpc_address = GrpcAddress();
  d.http_address = HttpAddress();
  d.up = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begin_);
  d.started = begun_;
  d.admin_token = !settings_.service.admin_token.empty();
  d.openapi = settings_.http.docs;
  d.ready = catalogue_.Ready();
  d.models = ModelPages();
  d.several = catalogue_.several();
  ModelPage all = d.several || d.models.size() != 1 ? SumOf(d.models) : d.models.front();
  d.queue = std::move(all.queue);
  d.queue.licences = std::max(d.queue.licences, Entitled(configurator_.InForce()).licences);
  d.sessions = std::move(all.sessions);
  d.instances = std::move(all.instances);
  d.histograms = std::move(all.histograms);
  d.registry = configurator_.registry().Report();
  d.config = configurator_.Report();
  if (tracer_ != nullptr) d.spans = tracer_->counts();
  if (audit_.on()) d.audit_lost = audit_.lost();
  d.budget = &budget_;
  d.history = &history_;
  d.failures = &catalogue_.failures();
  d.calls = &recent_calls_;
  d.calls_between = nested_.Report();
  d.limits = limits_.Report(limits);
  if (metering_ != nullptr) d.metering = metering_->Report();
  if (entitlement_ != nullptr) d.entitlement = entitlement_->Report(UnixSeconds());
  return d;
}

void Host::FollowConfig() {
  ConfigTargets targets;
  targets.check = [this](const Settings& fresh) { return CheckHot(fresh); };
  targets.roll = [this](const Settings& fresh) { return Roll(fresh); };
  targets.hot = [this](const Settings& fresh) { UseHot(fresh); };
  configurator_.Follow(std::move(targets));
}

// [access] limits_share. main's thread.
void Host::ShareLimits() {
  const bool shared = configurator_.InForce().access.limits_share == "hosts";
  if (shared && loaders_ == nullptr) {
    loaders_ = std::make_shared<std::atomic<unsigned>>(1);
    configurator_.registry().CountLoaders([loaders = loaders_](unsigned n) { *loaders = n; });
  }
  limits_.SetHosts(shared ? loaders_->load() : 1);
}

Status Host::Roll(const Settings& fresh) {
  auto result = std::make_shared<std::promise<Status>>();
  std::future<Status> future = result->get_future();
  catalogue_.Reload(fresh, [result](Status status) { result->set_value(std::move(status)); });
  while (future.wait_for(kTick) != std::future_status::ready) {
    if (stopping_) return Status::Error(StatusKind::kCancelled, "the service stops");
  }
  return future.get();
}

// What can be wrong with what takes effect at once.
Status Host::CheckHot(const Settings& fresh) {
  const std::vector<Change> all = Changes(configurator_.InForce(), fresh);
  changing_.clear();
  front_->ForgetPreparedAccess();
  bool access = false, limits = false;
  for (const Change& change : all) {
    changing_.push_back(change.Name());
    if (change.section != "access") continue;
    (change.key.starts_with("limits_") ? limits : access) = true;
  }
  if (const Status status = limits ? Limits::Check(fresh.access.limits_file) : Status::Ok();
      !status.ok()) {
    return status;
  }
  return access ? front_->PrepareAccess(fresh.access) : Status::Ok();
}

void Host::UseHot(const Settings& fresh) {
  front_->UsePreparedAccess(fresh.access.audit_log);
  for (const std::string& name : changing_) audit_.Write({}, {name, "changed"});
  catalogue_.UseHot(Entitled(fresh));
  SetLogLevel(fresh.log.level);
  if (const Status status = limits_.Use(fresh.access.limits_file); !status.ok()) {
    LogError("access", status.text, "; the limits of before stay in force");
  }
  MutexLock lock(told_mu_);
  if (announced_ && !stopping_) configurator_.registry().Announce(Announced(fresh));
}

Announcement Host::Announced(const Settings& settings) const {
  const RegistrySettings& r = settings.registry;
  Announcement a;
  a.service = settings_.service.name;
  a.address = r.address.empty() ? ReachableAddress(settings_.service.host, r.url) : r.address;
  a.grpc_port = grpc_port_;
  a.http_port = settings_.service.http_on ? http_port_ : uint16_t{0};
  a.weight = static_cast<unsigned>(r.weight);
  a.tags = {r.version, r.group};
  a.tags.insert(a.tags.end(), r.tags.begin(), r.tags.end());
  a.meta = {{"project", r.project},
            {"group", r.group},
            {"version", r.version},
            {"http_port", std::to_string(a.http_port)},
            {"protocols", settings_.service.http_on ? "xsf,stream,http,ws,sse" : "xsf,stream"},
            {"tls", settings_.tls.on() ? "true" : "false"},
            {"licences", std::to_string(settings.licences)},
            {"instances", std::to_string(settings_.instances.count)},
            {"host_version", kHostVersion}};
  a.grpc_check = r.grpc_check;
  a.tls = settings_.tls.on();
  a.ttl = milliseconds(r.ttl_ms);
  a.deregister_after = std::chrono::seconds(r.deregister_after_s);
  return a;
}

// Own thread: says when the first instance serves, or makes the process end when none can.
void Host::WaitForEngine() {
  Status status = catalogue_.WaitStarted();
  if (stopping_) return;
  if (!status.ok() && catalogue_.several()) {
    LogError("models", "none of the models could be loaded: ", status.text);
    return;
  }
  if (!status.ok()) {
    status.text = StrCat("the engine did not start: ", status.text);
    engine_ = std::move(status);
    engine_failed_ = true;
    ::kill(::getpid(), SIGTERM);
    return;
  }
  TellState(kStateTrial);
  OnFirstReady();
  TellState(kStateDone);
  const auto ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin_);
  const std::string& line = settings_.service.listening_line;
  const auto ready = [&] {
    return StrCat("AIService ready instances=", catalogue_.ReadyInstances(),
                  " after_ms=", ms.count());
  };
  Say(line.empty() ? ready() : line);
}

void Host::OnFirstReady() {
  TellReadiness(true);
  MutexLock lock(told_mu_);
  if (!settings_.registry.announce || stopping_) return;
  configurator_.registry().Announce(Announced(configurator_.InForce()));
  announced_ = true;
}

// By the waiter and by main: workers may all be gone for a while, and come back.
void Host::TellReadiness(bool ready) {
  MutexLock lock(told_mu_);
  if (told_ready_ == ready || (ready && stopping_)) return;
  told_ready_ = ready;
  front_->SetServing(ready);
  configurator_.registry().SetReady(ready, "no worker is ready");
}

// A model that is loaded is a service of its own name, where others look for one.
void Host::TellModels() {
  if (!catalogue_.several()) return;
  std::vector<std::string> ready;
  for (const ModelRef& model : catalogue_.List()) {
    if (model->Ready()) ready.push_back(model->name());
  }
  ready.erase(std::unique(ready.begin(), ready.end()), ready.end());
  MutexLock lock(told_mu_);
  if (!announced_ || stopping_ || ready == told_models_) return;
  std::vector<Announcement> models;
  const Announcement own = Announced(configurator_.InForce());
  for (const std::string& name : ready) {
    models.push_back(own);
    models.back().service = name;
    models.back().meta.emplace_back("loader", own.service);
  }
  configurator_.registry().AnnounceModels(std::move(models));
  told_models_ = std::move(ready);
}

// Reloads at SIGHUP, and where [instances] watch says so when a file has changed.
int Host::WaitForStop(const WaitedSignals& signals) {
  FileWatch watch({settings_.config_path, settings_.instances.library},
                  settings_.instances.pythonpath);
  TimePoint look = steady_clock::now(), trim = look;
  for (;;) {
    const int signal = signals.Wait(kTick);
    if (signal == SIGTERM || signal == SIGINT) return signal;
    if (signal == SIGCHLD) hub_.Post([this] { processes_.Tidy(); });
    TellReadiness(catalogue_.Ready());
    TellModels();
    Remember();
    if (steady_clock::now() >= trim) {
      trim = steady_clock::now() + kTrimPeriod;
      front_->Look();
      catalogue_.Trim();
      limits_.Look();
      ShareLimits();
      if (entitlement_ != nullptr && entitlement_->Look(UnixSeconds())) {
        catalogue_.UseHot(Entitled(configurator_.InForce()));
      }
    }
    std::string changed;
    if (settings_.instances.watch && steady_clock::now() >= look) {
      look = steady_clock::now() + kWatchPeriod;
      changed = watch.Changed();
    }
    if (signal != SIGHUP && changed.empty()) continue;
    LogInfo("main", "reload: ", changed.empty() ? "got SIGHUP" : StrCat(changed, " has changed"));
    audit_.Write({"", changed.empty() ? "signal" : "file", "", ""}, {"reload", "allowed"});
    configurator_.Reload([](const Status&) {});  // The pool logs what came of it.
  }
}

void Host::Remember() {
  const TimePoint now = steady_clock::now();
  if (!history_.Due(now)) return;
  const auto unix_ms =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const ModelPage all = SumOf(ModelPages());
  history_.Add(now, unix_ms.count(), all.queue, all.sessions, all.histograms->total);
}

// Readiness off; new calls still taken for a while; then what is in flight is finished.
void Host::Drain() {
  Registry& registry = configurator_.registry();
  {
    MutexLock lock(told_mu_);
    told_ready_ = false;
    registry.SetReady(false, "draining");
    front_->SetServing(false);
  }
  const milliseconds lame_duck(configurator_.InForce().instances.lame_duck_ms);
  const TimePoint closing = steady_clock::now() + lame_duck;
  while (catalogue_.ReadyInstances() > 0 &&
         steady_clock::now() < std::min(closing, drain_until_.load())) {
    std::this_thread::sleep_for(kDrainTick);
  }
  front_->Stop(drain_until_.load() + kAnswerTime);
  while (!catalogue_.Idle() && steady_clock::now() < drain_until_.load()) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  registry.Withdraw(steady_clock::now() + kWithdrawLimit);
  configurator_.Stop();
  // Also when the time is up: sessions that were open are still to be destroyed.
  catalogue_.Drain(std::max(drain_until_.load(), steady_clock::now() + kAnswerTime));
  if (entitlement_ != nullptr) entitlement_->Save();
  if (tracer_ != nullptr) tracer_->Finish(steady_clock::now() + kSpanLimit);
  LogInfo("main", "stopped");
}

}  // namespace aiges
