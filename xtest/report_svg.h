// SPDX-License-Identifier: Apache-2.0
// xtest/report_svg.h: charts as inline SVG, coloured by the classes of report_html.cc. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xtest/histogram.h"

namespace aiges {

struct Series {
  std::string name;
  int colour = 1;                                 // Class c1 .. c4.
  std::vector<std::pair<double, double>> points;  // x rising; NaN and infinity are left out.
};

struct Chart {
  enum class Unit { kPlain, kNanos };
  std::string title;
  std::string x_name, y_name;
  Unit y_unit = Unit::kPlain;
  bool log_y = false;  // Values of 0 and less are left out.
  std::vector<Series> series;
};

std::string LineChart(const Chart& chart);

// Counts by latency, both axes logarithmic: the few slow calls are what one looks for.
std::string HistogramChart(const std::string& title, const Histogram& histogram);

// For text and attributes of HTML.
std::string Escaped(std::string_view text);

// Round values that cover low .. high, about `wanted` of them.
std::vector<double> Ticks(double low, double high, int wanted);

}  // namespace aiges
