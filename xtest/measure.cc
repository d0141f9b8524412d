#include "xtest/measure.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <utility>

#include "xtest/progress.h"
#include "xtest/resources.h"
#include "xtest/runner.h"
#include "xtest/server_metrics.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kShowEvery{200}, kLookEvery{10};

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
  ServerWatch server(options.metrics);
  server.Before();
  ResourceSampler resources([&] { return FindServer(options, plan.hosts); },
                            settings.report.gpu ? OpenNvml() : nullptr);
  Runner runner(plan, sink);
  resources.Start(std::chrono::steady_clock::now());
  std::atomic<bool> over{false};
  std::thread running([&] {
    runner.Run(stop, result);
    over.store(true);
  });
  {
    Progress progress(STDERR_FILENO, options.quiet);
    TimePoint shown{};
    while (!over.load()) {
      const TimePoint now = std::chrono::steady_clock::now();
      if (progress.shown() && now - shown >= kShowEvery) {
        progress.Show(runner.Now());
        shown = now;
      }
      std::this_thread::sleep_for(kLookEvery);
    }
  }
  running.join();
  resources.Stop();
  result->resources = resources.Take();
  if (result->resources.empty() && !resources.problem().empty()) {
    result->notes.push_back("no resources of the server: " + resources.problem());
  }
  result->server = server.After();
}

}  // namespace aiges
