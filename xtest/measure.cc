// SPDX-License-Identifier: Apache-2.0
#include "xtest/measure.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <utility>

#include "loader/base/mutex.h"
#include "xtest/progress.h"
#include "xtest/prometheus_page.h"
#include "xtest/resources.h"
#include "xtest/runner.h"
#include "xtest/server_metrics.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kShowEvery{200}, kLookEvery{10};

ServerWatch WatchOf(const Options& options, const Settings& settings) {
  const Plan& plan = settings.plan;
  Credentials credentials;
  if (!plan.api_key.empty()) credentials.header = StrCat("X-Api-Key: ", plan.api_key);
  const std::string ca = plan.tls.ca == TlsFiles::kSystem ? "" : plan.tls.ca;
  credentials.ca = ca, credentials.cert = plan.tls.cert, credentials.key = plan.tls.key;
  // What else answers a free request need not have such a page.
  const std::vector<std::string> none;
  const std::vector<std::string>& http = IsFree(plan.protocol) ? none : settings.http_hosts;
  return ServerWatch(MetricsUrls(options.metrics, http, plan.tls.on()), std::move(credentials));
}

// The first host of this machine is the server that is watched.
pid_t FindServer(const Options& options, const std::vector<std::string>& hosts) {
  if (options.pid != 0) return options.pid;
  for (const std::string& host : hosts) {
    if (!IsLocal(host)) continue;
    const size_t colon = host.rfind(':');
    return FindListener(static_cast<uint16_t>(std::atoi(host.c_str() + colon + 1)));
  }
  return 0;
}

// The figures of now, for the terminal and for Prometheus.
struct Shown {
  Mutex mu;
  Live live GUARDED_BY(mu);
};

// Shows how it goes until the runner is done.
void Watch(Runner* runner, const std::atomic<bool>& over, bool quiet, Shown* shown) {
  Progress progress(STDERR_FILENO, quiet);
  TimePoint last{};
  while (!over.load()) {
    const TimePoint now = std::chrono::steady_clock::now();
    if (now - last >= kShowEvery) {
      last = now;
      const Live live = runner->Now();
      if (progress.shown()) progress.Show(live);
      MutexLock lock(shown->mu);
      shown->live = live;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace

RunResult NewResult(const Options& options, const Plan& plan) {
  RunResult result;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &local);
  result.started = text;
  result.config = options.config;
  result.protocol = ProtocolName(plan.protocol);
  result.mode = ModeName(plan.mode);
  result.arrival = ArrivalName(plan.rates.empty() ? Arrival::kClosed : plan.arrival);
  return result;
}

void Measure(const Options& options, const Settings& settings, CallSink* sink,
             const std::atomic<bool>& stop, RunResult* result) {
  const Plan& plan = settings.plan;
  ServerWatch server = WatchOf(options, settings);
  server.Before();
  ResourceSampler resources([&] { return FindServer(options, plan.hosts); },
                            settings.report.gpu ? OpenNvml() : nullptr);
  Runner runner(plan, sink);
  resources.Start(std::chrono::steady_clock::now());
  Shown shown;
  PrometheusPage page;
  if (settings.report.prometheus) {
    const Status status = page.Start(settings.report.prometheus_port, [&] {
      Live live;
      {
        MutexLock lock(shown.mu);
        live = shown.live;
      }
      return PrometheusText(live, resources.last());
    });
    if (!status.ok()) result->notes.push_back(status.text);  // No reason not to measure.
  }
  std::atomic<bool> over{false};
  std::thread running([&] {
    runner.Run(stop, result);
    over.store(true);
  });
  Watch(&runner, over, options.quiet, &shown);
  running.join();
  resources.Stop();
  result->resources = resources.Take();
  if (result->resources.empty() && !resources.problem().empty()) {
    result->notes.push_back("no resources of the server: " + resources.problem());
  }
  result->server = server.After();
}

}  // namespace aiges
