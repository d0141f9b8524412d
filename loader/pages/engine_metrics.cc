// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/engine_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr size_t kMostName = 200;
constexpr size_t kMostLabels = 30;
constexpr size_t kMostBuckets = 200;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// As Prometheus has names; those of families may have colons.
bool IsName(std::string_view name, bool colons) {
  const auto fits = [colons](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || (colons && c == ':');
  };
  return !name.empty() && name.size() <= kMostName && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

const std::string* TextIn(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? found->get_ptr<const std::string*>() : nullptr;
}

// JSON has no numbers for what is not finite.
std::optional<double> Number(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "+Inf") return std::numeric_limits<double>::infinity();
  if (value == "-Inf") return -std::numeric_limits<double>::infinity();
  if (value == "NaN") return std::nan("");
  return std::nullopt;
}

std::optional<MetricType> TypeOf(const std::string* kind) {
  if (kind == nullptr) return std::nullopt;
  if (*kind == "counter") return MetricType::Counter;
  if (*kind == "gauge") return MetricType::Gauge;
  if (*kind == "histogram") return MetricType::Histogram;
  return std::nullopt;
}

// The engine's own, and those of the loader that it has not said itself.
bool ReadLabels(const json& series, const Labels& ours, Labels* out) {
  const auto found = series.find("labels");
  if (found != series.end()) {
    if (!found->is_object() || found->size() > kMostLabels) return false;
    for (const auto& [name, value] : found->items()) {
      const bool reserved = name == "worker" || name == "le" || name.starts_with("__");
      if (reserved || !IsName(name, /*colons=*/false) || !value.is_string()) return false;
      out->push_back({name, value.get<std::string>()});
    }
  }
  for (const ClientMetric::Label& label : ours) {
    const bool said = std::any_of(out->begin(), out->end(),
                                  [&](const auto& own) { return own.name == label.name; });
    if (!said) out->push_back(label);
  }
  return true;
}

bool ReadHistogram(const json& series, ClientMetric::Histogram* out) {
  const auto buckets = series.find("buckets"), sum = series.find("sum");
  if (buckets == series.end() || !buckets->is_array() || buckets->size() > kMostBuckets) {
    return false;
  }
  for (const json& bucket : *buckets) {
    if (!bucket.is_array() || bucket.size() != 2 || !bucket[1].is_number_unsigned()) return false;
    const std::optional<double> bound = Number(bucket[0]);
    if (!bound) return false;
    out->bucket.push_back({bucket[1].get<uint64_t>(), *bound});
  }
  if (out->bucket.empty() || !std::isinf(out->bucket.back().upper_bound)) return false;
  out->sample_count = out->bucket.back().cumulative_count;
  out->sample_sum = sum == series.end() ? 0 : Number(*sum).value_or(0);
  return true;
}

bool ReadSeries(const json& series, MetricType type, const Labels& ours, ClientMetric* out) {
  if (!series.is_object() || !ReadLabels(series, ours, &out->label)) return false;
  if (type == MetricType::Histogram) return ReadHistogram(series, &out->histogram);
  const auto found = series.find("value");
  const std::optional<double> value = found == series.end() ? std::nullopt : Number(*found);
  if (!value) return false;
  (type == MetricType::Counter ? out->counter.value : out->gauge.value) = *value;
  return true;
}

}  // namespace

std::vector<MetricFamily> EngineMetrics(const std::vector<ToldMetrics>& told, size_t* left_out) {
  std::map<std::string, MetricFamily> families;
  *left_out = 0;
  for (const ToldMetrics& each : told) {
    const json all = json::parse(each.text, nullptr, /*allow_exceptions=*/false);
    if (!all.is_array()) {
      ++*left_out;
      continue;
    }
    for (const json& family : all) {
      const bool object = family.is_object();
      const std::string* name = object ? TextIn(family, "name") : nullptr;
      const std::optional<MetricType> type = object ? TypeOf(TextIn(family, "kind")) : std::nullopt;
      const bool usable = name != nullptr && type && IsName(*name, /*colons=*/true) &&
                          !name->starts_with("aiges_") && family.contains("series") &&
                          family["series"].is_array();
      const auto known = usable ? families.find(*name) : families.end();
      if (!usable || (known != families.end() && known->second.type != *type)) {
        ++*left_out;
        continue;
      }
      MetricFamily& out = families[*name];
      out.name = *name;
      out.type = *type;
      if (const std::string* help = TextIn(family, "help")) out.help = *help;
      for (const json& series : family["series"]) {
        ClientMetric metric;
        if (ReadSeries(series, *type, each.labels, &metric)) {
          out.metric.push_back(std::move(metric));
        } else {
          ++*left_out;
        }
      }
    }
  }
  std::vector<MetricFamily> out;
  for (auto& [name, family] : families) out.push_back(std::move(family));
  return out;
}

}  // namespace aiges
