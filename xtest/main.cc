// SPDX-License-Identifier: Apache-2.0
// xtest/main.cc: the wiring of the load tool: options, settings, targets, runner, reports.
//
// Exit codes: 0 fine, 1 a limit of -slo was missed, 2 wrong usage or configuration, or no way to
// write, 3 no call had a good answer, or nobody was there to call.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "loader/base/strings.h"
#include "loader/base/version.h"
#include "xtest/client.h"
#include "xtest/compare.h"
#include "xtest/measure.h"
#include "xtest/options.h"
#include "xtest/outputs.h"
#include "xtest/probe.h"
#include "xtest/report_json.h"
#include "xtest/report_text.h"
#include "xtest/runner.h"
#include "xtest/search.h"
#include "xtest/settings.h"
#include "xtest/slo.h"
#include "xtest/targets.h"

namespace aiges {
namespace {

constexpr int kFine = 0, kMissed = 1, kWrong = 2, kNoAnswers = 3;

std::atomic<bool> g_stop{false};

// The first time asks for the end with a full report, the second one insists.
extern "C" void OnSignal(int) {
  if (g_stop.exchange(true)) ::_exit(130);
}

void CatchSignals() {
  struct sigaction action{};
  action.sa_handler = OnSignal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // `ulimit -f`: a write fails, and is told as on a full disk.
}

int Wrong(const Status& status) {
  std::fprintf(stderr, "xtest: %s\n", status.text.c_str());
  return status.kind == StatusKind::kDisconnected ? kNoAnswers : kWrong;
}

bool AnyGood(const RunResult& result) {
  return std::any_of(result.steps.begin(), result.steps.end(),
                     [](const Step& step) { return step.done > step.failed; });
}

int Compare(const Options& options) {
  RunResult a, b;
  if (Status status = ReadJsonFile(options.compare_a, &a); !status.ok()) return Wrong(status);
  if (Status status = ReadJsonFile(options.compare_b, &b); !status.ok()) return Wrong(status);
  std::fputs(CompareText(options.compare_a, a, options.compare_b, b).c_str(), stdout);
  if (!options.fail_on_worse) return kFine;
  const Verdict verdict = CompareRuns(a, b);
  if (verdict == Verdict::kUnknown) {
    return Wrong(Status::Error(StatusKind::kInvalid,
                               "--fail-on-worse: the runs are too short to say; at least 5 counted "
                               "seconds of each are needed"));
  }
  return verdict == Verdict::kWorse ? kMissed : kFine;
}

// Asks the registry where there is one.
Status FindHosts(Settings* settings) {
  Plan& plan = settings->plan;
  Targets& targets = settings->targets;
  const bool http = SpeaksHttp(plan.protocol);
  if (targets.registry()) {
    if (Status status = ResolveTargets(&targets); !status.ok()) return status;
    if (http) {
      if (Status status = TakeHttpHosts(&targets); !status.ok()) return status;
      if (!targets.notice.empty()) settings->notices.push_back(targets.notice);
    }
    plan.hosts = targets.hosts;
    plan.weights = targets.weights;
    settings->http_hosts = targets.http_hosts;
  } else if (http) {
    settings->http_hosts = plan.hosts;
  }
  return Status::Ok();
}

Status Prepare(const Options& options, Settings* settings) {
  Status status = LoadSettings(options, settings);
  if (!status.ok()) return status;
  if (Status found = FindHosts(settings); !found.ok()) return found;
  if (!options.quiet) {
    for (const std::string& notice : settings->notices) {
      std::fprintf(stderr, "xtest: %s\n", notice.c_str());
    }
  }
  if (Status sound = CheckPlan(settings->plan); !sound.ok()) return sound;
  return FindAnybody(settings->plan.hosts);
}

// Says what could not be written; the report is on the terminal in any case.
int Tell(const Options& options, Outputs* outputs, RunResult* result) {
  const std::vector<std::string> problems = outputs->Finish(result);
  std::fputs(ReportText(*result, options.slo).c_str(), stdout);
  std::printf("report: %s\n", (outputs->folder() + "/report.html").c_str());
  std::fflush(stdout);
  for (const std::string& problem : problems) {
    std::fprintf(stderr, "xtest: %s\n", problem.c_str());
  }
  return problems.empty() ? kFine : kWrong;
}

int Run(const Options& options) {
  Settings settings;
  if (Status status = Prepare(options, &settings); !status.ok()) return Wrong(status);
  Outputs outputs(options, settings);
  if (Status status = outputs.Open(); !status.ok()) return Wrong(status);
  if (!options.quiet && !outputs.notice().empty()) {
    std::fprintf(stderr, "xtest: %s\n", outputs.notice().c_str());
  }
  RunResult result = NewResult(options, settings.plan);
  Measure(options, settings, &outputs, g_stop, &result);
  const int written = Tell(options, &outputs, &result);
  if (written != kFine) return written;
  if (!AnyGood(result)) return kNoAnswers;
  const bool met = std::all_of(result.steps.begin(), result.steps.end(), [&](const Step& step) {
    return AllMet(CheckSlo(options.slo, step));
  });
  return met ? kFine : kMissed;
}

// Each rate is a run of its own, without files of single calls.
int RunSearch(const Options& options) {
  Settings settings;
  if (Status status = Prepare(options, &settings); !status.ok()) return Wrong(status);
  Plan& plan = settings.plan;
  plan.keep_results = false;
  settings.report.perf = false;
  if (plan.rates.empty()) plan.arrival = Arrival::kConstant;
  plan.in_flight = 0;
  plan.calls = 0;
  plan.seconds = options.search.seconds;
  Outputs outputs(options, settings);
  if (Status status = outputs.Open(); !status.ok()) return Wrong(status);
  plan.rates = {options.search.min};
  RunResult result = NewResult(options, plan);
  const auto measure = [&](double rate) -> std::optional<Step> {
    if (g_stop.load()) return std::nullopt;
    plan.rates = {rate};
    RunResult one;
    Measure(options, settings, nullptr, g_stop, &one);
    result.notes.insert(result.notes.end(), one.notes.begin(), one.notes.end());
    if (one.interrupted || one.steps.empty()) return std::nullopt;
    return one.steps.front();
  };
  SearchLimits limits;
  limits.min = options.search.min;
  limits.max = options.search.max;
  SearchResult found = Search(limits, options.slo, measure);
  result.steps = found.steps;
  result.interrupted = found.interrupted;
  const int written = Tell(options, &outputs, &result);
  std::fputs(SearchText(found).c_str(), stdout);
  if (written != kFine) return written;
  if (!AnyGood(result)) return kNoAnswers;
  return found.found ? kFine : kMissed;
}

int Main(int argc, char** argv) {
  Options options;
  if (Status status = ParseOptions(argc, argv, &options); !status.ok()) return Wrong(status);
  switch (options.action) {
    case Options::Action::kHelp:
      std::fputs(Usage().c_str(), stdout);
      return kFine;
    case Options::Action::kVersion:
      std::printf("%s\n", kHostVersion);
      return kFine;
    case Options::Action::kCompare:
      return Compare(options);
    case Options::Action::kSearch:
      CatchSignals();
      return RunSearch(options);
    case Options::Action::kRun:
      CatchSignals();
      return Run(options);
  }
  return kWrong;
}

}  // namespace
}  // namespace aiges

int main(int argc, char** argv) {
  try {
    return aiges::Main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "xtest: %s\n", e.what());
    return 2;
  }
}
