// SPDX-License-Identifier: Apache-2.0
// loader/host.h: all rooms of a running loader, put together.
//
// Everything is built in the order in which it depends on each other and passed on by reference; it
// ends in reverse, within drain_ms and a few seconds, whatever hangs: then by _exit(0). Signals are
// taken by main's thread alone, with sigwait.
// Threads: Check and Serve are called by main, once.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "loader/access/audit_log.h"
#include "loader/access/limits.h"
#include "loader/api/budget.h"
#include "loader/api/ended_list.h"
#include "loader/api/recent_calls.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/base/process.h"
#include "loader/configurator.h"
#include "loader/instances/worker_process.h"
#include "loader/metering/entitlement.h"
#include "loader/metering/metering.h"
#include "loader/models/catalogue.h"
#include "loader/models/nested.h"
#include "loader/models/router.h"
#include "loader/pages/history.h"
#include "loader/pages/pages.h"
#include "loader/routes/front_server.h"
#include "loader/telemetry/tracer.h"

namespace aiges {

class Host {
 public:
  // The configurator has started without mistakes, and outlives the host.
  explicit Host(Configurator* configurator);

  // Both return Ok, or why not.
  Status Check();
  Status Serve(const WaitedSignals& signals);  // Until a signal says stop.

 private:
  Status Open();
  void HearEnds();
  Status OpenMetering();
  Settings Entitled(Settings settings) const;
  void MakeFront();
  std::string GrpcAddress() const;
  std::string HttpAddress() const;
  std::string AdminAddress() const;  // Empty: none.
  // With so many states of limits.
  PageData Page(size_t limits = 0) const;
  std::vector<ModelPage> ModelPages() const;
  void FollowConfig();
  void ShareLimits();
  Status Roll(const Settings& fresh);
  Status CheckHot(const Settings& fresh);
  void UseHot(const Settings& fresh);
  Announcement Announced(const Settings& settings) const;
  void OnFirstReady();
  void WaitForEngine();
  void TellReadiness(bool ready);
  void TellModels();
  void Remember();  // A sample for the status page, where one is due.
  int WaitForStop(const WaitedSignals& signals);
  void BeginDrain();
  void AwaitDrain(const WaitedSignals& signals, const std::future<void>& ended);
  void Drain();

  Configurator& configurator_;
  const Settings settings_;  // As started.
  Budget budget_{settings_.limits};
  const TimePoint begin_ = std::chrono::steady_clock::now();
  const std::chrono::system_clock::time_point begun_ = std::chrono::system_clock::now();
  SteadyClock clock_;
  History history_;
  AuditLog audit_;
  std::vector<std::string> changing_;  // Keys of what is being applied. The configurator's thread.
  RecentCalls recent_calls_;
  std::unique_ptr<Tracer> tracer_;            // Nothing: no call is of a trace.
  std::unique_ptr<Metering> metering_;        // Nothing: [metering] is off.
  std::unique_ptr<Entitlement> entitlement_;  // Nothing: none is wanted.
  Limits limits_{&clock_};
  // Loaders that take calls; the registry's thread writes it, which may outlive the host. Nothing:
  // they are not counted.
  std::shared_ptr<std::atomic<unsigned>> loaders_;
  EndedList ended_;
  GateList gates_;
  uint16_t grpc_port_ = 0, http_port_ = 0, admin_port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<TimePoint> drain_until_{TimePoint{}};
  bool hurry_ = false;  // A second signal has come. main's.
  Mutex told_mu_;
  bool told_ready_ GUARDED_BY(told_mu_) = false;  // What health service and registry know.
  bool announced_ GUARDED_BY(told_mu_) = false;
  std::vector<std::string> told_models_ GUARDED_BY(told_mu_);  // That can be called.
  std::atomic<bool> engine_failed_{false};
  Status engine_;  // Why no instance could serve; read after the waiter has ended.
  WorkerProcesses processes_;
  Hub hub_{clock_};
  Catalogue catalogue_;
  Router router_{&catalogue_};
  Nested nested_;
  std::unique_ptr<FrontServer> front_;
};

}  // namespace aiges
