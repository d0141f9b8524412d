#include "loader/host.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <thread>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/version.h"
#include "loader/config/file_watch.h"
#include "loader/ingress/status_page.h"
#include "loader/registry/make.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// For answers that become due at the very end of the drain to get out.
constexpr milliseconds kAnswerTime{500};
constexpr milliseconds kTick{100};       // Readiness.
constexpr milliseconds kWatchPeriod{500};  // Changed files.
constexpr milliseconds kWithdrawLimit{2000};

std::string Address(const std::string& host, uint16_t port) {
  return StrCat(host.empty() ? "0.0.0.0" : host, ":", port);
}

}  // namespace

Host::Host(Configurator* configurator)
    : configurator_(*configurator), settings_(configurator->InForce()) {}

Status Host::Check() {
  Status status;
  pool_ = Pool::Create(settings_, &status);
  if (pool_ == nullptr) return status;
  scheduler_ = std::make_unique<Scheduler>(settings_, pool_.get(), &clock_);
  pool_->Start(scheduler_.get());
  status = pool_->WaitServing();
  pool_->Drain(steady_clock::now() + milliseconds(settings_.instances.drain_ms));
  return status;
}

Status Host::Serve(const WaitedSignals& signals) {
  const Status status = Open();
  if (!status.ok()) return status;
  std::printf("AIService listening grpc=%s http=%s\n", grpc_address_.c_str(),
              settings_.service.http_on ? HttpAddress().c_str() : "off");
  std::fflush(stdout);
  FollowConfig();
  Remember();
  std::thread waiter([this] { WaitForEngine(); });
  const int signal = WaitForStop(signals);
  LogInfo("main", "got signal ", signal, ", draining");
  Drain();
  waiter.join();
  return engine_;
}

Status Host::Open() {
  Status status;
  pool_ = Pool::Create(settings_, &status);
  if (pool_ == nullptr) return status;
  scheduler_ = std::make_unique<Scheduler>(settings_, pool_.get(), &clock_);
  grpc_ = std::make_unique<GrpcServer>(settings_, scheduler_.get(), scheduler_->sessions(),
                                       pool_.get(), pool_.get());
  status = grpc_->Start(&grpc_port_);
  if (!status.ok()) return status;
  grpc_address_ = Address(settings_.service.host, grpc_port_);
  if (settings_.service.http_on) status = OpenHttp();
  if (!status.ok()) {
    grpc_->Stop(steady_clock::now());
    return status;
  }
  pool_->Start(scheduler_.get());
  return Status::Ok();
}

Status Host::OpenHttp() {
  routes_ = std::make_unique<HttpRoutes>(
      settings_, scheduler_.get(), scheduler_->sessions(), pool_.get(), pool_.get(),
      HttpActions{
          [this] { return MetricsPage(Page()); },
          [this](const HttpRequest& request) {
            return StatusAnswer(request, [this] { return Page(); });
          },
          [this](std::function<void(Status)> done) { configurator_.Reload(std::move(done)); },
          [this] { return pool_->Schema(); }});
  HttpHooks hooks;
  hooks.handle = [this](HttpRequest request, HttpDone done) {
    return routes_->Handle(std::move(request), std::move(done));
  };
  hooks.abort = [this](uint64_t id) {  // Calls and sessions never have the same id.
    scheduler_->Abort(id);
    scheduler_->sessions()->Abort(id);
  };
  hooks.refuse_upgrade = [this](const HttpRequest& r) { return routes_->RefuseUpgrade(r); };
  http_ = std::make_unique<HttpServer>(settings_, pool_.get(), scheduler_->sessions(),
                                       std::move(hooks));
  return http_->Start(&http_port_);
}

// Made when asked for: the port is set before the HTTP lane starts, what comes after that races with it.
std::string Host::HttpAddress() const {
  return Address(settings_.service.http_host, http_port_);
}

PageData Host::Page() const {
  PageData d;
  d.service = settings_.service.name;
  d.version = kHostVersion;
  d.grpc_address = grpc_address_;
  d.http_address = HttpAddress();
  d.up = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begin_);
  d.started = begun_;
  d.admin_token = !settings_.service.admin_token.empty();
  d.openapi = settings_.http.docs;
  d.ready = scheduler_->Ready();
  d.queue = scheduler_->Report();
  d.sessions = scheduler_->SessionReport();
  d.instances = pool_->Report();
  d.registry = configurator_.registry().Report();
  d.config = configurator_.Report();
  d.histograms = &scheduler_->histograms();
  d.history = &history_;
  d.failures = &scheduler_->failures();
  return d;
}

void Host::FollowConfig() {
  ConfigTargets targets;
  targets.roll = [this](const Settings& fresh) { return Roll(fresh); };
  targets.hot = [this](const Settings& fresh) { UseHot(fresh); };
  configurator_.Follow(std::move(targets));
}

Status Host::Roll(const Settings& fresh) {
  auto result = std::make_shared<std::promise<Status>>();
  std::future<Status> future = result->get_future();
  pool_->Reload(fresh, [result](Status status) { result->set_value(std::move(status)); });
  while (future.wait_for(kTick) != std::future_status::ready) {
    if (stopping_) return Status::Error(StatusKind::kCancelled, "the service stops");
  }
  return future.get();
}

void Host::UseHot(const Settings& fresh) {
  scheduler_->UseSettings(fresh);
  SetLogLevel(fresh.log.level);
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
            {"licences", std::to_string(settings.licences)},
            {"instances", std::to_string(settings_.instances.count)},
            {"host_version", kHostVersion}};
  a.grpc_check = r.grpc_check;
  a.ttl = milliseconds(r.ttl_ms);
  a.deregister_after = std::chrono::seconds(r.deregister_after_s);
  return a;
}

// Own thread: says when the first instance serves, or makes the process end when none can.
void Host::WaitForEngine() {
  Status status = pool_->WaitServing();
  if (stopping_) return;
  if (!status.ok()) {
    status.text = StrCat("the engine did not start: ", status.text);
    engine_ = std::move(status);
    ::kill(::getpid(), SIGTERM);
    return;
  }
  OnFirstReady();
  const auto ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin_);
  std::printf("AIService ready instances=%u after_ms=%lld\n", pool_->ReadyCount(),
              static_cast<long long>(ms.count()));
  std::fflush(stdout);
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
  grpc_->SetServing(ready);
  configurator_.registry().SetReady(ready, "no worker is ready");
}

// Reloads at SIGHUP, and where [instances] watch says so when a file has changed.
int Host::WaitForStop(const WaitedSignals& signals) {
  FileWatch watch(settings_.config_path, settings_.instances.pythonpath);
  TimePoint look = steady_clock::now();
  for (;;) {
    const int signal = signals.Wait(kTick);
    if (signal == SIGTERM || signal == SIGINT) return signal;
    TellReadiness(scheduler_->Ready());
    Remember();
    std::string changed;
    if (settings_.instances.watch && steady_clock::now() >= look) {
      look = steady_clock::now() + kWatchPeriod;
      changed = watch.Changed();
    }
    if (signal != SIGHUP && changed.empty()) continue;
    LogInfo("main", "reload: ", changed.empty() ? "got SIGHUP" : StrCat(changed, " has changed"));
    configurator_.Reload([](const Status&) {});  // The pool logs what came of it.
  }
}

void Host::Remember() {
  const TimePoint now = steady_clock::now();
  if (!history_.Due(now)) return;
  const auto unix_ms = std::chrono::duration_cast<milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  history_.Add(now, unix_ms.count(), scheduler_->Report(), scheduler_->SessionReport(),
               scheduler_->histograms().total);
}

// Readiness off; new calls still taken for a while; then what is in flight is finished.
void Host::Drain() {
  stopping_ = true;
  const InstanceSettings limits = configurator_.InForce().instances;
  const TimePoint until = steady_clock::now() + milliseconds(limits.drain_ms);
  Registry& registry = configurator_.registry();
  scheduler_->BeginDrain(until);
  {
    MutexLock lock(told_mu_);
    told_ready_ = false;
    registry.SetReady(false, "draining");
    grpc_->SetServing(false);
  }
  if (pool_->ReadyCount() > 0) {
    std::this_thread::sleep_for(milliseconds(std::min(limits.lame_duck_ms, limits.drain_ms)));
  }
  const TimePoint answered = until + kAnswerTime;
  grpc_->Stop(answered);
  if (http_ != nullptr) http_->Stop(answered);
  while (!scheduler_->Idle() && steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  registry.Withdraw(steady_clock::now() + kWithdrawLimit);
  configurator_.Stop();
  // Also when the time is up: sessions that were open are still to be destroyed.
  pool_->Drain(std::max(until, steady_clock::now() + kAnswerTime));
  LogInfo("main", "stopped");
}

}  // namespace aiges
