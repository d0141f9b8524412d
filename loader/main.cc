// loader/main.cc: AIService, put together. The only file that knows all rooms.
//
// Everything is built in the order in which it depends on each other and passed on by reference;
// it ends in reverse. Signals are taken by this thread alone, with sigwait.

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/process.h"
#include "loader/base/version.h"
#include "loader/config/file_watch.h"
#include "loader/config/flags.h"
#include "loader/config/parse.h"
#include "loader/ingress/grpc_server.h"
#include "loader/ingress/http_routes.h"
#include "loader/ingress/http_server.h"
#include "loader/ingress/pages.h"
#include "loader/instances/pool.h"
#include "loader/scheduler/scheduler.h"

namespace aiges {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadUsage = 2;
// For answers that become due at the very end of the drain to get out.
constexpr auto kAnswerTime = std::chrono::milliseconds(500);
constexpr auto kWatchPeriod = std::chrono::milliseconds(500);

using std::chrono::steady_clock;

int Say(const Status& status, int exit_code) {
  std::fprintf(stderr, "AIService: %s\n", status.text.c_str());
  return exit_code;
}

class Host {
 public:
  Host(const Settings& settings, const Flags& flags) : settings_(settings), flags_(flags) {}

  int Check() {
    const Status status = StartEngine();
    pool_->Drain(steady_clock::now() + std::chrono::milliseconds(settings_.instances.drain_ms));
    if (!status.ok()) return Say(status, kFailed);
    std::printf("AIService: configuration and plugin are in order\n");
    return kOk;
  }

  int Serve(const WaitedSignals& signals) {
    Status status = Open();
    if (!status.ok()) return Say(status, kFailed);
    std::printf("AIService listening grpc=%s http=%s\n", grpc_address_.c_str(),
                settings_.service.http_on ? http_address_.c_str() : "off");
    std::fflush(stdout);
    std::thread waiter([this] { WaitForEngine(); });
    const int signal = WaitForStop(signals);
    LogInfo("main", "got signal ", signal, ", draining");
    const int result = Drain();
    waiter.join();
    return result;
  }

 private:
  Status StartEngine() {
    Status status;
    pool_ = Pool::Create(settings_, &status);
    if (pool_ == nullptr) return status;
    scheduler_ = std::make_unique<Scheduler>(settings_, pool_.get(), &clock_);
    pool_->Start(scheduler_.get());
    return pool_->WaitServing();
  }

  Status Open() {
    Status status;
    pool_ = Pool::Create(settings_, &status);
    if (pool_ == nullptr) return status;
    scheduler_ = std::make_unique<Scheduler>(settings_, pool_.get(), &clock_);
    grpc_ = std::make_unique<GrpcServer>(settings_, scheduler_.get(), scheduler_->sessions(),
                                         pool_.get(), pool_.get());
    uint16_t port = 0;
    status = grpc_->Start(&port);
    if (!status.ok()) return status;
    grpc_address_ = Address(settings_.service.host, port);
    if (settings_.service.http_on) status = OpenHttp();
    if (!status.ok()) {
      grpc_->Stop(steady_clock::now());
      return status;
    }
    pool_->Start(scheduler_.get());
    return Status::Ok();
  }

  Status OpenHttp() {
    routes_ = std::make_unique<HttpRoutes>(
        settings_, scheduler_.get(), scheduler_->sessions(), pool_.get(), pool_.get(),
        HttpActions{[this] { return MetricsPage(Page()); },
                    [this] { return StatusPage(Page()); },
                    [this](std::function<void(Status)> done) { Reload(std::move(done)); }});
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
    uint16_t port = 0;
    const Status status = http_->Start(&port);
    http_address_ = Address(settings_.service.http_host, port);
    return status;
  }

  static std::string Address(const std::string& host, uint16_t port) {
    return StrCat(host.empty() ? "0.0.0.0" : host, ":", port);
  }

  PageData Page() const {
    PageData d;
    d.service = settings_.service.name;
    d.version = kHostVersion;
    d.grpc_address = grpc_address_;
    d.http_address = http_address_;
    d.up = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begin_);
    d.ready = scheduler_->Ready();
    d.queue = scheduler_->Report();
    d.sessions = scheduler_->SessionReport();
    d.instances = pool_->Report();
    d.histograms = &scheduler_->histograms();
    return d;
  }

  // Own thread: says when the first instance serves, or makes the process end when none can.
  void WaitForEngine() {
    const Status status = pool_->WaitServing();
    if (stopping_) return;
    if (!status.ok()) {
      std::fprintf(stderr, "AIService: the engine did not start: %s\n", status.text.c_str());
      failed_ = true;
      ::kill(::getpid(), SIGTERM);
      return;
    }
    grpc_->SetServing(true);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() -
                                                                          begin_);
    std::printf("AIService ready instances=%u after_ms=%lld\n", pool_->ReadyCount(),
                static_cast<long long>(ms.count()));
    std::fflush(stdout);
  }

  // Reloads at SIGHUP, and where [instances] watch says so when a file has changed.
  int WaitForStop(const WaitedSignals& signals) {
    FileWatch watch(settings_.config_path, settings_.instances.pythonpath);
    for (;;) {
      const int signal =
          signals.Wait(settings_.instances.watch ? kWatchPeriod : std::chrono::milliseconds(0));
      if (signal == SIGTERM || signal == SIGINT) return signal;
      const std::string changed = watch.Changed();
      if (signal != SIGHUP && changed.empty()) continue;
      LogInfo("main", "reload: ", changed.empty() ? "got SIGHUP" : StrCat(changed, " has changed"));
      Reload([](const Status&) {});  // The pool logs what came of it.
    }
  }

  // Any thread. Fronts, queue and limits keep the settings that they were started with.
  void Reload(std::function<void(Status)> done) {
    const ParseResult parsed = LoadSettings(flags_);
    if (parsed.errors.empty()) return pool_->Reload(parsed.settings, std::move(done));
    std::string text = "the configuration has mistakes, the old one stays:";
    for (const std::string& e : parsed.errors) text += StrCat(" ", e, ";");
    LogError("main", "reload: ", text);
    done(Status::Error(StatusKind::kInvalid, text));
  }

  // Readiness off; new calls still taken for a while; then what is in flight is finished.
  int Drain() {
    stopping_ = true;
    const TimePoint until =
        steady_clock::now() + std::chrono::milliseconds(settings_.instances.drain_ms);
    scheduler_->BeginDrain(until);
    grpc_->SetServing(false);
    if (!failed_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(
          std::min(settings_.instances.lame_duck_ms, settings_.instances.drain_ms)));
    }
    const TimePoint answered = until + kAnswerTime;
    grpc_->Stop(answered);
    if (http_ != nullptr) http_->Stop(answered);
    while (!scheduler_->Idle() && steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    pool_->Drain(until);
    LogInfo("main", "stopped");
    return failed_ ? kFailed : kOk;
  }

  const Settings& settings_;
  const Flags& flags_;
  const TimePoint begin_ = steady_clock::now();
  SteadyClock clock_;
  std::string grpc_address_, http_address_;
  std::atomic<bool> failed_{false}, stopping_{false};
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpRoutes> routes_;
  std::unique_ptr<HttpServer> http_;
};

int Run(const Flags& flags) {
  const ParseResult parsed = LoadSettings(flags);
  if (!parsed.errors.empty()) {
    std::fprintf(stderr, "AIService: %zu mistake%s in the configuration:\n", parsed.errors.size(),
                 parsed.errors.size() == 1 ? "" : "s");
    for (const std::string& e : parsed.errors) std::fprintf(stderr, "  %s\n", e.c_str());
    return kBadUsage;
  }
  if (flags.action == Flags::Action::kShowConfig) {
    std::fputs(ShowConfig(parsed.settings).c_str(), stdout);
    return kOk;
  }
  const WaitedSignals signals{SIGTERM, SIGINT, SIGHUP};
  ::signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  InitLog(parsed.settings.log.level, parsed.settings.log.file);
  std::string ignored;
  for (const std::string& key : parsed.ignored) ignored += StrCat(ignored.empty() ? "" : ", ", key);
  if (!ignored.empty()) LogWarn("config", "no effect in this version: ", ignored);
  int result = kOk;
  {
    Host host(parsed.settings, flags);
    result = flags.action == Flags::Action::kCheck ? host.Check() : host.Serve(signals);
  }
  FlushLog();
  return result;
}

}  // namespace
}  // namespace aiges

int main(int argc, char** argv) {
  aiges::Flags flags;
  const aiges::Status status = aiges::ParseFlags(argc, argv, &flags);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.text.c_str());
    return aiges::kBadUsage;
  }
  switch (flags.action) {
    case aiges::Flags::Action::kUsage:
      std::fputs(aiges::Usage().c_str(), stdout);
      return aiges::kOk;
    case aiges::Flags::Action::kVersion:
      std::printf("AIService %s\n", aiges::kHostVersion);
      return aiges::kOk;
    case aiges::Flags::Action::kInit: {
      const aiges::Status written = aiges::WriteDefaultConfig("aiges.toml");
      if (!written.ok()) return aiges::Say(written, aiges::kFailed);
      std::printf("AIService: wrote aiges.toml\n");
      return aiges::kOk;
    }
    default:
      return aiges::Run(flags);
  }
}
