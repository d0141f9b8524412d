// SPDX-License-Identifier: Apache-2.0
#include "xtest/figures.h"

#include <algorithm>

#include "loader/base/strings.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

constexpr double kBusyCpu = 0.9;     // Of one core, each client thread.
constexpr double kSentShare = 0.97;  // Of the wanted rate.
constexpr double kLagNanos = 1e6;    // p99 of sending behind the plan.
constexpr double kIdleCpu = 0.5;     // Below it the client cannot be what was late.

}  // namespace

Histogram AnsweredLatency(const Step& step) {
  Histogram out;
  for (const auto& [code, c] : step.codes) {
    if (code != -1) out.Merge(c.latency);
  }
  return out;
}

std::string StepName(const Step& step) {
  return step.rate > 0 ? StrCat(ShownNumber(step.rate, 2), "/s") : std::string("closed");
}

std::string ClientLimit(const Step& step) {
  std::string why;
  const auto add = [&why](const std::string& text) { why += (why.empty() ? "" : "; ") + text; };
  if (step.client_cpu >= kBusyCpu) {
    add(StrCat("its threads used ", ShownNumber(step.client_cpu * 100, 0), " % of a core each"));
  }
  const double lag = static_cast<double>(step.lag.Percentile(99));
  if (lag > kLagNanos && step.client_cpu >= kIdleCpu) {
    add(StrCat("it sent up to ", ShownNanos(lag), " late (p99)"));
  }
  if (step.rate > 0 && step.seconds > 0) {
    const double sent = static_cast<double>(step.sent) / step.seconds;
    if (sent < step.rate * kSentShare) {
      add(StrCat("it sent ", ShownNumber(sent, 0), "/s of ", ShownNumber(step.rate, 0), "/s"));
    }
  }
  return why;
}

std::string ClientNote(const Step& step) {
  if (const std::string why = ClientLimit(step); !why.empty()) {
    return StrCat("the client itself was the limit here: ", why,
                  ". Add -threads, or run it on a machine of its own.");
  }
  const double lag = static_cast<double>(step.lag.Percentile(99));
  if (lag <= kLagNanos) return "";
  return StrCat("calls were sent up to ", ShownNanos(lag),
                " late (p99), which counts as latency. The ", "client used ",
                ShownNumber(step.client_cpu * 100, 0),
                " % of a core for each thread: other programs had the CPUs.");
}

std::vector<Part> WhereTimeWent(const Step& step) {
  std::vector<Part> parts;
  const Histogram answered = AnsweredLatency(step);  // Only these have been through the server.
  if (step.stages.calls == 0 || answered.count() == 0) return parts;
  const double total = answered.mean() / 1e6;
  const double lag = std::min(step.lag.mean() / 1e6, total);
  // Means of the sampled calls against the mean of all: the rest may come out a little below 0.
  const double server = std::max(
      step.stages.total_ms, step.stages.queue_ms + step.stages.channel_ms + step.stages.engine_ms);
  const double other =
      server - step.stages.queue_ms - step.stages.channel_ms - step.stages.engine_ms;
  parts = {{"client lag", lag, 0},
           {"network and client", std::max(0.0, total - lag - server), 0},
           {"server: queue", step.stages.queue_ms, 0},
           {"server: channel", step.stages.channel_ms, 0},
           {"server: engine", step.stages.engine_ms, 0}};
  if (other > 0.0005) parts.push_back({"server: rest", other, 0});
  if (lag == 0) parts.erase(parts.begin());
  for (Part& part : parts) part.share = total > 0 ? part.ms / total : 0;
  return parts;
}

}  // namespace aiges
