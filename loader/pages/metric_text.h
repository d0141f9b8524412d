// SPDX-License-Identifier: Apache-2.0
// loader/pages/metric_text.h: writes /metrics: Prometheus text format 0.0.4, or OpenMetrics 1.0
// (https://prometheus.io/docs/specs/om/open_metrics_spec/), which has exemplars, too.
//
// Straight into one text, as pickers of endpoints ask for it twenty times a second: samples have no
// form between what was counted and the line. One thread at a time.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/exemplars.h"

namespace aiges {

enum class MetricFormat : uint8_t { kPrometheus, kOpenMetrics };

// By the Accept header of who asks; Prometheus lists OpenMetrics first where it can read it.
MetricFormat MetricFormatFor(std::string_view accept);
const char* MetricContentType(MetricFormat format);

// Labels as they stand between the braces, made once for all series that have them.
class SeriesLabels {
 public:
  SeriesLabels With(std::string_view name, std::string_view value) const;
  std::string_view text() const { return text_; }

 private:
  std::string text_;
};

// Upper bounds of buckets as they stand in labels, made once: numbers take longest to write.
class BucketBounds {
 public:
  explicit BucketBounds(std::span<const double> bounds);
  std::string_view Text(MetricFormat format, size_t bucket) const {
    return texts_[static_cast<size_t>(format)][bucket];
  }

 private:
  std::array<std::vector<std::string>, 2> texts_;  // With that of +Inf behind them.
};

class MetricText {
 public:
  using Type = prometheus::MetricType;
  // Counts of buckets, each of its own; the last is of what is above all bounds.
  struct Distribution {
    const BucketBounds& bounds;
    std::span<const uint64_t> counts;
    double sum = 0;
    const Exemplars::Buckets* exemplars = nullptr;  // As many as counts; nullptr: none.
  };

  explicit MetricText(MetricFormat format) : format_(format) {}

  // The family of the samples to come. Counters have names that end in _total.
  void Begin(std::string_view name, std::string_view help, Type type);
  void Value(const SeriesLabels& labels, double value);
  void Value(const SeriesLabels& labels, uint64_t value);
  // With one label more.
  void Value(const SeriesLabels& labels, std::string_view label, std::string_view of,
             uint64_t value);
  void Histogram(const SeriesLabels& labels, const Distribution& d);

  // A family with one series.
  template <class Number>
  void Gauge(std::string_view name, std::string_view help, Number value) {
    Begin(name, help, Type::Gauge);
    Value({}, value);
  }
  void Counter(std::string_view name, std::string_view help, uint64_t value) {
    Begin(name, help, Type::Counter);
    Value({}, value);
  }
  // A whole family as others have it.
  void Add(const prometheus::MetricFamily& family);

  // What was written; nothing may follow.
  std::string Take() &&;

 private:
  template <class Sample>
  void Line(std::string_view suffix, std::string_view labels, Sample value);
  void Totals(std::string_view labels, double sum, uint64_t count);  // Of a histogram.
  void Number(double value);
  void Number(uint64_t value);
  void Bucket(std::string_view labels, std::string_view bound, uint64_t below);
  void AddExemplar(const Exemplar& exemplar);

  const MetricFormat format_;
  std::string name_;  // That samples have.
  std::string out_;
};

}  // namespace aiges
