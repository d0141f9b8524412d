// SPDX-License-Identifier: Apache-2.0
// xtest/report_charts.h: the charts of report.html, as data that loader/pages/web/chart.js draws:
// the same code that draws those of the status page. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xtest/histogram.h"

namespace aiges {

// A stretch of a line; x rises. NaN and infinity are left out.
using Stretch = std::vector<std::pair<double, double>>;

struct Series {
  std::string name;
  std::vector<Stretch> runs;
};

struct Chart {
  enum class Unit { kPlain, kNanos };
  std::string title;
  std::string x_name;
  Unit y_unit = Unit::kPlain;
  bool log_y = false;  // Values of 0 and less are left out.
  bool dots = false;   // Each value is a point of its own, beside the line.
  std::vector<Series> series;
};

// <figure>, whose attribute data-chart holds the values.
std::string LineChart(const Chart& chart);

// Counts by latency, both axes logarithmic: the few slow calls are what one looks for.
std::string HistogramChart(const std::string& title, const Histogram& histogram);

// Round values that cover low .. high, about `wanted` of them.
std::vector<double> Ticks(double low, double high, int wanted);

}  // namespace aiges
