// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/pages.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>
#include <vector>

#include "loader/base/strings.h"
#include "loader/pages/engine_metrics.h"

namespace aiges {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

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
  void Add(MetricFamily family) { all_.push_back(std::move(family)); }
  std::string Text() const { return prometheus::TextSerializer().Serialize(all_); }

 private:
  std::vector<MetricFamily> all_;
};

ClientMetric& Labelled(MetricFamily& family, const char* label, const std::string& value,
                       const Labels& more = {}) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = more;
  metric.label.push_back({label, value});
  return metric;
}

void AddHistogram(MetricFamily& family, const char* stage, const LatencyHistogram& from,
                  const Labels& labels) {
  ClientMetric& metric = Labelled(family, "stage", stage, labels);
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
void AddBatches(MetricFamily& family, const std::map<unsigned, uint64_t>& by_size,
                const Labels& labels) {
  static constexpr unsigned kBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = labels;
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

// A model, and the labels that its series have.
struct OfModel {
  const ModelPage& page;
  Labels labels;
};

// The series of models: each family once, with a series for each of them.
class ModelSeries {
 public:
  ModelSeries(Families* out, const std::vector<OfModel>& models) : out_(*out), models_(models) {}

  template <class Get>
  void Gauge(const char* name, const char* help, const Get& get) {
    Each(name, help, MetricType::Gauge, [&](ClientMetric* metric, const ModelPage& page) {
      metric->gauge.value = static_cast<double>(get(page));
    });
  }
  template <class Get>
  void Counter(const char* name, const char* help, const Get& get) {
    Each(name, help, MetricType::Counter, [&](ClientMetric* metric, const ModelPage& page) {
      metric->counter.value = static_cast<double>(get(page));
    });
  }
  // A series for each entry of a map.
  template <class Get>
  void Counters(const char* name, const char* help, const char* label, const Get& get) {
    MetricFamily& family = out_.Begin(name, help, MetricType::Counter);
    for (const OfModel& m : models_) {
      for (const auto& [key, count] : get(m.page)) {
        Labelled(family, label, Text(key), m.labels).counter.value = static_cast<double>(count);
      }
    }
  }
  void All();

 private:
  template <class Set>
  void Each(const char* name, const char* help, MetricType type, const Set& set) {
    MetricFamily& family = out_.Begin(name, help, type);
    for (const OfModel& m : models_) {
      ClientMetric& metric = family.metric.emplace_back();
      metric.label = m.labels;
      set(&metric, m.page);
    }
  }
  static std::string Text(int key) { return std::to_string(key); }
  static std::string Text(const std::string& key) { return key; }
  void Calls();
  void Instances();
  void Devices();
  void Sessions();
  void OfEngines();

  Families& out_;
  const std::vector<OfModel>& models_;
};

void ModelSeries::All() {
  Counters("aiges_requests_total", "Calls answered, by loader code (0 is success).", "code",
           [](const ModelPage& m) { return m.queue.answers; });
  Calls();
  Instances();
  Sessions();
  OfEngines();
  const bool metered = std::any_of(models_.begin(), models_.end(), [](const OfModel& m) {
    return !m.page.instances.meters.empty();
  });
  if (!metered) return;
  Counters("aiges_meter_total", "Units the engine counted, by its key.", "key",
           [](const ModelPage& m) { return m.instances.meters; });
}

void ModelSeries::Calls() {
  MetricFamily& latency =
      out_.Begin("aiges_latency_seconds", "Time of a call, by stage.", MetricType::Histogram);
  for (const OfModel& m : models_) {
    AddHistogram(latency, "queue", m.page.histograms->queue, m.labels);
    AddHistogram(latency, "channel", m.page.histograms->channel, m.labels);
    AddHistogram(latency, "engine", m.page.histograms->engine, m.labels);
    AddHistogram(latency, "total", m.page.histograms->total, m.labels);
  }
  Gauge("aiges_in_flight", "Licences in use.",
        [](const ModelPage& m) { return m.queue.in_flight; });
  Gauge("aiges_running", "Calls and sessions that engines work on.",
        [](const ModelPage& m) { return m.queue.running + m.sessions.open; });
  Gauge("aiges_queue_depth", "Calls waiting.", [](const ModelPage& m) { return m.queue.queued; });
  Gauge("aiges_queue_bytes", "Payload bytes waiting.",
        [](const ModelPage& m) { return m.queue.queued_bytes; });
  Counter("aiges_results_dropped_total",
          "Results and session items that came when nobody waited for them any more.",
          [](const ModelPage& m) { return m.queue.unwanted + m.sessions.dropped; });
  Counter("aiges_replays_total", "Calls that ran once more because their worker died.",
          [](const ModelPage& m) { return m.queue.replayed; });
  MetricFamily& batches =
      out_.Begin("aiges_batch_size", "Once calls that ran as one.", MetricType::Histogram);
  for (const OfModel& m : models_) AddBatches(batches, m.page.queue.batches, m.labels);
}

// Joins an instance with what exporters of GPUs tell of their UUIDs.
void ModelSeries::Devices() {
  MetricFamily family;
  for (const OfModel& m : models_) {
    for (const InstanceReport& i : m.page.instances.instances) {
      for (const GpuDevice& gpu : i.gpus) {
        ClientMetric& metric = Labelled(family, "instance", std::to_string(i.index), m.labels);
        metric.label.push_back({"index", gpu.index});
        metric.label.push_back({"uuid", gpu.uuid});
        metric.label.push_back({"bus", gpu.bus});
        metric.gauge.value = 1;
      }
    }
  }
  if (family.metric.empty()) return;
  out_.Begin("aiges_instance_device_info", "GPUs of an instance ([instances] gpus).",
             MetricType::Gauge)
      .metric = std::move(family.metric);
}

void ModelSeries::Instances() {
  MetricFamily& states = out_.Begin("aiges_instances", "Instances, by state.", MetricType::Gauge);
  for (const OfModel& m : models_) {
    std::array<unsigned, kInstanceStates> by_state{};
    for (const InstanceReport& i : m.page.instances.instances) {
      ++by_state[static_cast<size_t>(i.state)];
    }
    for (size_t s = 0; s < by_state.size(); ++s) {
      Labelled(states, "state", StateName(static_cast<InstanceState>(s)), m.labels).gauge.value =
          by_state[s];
    }
  }
  Devices();
  Counter("aiges_instance_restarts_total", "Worker processes started again.",
          [](const ModelPage& m) {
            uint64_t restarts = m.instances.earlier_restarts;
            for (const InstanceReport& i : m.instances.instances) {
              if (i.starts > 0) restarts += i.starts - 1;
            }
            return restarts;
          });
}

void ModelSeries::Sessions() {
  Gauge("aiges_sessions_open", "Sessions that are not over.",
        [](const ModelPage& m) { return m.sessions.open; });
  Counter("aiges_sessions_total", "Sessions opened.",
          [](const ModelPage& m) { return m.sessions.opened; });
  Counters("aiges_session_failures_total", "Sessions that ended with an error, by loader code.",
           "code", [](const ModelPage& m) { return m.sessions.failures; });
  Counter("aiges_sessions_aborted_total", "Sessions that the client ended.",
          [](const ModelPage& m) { return m.sessions.aborted; });
  Counter("aiges_sessions_expired_total", "Sessions that ended by idle time.",
          [](const ModelPage& m) { return m.sessions.expired; });
  Counter("aiges_session_items_total", "Output batches given to clients.",
          [](const ModelPage& m) { return m.sessions.batches; });
  Gauge("aiges_session_input_bytes", "Input that engines have not taken.",
        [](const ModelPage& m) { return m.sessions.input_bytes; });
}

void ModelSeries::OfEngines() {
  std::vector<ToldMetrics> told;
  for (const OfModel& m : models_) {
    for (const InstanceReport& i : m.page.instances.instances) {
      if (i.metrics == nullptr) continue;
      told.push_back({*i.metrics, m.labels});
      told.back().labels.push_back({"worker", std::to_string(i.index)});
    }
  }
  if (told.empty()) return;
  size_t left_out = 0;
  for (MetricFamily& family : EngineMetrics(told, &left_out)) out_.Add(std::move(family));
  out_.Gauge("aiges_engine_metrics_left_out", "Families and series of engines that cannot be used.",
             static_cast<double>(left_out));
}

// Those that have been loaded; what only lies in a folder costs no series.
std::vector<OfModel> NamedModels(const PageData& d) {
  std::vector<OfModel> named;
  for (const ModelPage& page : d.models) {
    if (!page.used) continue;
    named.push_back({page, {{"model", page.model.name}, {"version", page.model.version}}});
  }
  return named;
}

void AddStates(Families& out, const std::vector<OfModel>& models) {
  ModelSeries series(&out, models);
  series.Gauge("aiges_ready", "1 when a call of the model sent now can be served.",
               [](const ModelPage& m) { return m.model.state == ModelState::kReady ? 1 : 0; });
  series.Gauge("aiges_model_memory_bytes", "Resident memory of the workers of the model.",
               [](const ModelPage& m) { return m.model.memory_bytes; });
  MetricFamily& state =
      out.Begin("aiges_model_state", "1 for the state that the model is in.", MetricType::Gauge);
  for (const OfModel& m : models) {
    Labelled(state, "state", StateName(m.page.model.state), m.labels).gauge.value = 1;
  }
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

void AddEntitlement(Families& out, const EntitlementReport& e) {
  if (!e.on) return;
  out.Gauge("aiges_entitlement_seconds_left", "To the end of the entitlement; below 0: in grace.",
            static_cast<double>(e.left_s));
  out.Gauge("aiges_entitlement_valid", "1 when it allows calls.", e.refusal.empty() ? 1 : 0);
  out.Gauge("aiges_entitlement_calls_today", "Calls that it counts, of this day in UTC.",
            static_cast<double>(e.calls_today));
  out.Counter("aiges_entitlement_refused_total", "Calls refused because of it.", e.refused);
}

void AddMetering(Families& out, const MeteringReport& m) {
  if (!m.on) return;
  out.Counter("aiges_usage_records_total", "Usage records written.", m.records);
  out.Counter("aiges_usage_dropped_total", "Usage records lost for want of room.", m.dropped);
  out.Counter("aiges_usage_refused_calls_total",
              "Calls refused because there was no room for their usage records.", m.refused);
  out.Gauge("aiges_usage_waiting", "Usage records that the sink has not taken.",
            static_cast<double>(m.waiting));
  out.Gauge("aiges_usage_bytes", "Of files of such records.", static_cast<double>(m.bytes));
  out.Gauge("aiges_usage_max_bytes", "[metering] max_mb.", static_cast<double>(m.max_bytes));
  out.Counter("aiges_usage_delivered_total", "Usage records that the sink has taken.", m.delivered);
  out.Counter("aiges_usage_sink_failures_total", "Deliveries that failed.", m.sink_failures);
  out.Counter("aiges_usage_dead_letters_total", "Usage records that the sink has refused.",
              m.dead_letters);
  out.Counter("aiges_usage_disk_failures_total",
              "Times that usage records could not be made durable, or were found broken.",
              m.sync_failures);
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

void AddSpans(Families& out, const SpanCounts& spans) {
  MetricFamily& family =
      out.Begin("aiges_spans_total", "Spans by what became of them.", MetricType::Counter);
  for (const auto& [outcome, n] :
       {std::pair("sent", spans.sent), {"rejected", spans.rejected}, {"dropped", spans.dropped}}) {
    Labelled(family, "outcome", outcome).counter.value = static_cast<double>(n);
  }
}

}  // namespace

std::string MetricsPage(const PageData& d) {
  Families out;
  if (d.several) {
    const std::vector<OfModel> models = NamedModels(d);
    out.Gauge("aiges_host_ready", "1 when the loader takes calls.", d.ready ? 1 : 0);
    AddStates(out, models);
    ModelSeries(&out, models).All();
  } else {
    ModelPage one;
    one.queue = d.queue;
    one.sessions = d.sessions;
    one.instances = d.instances;
    one.histograms = d.histograms;
    out.Gauge("aiges_ready", "1 when a call sent now can be served.", d.ready ? 1 : 0);
    const std::vector<OfModel> models{{one, {}}};
    ModelSeries(&out, models).All();
  }
  out.Gauge("aiges_licences", "[fc] max.", static_cast<double>(d.queue.licences));
  if (d.budget != nullptr) AddBudget(out, *d.budget);
  AddRegistry(out, d.registry);
  AddConfig(out, d.config);
  if (d.spans) AddSpans(out, *d.spans);
  AddMetering(out, d.metering);
  AddEntitlement(out, d.entitlement);
  return out.Text();
}

}  // namespace aiges
