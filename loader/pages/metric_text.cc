// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/metric_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

const char* TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "untyped";
  }
}

// Labels escape quotes, help only in OpenMetrics.
void Escape(std::string_view text, bool quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\\') {
      *out += "\\\\";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '"' && quotes) {
      *out += "\\\"";
    } else {
      *out += c;
    }
  }
}

void AddLabel(std::string_view name, std::string_view value, std::string* out) {
  if (!out->empty()) *out += ',';
  *out += name;
  *out += "=\"";
  Escape(value, /*quotes=*/true, out);
  *out += '"';
}

template <class T, class... How>
void AddNumber(T value, std::string* out, How... how) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), value, how...);
  out->append(text, end.ptr);
}

// As printf has %g, so that a bound stays the series that it was; OpenMetrics has "1.0" where
// others have "1".
std::string BoundText(double bound, MetricFormat format) {
  if (std::isinf(bound)) return bound > 0 ? "+Inf" : "-Inf";
  std::string text;
  AddNumber(bound, &text, std::chars_format::general, 16);
  const bool whole = text.find_first_of(".e") == std::string::npos;
  if (whole && format == MetricFormat::kOpenMetrics) text += ".0";
  return text;
}

}  // namespace

BucketBounds::BucketBounds(std::span<const double> bounds) {
  for (const MetricFormat format : {MetricFormat::kPrometheus, MetricFormat::kOpenMetrics}) {
    std::vector<std::string>& texts = texts_[static_cast<size_t>(format)];
    for (const double bound : bounds) texts.push_back(BoundText(bound, format));
    texts.emplace_back("+Inf");
  }
}

MetricFormat MetricFormatFor(std::string_view accept) {
  return accept.find("application/openmetrics-text") != std::string_view::npos
             ? MetricFormat::kOpenMetrics
             : MetricFormat::kPrometheus;
}

const char* MetricContentType(MetricFormat format) {
  return format == MetricFormat::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

SeriesLabels SeriesLabels::With(std::string_view name, std::string_view value) const {
  SeriesLabels more = *this;
  AddLabel(name, value, &more.text_);
  return more;
}

void MetricText::Begin(std::string_view name, std::string_view help, Type type) {
  const bool open = format_ == MetricFormat::kOpenMetrics;
  const char* type_name = TypeName(type);
  // There a family of counters is named without the end of its samples; what an engine calls a
  // counter without it keeps its name, and has no type.
  std::string_view family = name;
  if (open && type == Type::Counter) {
    if (name.ends_with(kTotal)) {
      family.remove_suffix(kTotal.size());
    } else {
      type_name = "unknown";
    }
  } else if (open && type == Type::Untyped) {
    type_name = "unknown";
  }
  if (!help.empty()) {
    out_ += "# HELP ";
    out_ += family;
    out_ += ' ';
    Escape(help, /*quotes=*/open, &out_);
    out_ += '\n';
  }
  out_ += "# TYPE ";
  out_ += family;
  out_ += ' ';
  out_ += type_name;
  out_ += '\n';
  name_ = name;
}

void MetricText::Number(uint64_t value) { AddNumber(value, &out_); }

void MetricText::Number(double value) {
  if (std::isnan(value)) {
    out_ += "NaN";
  } else if (std::isinf(value)) {
    out_ += value > 0 ? "+Inf" : "-Inf";
  } else {
    AddNumber(value, &out_);
  }
}

template <class Sample>
void MetricText::Line(std::string_view suffix, std::string_view labels, Sample value) {
  out_ += name_;
  out_ += suffix;
  if (!labels.empty()) {
    out_ += '{';
    out_ += labels;
    out_ += '}';
  }
  out_ += ' ';
  Number(value);
  out_ += '\n';
}

void MetricText::Totals(std::string_view labels, double sum, uint64_t count) {
  Line("_sum", labels, sum);
  Line("_count", labels, count);
}

void MetricText::Value(const SeriesLabels& labels, double value) { Line("", labels.text(), value); }

void MetricText::Value(const SeriesLabels& labels, uint64_t value) {
  Line("", labels.text(), value);
}

void MetricText::Value(const SeriesLabels& labels, std::string_view label, std::string_view of,
                       uint64_t value) {
  out_ += name_;
  out_ += '{';
  out_ += labels.text();
  if (!labels.text().empty()) out_ += ',';
  out_ += label;
  out_ += "=\"";
  Escape(of, /*quotes=*/true, &out_);
  out_ += "\"} ";
  Number(value);
  out_ += '\n';
}

// Without the end of its line.
void MetricText::Bucket(std::string_view labels, std::string_view bound, uint64_t below) {
  out_ += name_;
  out_ += "_bucket{";
  out_ += labels;
  out_ += labels.empty() ? "le=\"" : ",le=\"";
  out_ += bound;
  out_ += "\"} ";
  Number(below);
}

void MetricText::AddExemplar(const Exemplar& exemplar) {
  out_ += StrCat(" # {trace_id=\"", TraceIdText(exemplar.trace), "\"} ");
  Number(std::chrono::duration<double>(exemplar.value).count());
  char at[40];
  const double seconds = std::chrono::duration<double>(exemplar.at.time_since_epoch()).count();
  std::snprintf(at, sizeof(at), " %.3f", seconds);
  out_ += at;
}

void MetricText::Histogram(const SeriesLabels& labels, const Distribution& d) {
  uint64_t below = 0;
  for (size_t i = 0; i < d.counts.size(); ++i) {
    below += d.counts[i];
    Bucket(labels.text(), d.bounds.Text(format_, i), below);
    const bool open = format_ == MetricFormat::kOpenMetrics && d.exemplars != nullptr;
    if (open && (*d.exemplars)[i].trace.valid()) AddExemplar((*d.exemplars)[i]);
    out_ += '\n';
  }
  Totals(labels.text(), d.sum, below);
}

void MetricText::Add(const prometheus::MetricFamily& family) {
  Begin(family.name, family.help, family.type);
  for (const ClientMetric& metric : family.metric) {
    SeriesLabels labels;
    for (const ClientMetric::Label& l : metric.label) labels = labels.With(l.name, l.value);
    if (family.type != Type::Histogram) {
      Value(labels, family.type == Type::Counter ? metric.counter.value : metric.gauge.value);
      continue;
    }
    // Theirs are cumulative already, and need not grow.
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      Bucket(labels.text(), BoundText(bucket.upper_bound, format_), bucket.cumulative_count);
      out_ += '\n';
    }
    Totals(labels.text(), metric.histogram.sample_sum, metric.histogram.sample_count);
  }
}

std::string MetricText::Take() && {
  if (format_ == MetricFormat::kOpenMetrics) out_ += "# EOF\n";
  return std::move(out_);
}

}  // namespace aiges
