// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/pages.h"

#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  MetricFamily& Begin(const char* name, const char* help, MetricType type) {
    MetricFamily& family = all_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
    return family;
  }
  void Gauge(const char* name, const char* help, double value) {
    Begin(name, help, MetricType::Gauge).metric.emplace_back().gauge.value = value;
  }
  void Counter(const char* name, const char* help, uint64_t value) {
    Begin(name, help, MetricType::Counter).metric.emplace_back().counter.value =
        static_cast<double>(value);
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(all_); }

 private:
  std::vector<MetricFamily> all_;
};

ClientMetric& Labelled(MetricFamily& family, const char* label, const std::string& value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label.push_back({label, value});
  return metric;
}

void AddHistogram(MetricFamily& family, const char* stage, const LatencyHistogram& from) {
  ClientMetric& metric = Labelled(family, "stage", stage);
  uint64_t below = 0;
  for (size_t i = 0; i <= LatencyHistogram::kBounds.size(); ++i) {
    below += from.count(i);
    const double bound = i < LatencyHistogram::kBounds.size()
                             ? LatencyHistogram::kBounds[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({below, bound});
  }
  metric.histogram.sample_count = below;
  metric.histogram.sample_sum = from.sum_seconds();
}

// How many calls ran as one, a sample for each run of the engine.
void AddBatches(Families& out, const std::map<unsigned, uint64_t>& by_size) {
  static constexpr unsigned kBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  MetricFamily& family =
      out.Begin("aiges_batch_size", "Once calls that ran as one.", MetricType::Histogram);
  ClientMetric& metric = family.metric.emplace_back();
  uint64_t below = 0;
  for (const unsigned bound : kBounds) {
    below = 0;
    for (const auto& [size, count] : by_size) below += size <= bound ? count : 0;
    metric.histogram.bucket.push_back({below, static_cast<double>(bound)});
  }
  metric.histogram.bucket.push_back({below, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = below;
  for (const auto& [size, count] : by_size) {
    metric.histogram.sample_sum += static_cast<double>(size * count);
  }
}

void AddSessions(Families& out, const SessionsReport& s) {
  out.Gauge("aiges_sessions_open", "Sessions that are not over.", static_cast<double>(s.open));
  out.Counter("aiges_sessions_total", "Sessions opened.", s.opened);
  MetricFamily& failed =
      out.Begin("aiges_session_failures_total",
                "Sessions that ended with an error, by loader code.", MetricType::Counter);
  for (const auto& [code, count] : s.failures) {
    Labelled(failed, "code", std::to_string(code)).counter.value = static_cast<double>(count);
  }
  out.Counter("aiges_sessions_aborted_total", "Sessions that the client ended.", s.aborted);
  out.Counter("aiges_sessions_expired_total", "Sessions that ended by idle time.", s.expired);
  out.Counter("aiges_session_items_total", "Output batches given to clients.", s.batches);
  out.Gauge("aiges_session_input_bytes", "Input that engines have not taken.",
            static_cast<double>(s.input_bytes));
}

void AddRegistry(Families& out, const RegistryReport& r) {
  if (r.backend == "none") return;
  out.Gauge("aiges_registry_connected", "1 when the registry answered the last request.",
            r.connected ? 1 : 0);
  out.Gauge("aiges_registry_registered", "1 when others can find this loader.",
            r.registered ? 1 : 0);
  out.Counter("aiges_registry_requests_total", "Requests to the registry.", r.requests);
  out.Counter("aiges_registry_failures_total", "Of these, without a good answer.", r.failures);
}

void AddConfig(Families& out, const ConfigReport& c) {
  if (c.revision.empty()) return;
  MetricFamily& revision =
      out.Begin("aiges_config_info", "The revision in force.", MetricType::Gauge);
  Labelled(revision, "revision", c.revision).gauge.value = 1;
  MetricFamily& pushes =
      out.Begin("aiges_config_pushes_total", "Trees of the config centre, by what came of them.",
                MetricType::Counter);
  Labelled(pushes, "result", "applied").counter.value = static_cast<double>(c.applied);
  Labelled(pushes, "result", "refused").counter.value = static_cast<double>(c.refused);
  out.Gauge("aiges_config_refused", "1 when the newest tree is not in force.",
            c.refusal.empty() ? 0 : 1);
  out.Gauge("aiges_config_cached", "1 when the centre was away at start and has not come back.",
            c.cached ? 1 : 0);
  out.Gauge("aiges_config_restart_keys", "Changed keys that wait for the next start.",
            static_cast<double>(c.restart.size()));
}

void AddBudget(Families& out, const Budget& budget) {
  const auto each = [&](const char* name, const char* help, MetricType type, auto get) {
    MetricFamily& family = out.Begin(name, help, type);
    for (const Account* account : {&budget.connections, &budget.input, &budget.output}) {
      ClientMetric& metric = Labelled(family, "limit", account->key());
      (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) =
          static_cast<double>(get(*account));
    }
  };
  each("aiges_budget_used", "What is in use of a key of [limits].", MetricType::Gauge,
       [](const Account& a) { return a.used(); });
  each("aiges_budget_limit", "That key.", MetricType::Gauge,
       [](const Account& a) { return a.limit(); });
  each("aiges_budget_refusals_total", "What was refused because of it.", MetricType::Counter,
       [](const Account& a) { return a.refused(); });
}

}  // namespace

std::string MetricsPage(const PageData& d) {
  Families out;
  MetricFamily& requests =
      out.Begin("aiges_requests_total", "Calls answered, by loader code (0 is success).",
                MetricType::Counter);
  for (const auto& [code, count] : d.queue.answers) {
    Labelled(requests, "code", std::to_string(code)).counter.value = static_cast<double>(count);
  }
  MetricFamily& latency =
      out.Begin("aiges_latency_seconds", "Time of a call, by stage.", MetricType::Histogram);
  AddHistogram(latency, "queue", d.histograms->queue);
  AddHistogram(latency, "channel", d.histograms->channel);
  AddHistogram(latency, "engine", d.histograms->engine);
  AddHistogram(latency, "total", d.histograms->total);
  out.Gauge("aiges_ready", "1 when a call sent now can be served.", d.ready ? 1 : 0);
  out.Gauge("aiges_in_flight", "Licences in use.", static_cast<double>(d.queue.in_flight));
  out.Gauge("aiges_licences", "[fc] max.", static_cast<double>(d.queue.licences));
  out.Gauge("aiges_queue_depth", "Calls waiting.", static_cast<double>(d.queue.queued));
  out.Gauge("aiges_queue_bytes", "Payload bytes waiting.",
            static_cast<double>(d.queue.queued_bytes));
  std::array<unsigned, kInstanceStates> by_state{};
  uint64_t restarts = 0;
  for (const InstanceReport& i : d.instances.instances) {
    ++by_state[static_cast<size_t>(i.state)];
    if (i.starts > 0) restarts += i.starts - 1;
  }
  MetricFamily& states = out.Begin("aiges_instances", "Instances, by state.", MetricType::Gauge);
  for (size_t s = 0; s < by_state.size(); ++s) {
    Labelled(states, "state", StateName(static_cast<InstanceState>(s))).gauge.value = by_state[s];
  }
  out.Counter("aiges_instance_restarts_total", "Worker processes started again.", restarts);
  out.Counter("aiges_results_dropped_total",
              "Results and session items that came when nobody waited for them any more.",
              d.queue.unwanted + d.sessions.dropped);
  out.Counter("aiges_replays_total", "Calls that ran once more because their worker died.",
              d.queue.replayed);
  AddBatches(out, d.queue.batches);
  AddSessions(out, d.sessions);
  if (d.budget != nullptr) AddBudget(out, *d.budget);
  AddRegistry(out, d.registry);
  AddConfig(out, d.config);
  if (!d.instances.meters.empty()) {
    MetricFamily& meters = out.Begin("aiges_meter_total", "Units the engine counted, by its key.",
                                     MetricType::Counter);
    for (const auto& [key, count] : d.instances.meters) {
      Labelled(meters, "key", key).counter.value = static_cast<double>(count);
    }
  }
  return out.Text();
}

}  // namespace aiges
