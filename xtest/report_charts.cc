// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_charts.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "loader/base/html.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostPoints = 600;
constexpr int kBars = 48;

// Four digits are more than a chart shows.
double Rounded(double value) {
  if (value == 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(std::abs(value))) - 4);
  return std::round(value / unit) * unit;
}

// Numbers as they are read best: 1200000 rather than 1199999.9999.
Json Number(double value) {
  const double rounded = Rounded(value);
  if (std::abs(rounded) < 1e15 && std::abs(rounded - std::round(rounded)) < 1e-9) {
    return static_cast<int64_t>(std::llround(rounded));
  }
  return rounded;
}

bool Usable(const Chart& chart, const std::pair<double, double>& p) {
  return std::isfinite(p.first) && std::isfinite(p.second) && (!chart.log_y || p.second > 0);
}

// As many points as can be seen: of each group its lowest and highest, so that no peak is lost.
Stretch Thinned(const Chart& chart, const Stretch& run) {
  Stretch all;
  for (const auto& p : run) {
    if (Usable(chart, p)) all.push_back(p);
  }
  if (all.size() <= kMostPoints) return all;
  Stretch out;
  const size_t group = (2 * all.size() + kMostPoints - 1) / kMostPoints;
  for (size_t at = 0; at < all.size(); at += group) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(at + group, all.size()));
    const auto [low, high] = std::minmax_element(
        begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    out.push_back(*std::min(low, high));
    if (low != high) out.push_back(*std::max(low, high));
  }
  return out;
}

// The title stands there also where no script runs.
std::string Figure(const std::string& title, const Json& told) {
  return StrCat("<figure data-chart=\"",
                EscapedHtml(told.dump(-1, ' ', true, Json::error_handler_t::replace)),
                "\"><figcaption>", EscapedHtml(title), "</figcaption></figure>");
}

}  // namespace

std::vector<double> Ticks(double low, double high, int wanted) {
  std::vector<double> out;
  if (!(high > low) || !std::isfinite(high - low) || wanted < 1) return {low};
  const double rough = (high - low) / wanted;
  const double unit = std::pow(10, std::floor(std::log10(rough)));
  double step = unit * 10;
  for (double factor : {1.0, 2.0, 5.0}) {
    if (unit * factor >= rough) {
      step = unit * factor;
      break;
    }
  }
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i <= 2 * wanted; ++i) {
    const double tick = (first + i) * step;
    if (tick > high + step * 1e-9) break;
    out.push_back(tick);
  }
  return out;
}

std::string LineChart(const Chart& chart) {
  Json series = Json::array();
  for (const Series& s : chart.series) {
    Json runs = Json::array();
    for (const Stretch& run : s.runs) {
      Json points = Json::array();
      for (const auto& [x, y] : Thinned(chart, run)) {
        points.push_back(Json::array({Number(x), Number(y)}));
      }
      if (!points.empty()) runs.push_back(std::move(points));
    }
    series.push_back({{"name", s.name}, {"runs", std::move(runs)}});
  }
  return Figure(chart.title, {{"kind", "lines"},
                              {"title", chart.title},
                              {"x", chart.x_name},
                              {"unit", chart.y_unit == Chart::Unit::kNanos ? "ns" : ""},
                              {"log", chart.log_y},
                              {"dots", chart.dots},
                              {"series", std::move(series)}});
}

std::string HistogramChart(const std::string& title, const Histogram& h) {
  Json told = {
      {"kind", "bars"}, {"title", title}, {"bars", Json::array()}, {"marks", Json::array()}};
  if (h.count() == 0) return Figure(title, told);
  const double low = std::max(1.0, static_cast<double>(h.min()));
  const double high = std::max(static_cast<double>(h.max()) * 1.001, low * 1.1);
  const double decades = std::log10(high / low);
  std::vector<uint64_t> bars(kBars);
  for (const Histogram::Bucket& b : h.Buckets()) {
    const double value = std::clamp(static_cast<double>(b.upper), low, high);
    const int bar = static_cast<int>(std::log10(value / low) / decades * kBars);
    bars[static_cast<size_t>(std::clamp(bar, 0, kBars - 1))] += b.count;
  }
  for (int i = 0; i < kBars; ++i) {
    told["bars"].push_back(Json::array({Number(low * std::pow(10, decades * i / kBars)),
                                        Number(low * std::pow(10, decades * (i + 1) / kBars)),
                                        bars[static_cast<size_t>(i)]}));
  }
  for (const auto& [name, p] : {std::pair{"p50", 50.0}, {"p99", 99.0}, {"p99.9", 99.9}}) {
    told["marks"].push_back(Json::array({static_cast<double>(h.Percentile(p)), name}));
  }
  return Figure(title, told);
}

}  // namespace aiges
