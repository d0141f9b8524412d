// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/pages.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "loader/base/strings.h"
#include "loader/pages/engine_metrics.h"

namespace aiges {
namespace {

using Type = MetricText::Type;
using ModelLabels = std::vector<prometheus::ClientMetric::Label>;

void AddHistogram(MetricText& out, const char* stage, const LatencyHistogram& from,
                  const SeriesLabels& labels, const Exemplars::Buckets* exemplars = nullptr) {
  static const BucketBounds bounds(LatencyHistogram::kBounds);
  std::array<uint64_t, LatencyHistogram::kBounds.size() + 1> counts;
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = from.count(i);
  out.Histogram(labels.With("stage", stage), {bounds, counts, from.sum_seconds(), exemplars});
}

// How many calls ran as one, a sample for each run of the engine.
void AddBatches(MetricText& out, const std::map<unsigned, uint64_t>& by_size,
                const SeriesLabels& labels) {
  static constexpr std::array<double, 11> kBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  static const BucketBounds bounds(kBounds);
  std::array<uint64_t, kBounds.size() + 1> counts{};
  double sum = 0;
  for (const auto& [size, count] : by_size) {
    const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), size);
    counts[static_cast<size_t>(bound - kBounds.begin())] += count;
    sum += static_cast<double>(size * count);
  }
  out.Histogram(labels, {bounds, counts, sum});
}

// A model, and the labels that its series have.
struct OfModel {
  OfModel(const ModelPage& model, ModelLabels all) : page(model), names(std::move(all)) {
    for (const auto& label : names) labels = labels.With(label.name, label.value);
  }

  const ModelPage& page;
  ModelLabels names;
  SeriesLabels labels;  // The same.
};

// The series of models: each family once, with a series for each of them.
class ModelSeries {
 public:
  ModelSeries(MetricText* out, const std::vector<OfModel>& models) : out_(*out), models_(models) {}

  template <class Get>
  void Gauge(const char* name, const char* help, const Get& get) {
    Each(name, help, Type::Gauge, get);
  }
  template <class Get>
  void Counter(const char* name, const char* help, const Get& get) {
    Each(name, help, Type::Counter, get);
  }
  // A series for each entry of a map.
  template <class Get>
  void Counters(const char* name, const char* help, const char* label, const Get& get) {
    out_.Begin(name, help, Type::Counter);
    for (const OfModel& m : models_) {
      for (const auto& [key, count] : get(m.page)) out_.Value(m.labels, label, Text(key), count);
    }
  }
  void All();

 private:
  template <class Get>
  void Each(const char* name, const char* help, Type type, const Get& get) {
    out_.Begin(name, help, type);
    for (const OfModel& m : models_) out_.Value(m.labels, uint64_t{get(m.page)});
  }
  static std::string Text(int key) { return std::to_string(key); }
  static const std::string& Text(const std::string& key) { return key; }
  void Calls();
  void Instances();
  void Devices();
  void Sessions();
  void OfEngines();

  MetricText& out_;
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
  out_.Begin("aiges_latency_seconds", "Time of a call, by stage.", Type::Histogram);
  for (const OfModel& m : models_) {
    const StageHistograms& h = *m.page.histograms;
    const Exemplars::Buckets examples = h.examples.Now();
    AddHistogram(out_, "queue", h.queue, m.labels);
    AddHistogram(out_, "channel", h.channel, m.labels);
    AddHistogram(out_, "engine", h.engine, m.labels);
    AddHistogram(out_, "total", h.total, m.labels, &examples);
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
  out_.Begin("aiges_batch_size", "Once calls that ran as one.", Type::Histogram);
  for (const OfModel& m : models_) AddBatches(out_, m.page.queue.batches, m.labels);
}

// Joins an instance with what exporters of GPUs tell of their UUIDs.
void ModelSeries::Devices() {
  bool begun = false;
  for (const OfModel& m : models_) {
    for (const InstanceReport& i : m.page.instances.instances) {
      for (const GpuDevice& gpu : i.gpus) {
        if (!begun) {
          out_.Begin("aiges_instance_device_info", "GPUs of an instance ([instances] gpus).",
                     Type::Gauge);
          begun = true;
        }
        out_.Value(m.labels.With("worker", std::to_string(i.index))
                       .With("index", gpu.index)
                       .With("uuid", gpu.uuid)
                       .With("bus", gpu.bus),
                   uint64_t{1});
      }
    }
  }
}

void ModelSeries::Instances() {
  out_.Begin("aiges_instances", "Instances, by state.", Type::Gauge);
  for (const OfModel& m : models_) {
    std::array<unsigned, kInstanceStates> by_state{};
    for (const InstanceReport& i : m.page.instances.instances) {
      ++by_state[static_cast<size_t>(i.state)];
    }
    for (size_t s = 0; s < by_state.size(); ++s) {
      out_.Value(m.labels, "state", StateName(static_cast<InstanceState>(s)), by_state[s]);
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
      told.push_back({*i.metrics, m.names});
      told.back().labels.push_back({"worker", std::to_string(i.index)});
    }
  }
  if (told.empty()) return;
  size_t left_out = 0;
  for (const auto& family : EngineMetrics(told, &left_out)) out_.Add(family);
  out_.Gauge("aiges_engine_metrics_left_out", "Families and series of engines that cannot be used.",
             uint64_t{left_out});
}

// Those that have been loaded; what only lies in a folder costs no series.
std::vector<OfModel> NamedModels(const PageData& d) {
  std::vector<OfModel> named;
  for (const ModelPage& page : d.models) {
    if (!page.used) continue;
    named.emplace_back(page,
                       ModelLabels{{"model", page.model.name}, {"version", page.model.version}});
  }
  return named;
}

void AddStates(MetricText& out, const std::vector<OfModel>& models) {
  ModelSeries series(&out, models);
  series.Gauge("aiges_ready", "1 when a call of the model sent now can be served.",
               [](const ModelPage& m) { return m.model.state == ModelState::kReady; });
  series.Gauge("aiges_model_memory_bytes", "Resident memory of the workers of the model.",
               [](const ModelPage& m) { return m.model.memory_bytes; });
  out.Begin("aiges_model_state", "1 for the state that the model is in.", Type::Gauge);
  for (const OfModel& m : models) {
    out.Value(m.labels, "state", StateName(m.page.model.state), 1);
  }
}

void AddRegistry(MetricText& out, const RegistryReport& r) {
  if (r.backend == "none") return;
  out.Gauge("aiges_registry_connected", "1 when the registry answered the last request.",
            uint64_t{r.connected});
  out.Gauge("aiges_registry_registered", "1 when others can find this loader.",
            uint64_t{r.registered});
  out.Counter("aiges_registry_requests_total", "Requests to the registry.", r.requests);
  out.Counter("aiges_registry_failures_total", "Of these, without a good answer.", r.failures);
}

void AddConfig(MetricText& out, const ConfigReport& c) {
  if (c.revision.empty()) return;
  out.Begin("aiges_config_info", "The revision in force.", Type::Gauge);
  out.Value({}, "revision", c.revision, 1);
  out.Begin("aiges_config_pushes_total", "Trees of the config centre, by what came of them.",
            Type::Counter);
  out.Value({}, "result", "applied", c.applied);
  out.Value({}, "result", "refused", c.refused);
  out.Gauge("aiges_config_refused", "1 when the newest tree is not in force.",
            uint64_t{!c.refusal.empty()});
  out.Gauge("aiges_config_cached", "1 when the centre was away at start and has not come back.",
            uint64_t{c.cached});
  out.Gauge("aiges_config_restart_keys", "Changed keys that wait for the next start.",
            uint64_t{c.restart.size()});
}

void AddEntitlement(MetricText& out, const EntitlementReport& e) {
  if (!e.on) return;
  out.Gauge("aiges_entitlement_seconds_left", "To the end of the entitlement; below 0: in grace.",
            static_cast<double>(e.left_s));
  out.Gauge("aiges_entitlement_valid", "1 when it allows calls.", uint64_t{e.refusal.empty()});
  out.Gauge("aiges_entitlement_calls_today", "Calls that it counts, of this day in UTC.",
            uint64_t{e.calls_today});
  out.Counter("aiges_entitlement_refused_total", "Calls refused because of it.", e.refused);
}

void AddMetering(MetricText& out, const MeteringReport& m) {
  if (!m.on) return;
  out.Counter("aiges_usage_records_total", "Usage records written.", m.records);
  out.Counter("aiges_usage_dropped_total", "Usage records lost for want of room.", m.dropped);
  out.Counter("aiges_usage_refused_calls_total",
              "Calls refused because there was no room for their usage records.", m.refused);
  out.Gauge("aiges_usage_waiting", "Usage records that the sink has not taken.",
            uint64_t{m.waiting});
  out.Gauge("aiges_usage_bytes", "Of files of such records.", uint64_t{m.bytes});
  out.Gauge("aiges_usage_max_bytes", "[metering] max_mb.", uint64_t{m.max_bytes});
  out.Counter("aiges_usage_delivered_total", "Usage records that the sink has taken.", m.delivered);
  out.Counter("aiges_usage_sink_failures_total", "Deliveries that failed.", m.sink_failures);
  out.Counter("aiges_usage_dead_letters_total", "Usage records that the sink has refused.",
              m.dead_letters);
  out.Counter("aiges_usage_disk_failures_total",
              "Times that usage records could not be made durable, or were found broken.",
              m.sync_failures);
}

void AddBudget(MetricText& out, const Budget& budget) {
  const auto each = [&](const char* name, const char* help, Type type, auto get) {
    out.Begin(name, help, type);
    for (const Account* account : {&budget.connections, &budget.input, &budget.output}) {
      out.Value({}, "limit", account->key(), get(*account));
    }
  };
  each("aiges_budget_used", "What is in use of a key of [limits].", Type::Gauge,
       [](const Account& a) { return a.used(); });
  each("aiges_budget_limit", "That key.", Type::Gauge, [](const Account& a) { return a.limit(); });
  each("aiges_budget_refusals_total", "What was refused because of it.", Type::Counter,
       [](const Account& a) { return a.refused(); });
}

void AddLimits(MetricText& out, const LimitsReport& limits) {
  if (!limits.on) return;
  out.Begin("aiges_limit_refused_total", "Calls and sessions beyond a limit of their caller.",
            Type::Counter);
  for (size_t i = 0; i < kLimitUnits; ++i) {
    out.Value({}, "limit", UnitName(static_cast<LimitUnit>(i)), limits.refused[i]);
  }
  out.Gauge("aiges_limit_callers", "Callers of whom something is counted now.", limits.callers);
  out.Gauge("aiges_limit_hosts", "Loaders that share the limits.", uint64_t{limits.hosts});
  out.Counter("aiges_limit_crowded_total",
              "Times that a caller was counted together with others, for want of room.",
              limits.crowded);
  out.Gauge("aiges_limit_file_refused", "1 when the file as it is now is not in force.",
            uint64_t{!limits.problem.empty()});
}

void AddSpans(MetricText& out, const SpanCounts& spans) {
  out.Begin("aiges_spans_total", "Spans by what became of them.", Type::Counter);
  for (const auto& [outcome, n] :
       {std::pair("sent", spans.sent), {"rejected", spans.rejected}, {"dropped", spans.dropped}}) {
    out.Value({}, "outcome", outcome, n);
  }
}

}  // namespace

std::string MetricsPage(const PageData& d, MetricFormat format) {
  MetricText out(format);
  if (d.several) {
    const std::vector<OfModel> models = NamedModels(d);
    out.Gauge("aiges_host_ready", "1 when the loader takes calls.", uint64_t{d.ready});
    AddStates(out, models);
    ModelSeries(&out, models).All();
  } else {
    ModelPage one;
    one.queue = d.queue;
    one.sessions = d.sessions;
    one.instances = d.instances;
    one.histograms = d.histograms;
    out.Gauge("aiges_ready", "1 when a call sent now can be served.", uint64_t{d.ready});
    const std::vector<OfModel> models{OfModel(one, {})};
    ModelSeries(&out, models).All();
  }
  out.Gauge("aiges_licences", "[fc] max.", uint64_t{d.queue.licences});
  if (d.budget != nullptr) AddBudget(out, *d.budget);
  AddRegistry(out, d.registry);
  AddConfig(out, d.config);
  if (d.spans) AddSpans(out, *d.spans);
  if (d.audit_lost) {
    out.Counter("aiges_audit_lost_total", "Lines that [access] audit_log does not have.",
                *d.audit_lost);
  }
  AddMetering(out, d.metering);
  AddEntitlement(out, d.entitlement);
  AddLimits(out, d.limits);
  return std::move(out).Take();
}

}  // namespace aiges
