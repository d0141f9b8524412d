// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_svg.h"

#include <algorithm>
#include <cmath>

#include "loader/base/strings.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

// In units of the viewBox. Small, so that text stays readable when a phone shrinks it.
constexpr double kWidth = 420, kHeight = 240;
constexpr double kLeft = 58, kRight = 12, kTop = 44, kBottom = 34;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr size_t kMostPoints = 600;
constexpr int kBars = 64;

std::string N(double value) { return ShownNumber(value, 1); }

std::string Text(double x, double y, const char* css, const std::string& text) {
  return StrCat("<text x=\"", N(x), "\" y=\"", N(y), "\" class=\"", css, "\">", Escaped(text),
                "</text>");
}

std::string Line(double x1, double y1, double x2, double y2, const char* css) {
  return StrCat("<line x1=\"", N(x1), "\" y1=\"", N(y1), "\" x2=\"", N(x2), "\" y2=\"", N(y2),
                "\" class=\"", css, "\"/>");
}

std::string Begin(const std::string& title) {
  return StrCat("<svg viewBox=\"0 0 ", N(kWidth), " ", N(kHeight), "\" role=\"img\" aria-label=\"",
                Escaped(title), "\">", Text(kLeft, 14, "title", title));
}

std::string Empty(const std::string& title) {
  return StrCat(Begin(title), Text(kWidth / 2, kHeight / 2, "mid", "nothing was measured"),
                "</svg>");
}

struct Axis {
  double low = 0, high = 1;
  bool log = false;

  double At(double value) const {
    const double span = log ? std::log10(high / low) : high - low;
    const double from = log ? std::log10(value / low) : value - low;
    return span > 0 ? std::clamp(from / span, 0.0, 1.0) : 0.5;
  }
};

double X(const Axis& axis, double v) { return kLeft + axis.At(v) * kPlotWidth; }
double Y(const Axis& axis, double v) { return kTop + (1 - axis.At(v)) * kPlotHeight; }

// 1, 2, 5, 10 .. between low and high; only 1, 10, 100 when that would be many.
std::vector<double> LogTicks(double low, double high) {
  std::vector<double> out;
  const double decades = std::log10(high / low);
  for (double unit = std::pow(10, std::floor(std::log10(low))); unit <= high; unit *= 10) {
    for (double step : {1.0, 2.0, 5.0}) {
      if (decades > 2.5 && step != 1) continue;
      if (unit * step >= low * 0.999 && unit * step <= high * 1.001) out.push_back(unit * step);
    }
  }
  while (out.size() > 8) {
    std::vector<double> fewer;
    for (size_t i = 0; i < out.size(); i += 2) fewer.push_back(out[i]);
    out = std::move(fewer);
  }
  return out;
}

std::string Short(double value) {
  if (value >= 1e9) return StrCat(ShownNumber(value / 1e9, 1), "G");
  if (value >= 1e6) return StrCat(ShownNumber(value / 1e6, 1), "M");
  if (value >= 1e4) return StrCat(ShownNumber(value / 1e3, 1), "k");
  return ShownNumber(value, value < 1 ? 2 : 1);
}

std::string Shown(Chart::Unit unit, double value) {
  return unit == Chart::Unit::kNanos ? ShownNanos(value) : Short(value);
}

bool Usable(const Chart& chart, const std::pair<double, double>& p) {
  return std::isfinite(p.first) && std::isfinite(p.second) && (!chart.log_y || p.second > 0);
}

// As many points as can be seen: of each group its lowest and highest, so that no peak is lost.
std::vector<std::pair<double, double>> Thinned(const Chart& chart, const Series& series) {
  std::vector<std::pair<double, double>> all;
  for (const auto& p : series.points) {
    if (Usable(chart, p)) all.push_back(p);
  }
  if (all.size() <= kMostPoints) return all;
  std::vector<std::pair<double, double>> out;
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

bool Range(const Chart& chart, Axis* x, Axis* y) {
  bool some = false;
  for (const Series& s : chart.series) {
    for (const auto& p : s.points) {
      if (!Usable(chart, p)) continue;
      x->low = some ? std::min(x->low, p.first) : p.first;
      x->high = some ? std::max(x->high, p.first) : p.first;
      y->low = some ? std::min(y->low, p.second) : p.second;
      y->high = some ? std::max(y->high, p.second) : p.second;
      some = true;
    }
  }
  y->log = chart.log_y;
  if (chart.log_y) {
    y->low *= 0.8;
    y->high *= 1.25;
  } else {
    y->low = std::min(0.0, y->low);
    y->high = y->high > y->low ? y->high * 1.05 : y->low + 1;
  }
  return some;
}

std::string Grid(const Chart& chart, const Axis& x, const Axis& y) {
  std::string out;
  for (double t : y.log ? LogTicks(y.low, y.high) : Ticks(y.low, y.high, 5)) {
    out += Line(kLeft, Y(y, t), kWidth - kRight, Y(y, t), "grid");
    out += Text(kLeft - 5, Y(y, t) + 3.5, "end", Shown(chart.y_unit, t));
  }
  for (double t : Ticks(x.low, x.high, 6)) {
    out += Text(X(x, t), kHeight - kBottom + 14, "mid", Short(t));
  }
  out += Line(kLeft, kTop + kPlotHeight, kWidth - kRight, kTop + kPlotHeight, "axis");
  out += Text(kWidth - kRight, kHeight - 5, "end", chart.x_name);
  return out;
}

std::string Legend(const Chart& chart) {
  std::string out;
  double at = kLeft;
  for (const Series& s : chart.series) {
    const std::string css = StrCat("line c", s.colour);
    out += Line(at, 28, at + 14, 28, css.c_str());
    out += Text(at + 18, 31.5, "label", s.name);
    at += 30 + 6.2 * static_cast<double>(s.name.size());
  }
  if (!chart.y_name.empty()) out += Text(kWidth - kRight, 31.5, "end", chart.y_name);
  return out;
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      // Control characters are not allowed in HTML, not even escaped.
      default:
        out.push_back(static_cast<unsigned char>(c) < 32 && c != '\n' ? ' ' : c);
    }
  }
  return out;
}

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
  Axis x, y;
  if (!Range(chart, &x, &y)) return Empty(chart.title);
  std::string out = Begin(chart.title) + Grid(chart, x, y) + Legend(chart);
  for (const Series& s : chart.series) {
    const auto points = Thinned(chart, s);
    if (points.size() == 1) {
      out += StrCat("<circle cx=\"", N(X(x, points[0].first)), "\" cy=\"",
                    N(Y(y, points[0].second)), "\" r=\"3\" class=\"dot c", s.colour, "\"/>");
      continue;
    }
    out += StrCat("<polyline class=\"line c", s.colour, "\" points=\"");
    for (const auto& p : points) out += StrCat(N(X(x, p.first)), ",", N(Y(y, p.second)), " ");
    out += "\"/>";
  }
  return out + "</svg>";
}

std::string HistogramChart(const std::string& title, const Histogram& h) {
  if (h.count() == 0) return Empty(title);
  Axis x{std::max(1.0, static_cast<double>(h.min())), static_cast<double>(h.max()), true};
  x.high = std::max(x.high * 1.001, x.low * 1.1);
  const double decades = std::log10(x.high / x.low);
  std::vector<double> bars(kBars);
  for (const Histogram::Bucket& b : h.Buckets()) {
    const double value = std::clamp(static_cast<double>(b.upper), x.low, x.high);
    const int bar = std::min(kBars - 1, static_cast<int>(x.At(value) * kBars));
    bars[static_cast<size_t>(bar)] += static_cast<double>(b.count);
  }
  // From below 1, so that a single call can be seen.
  const Axis y{0.5, std::max(2.0, *std::max_element(bars.begin(), bars.end()) * 1.2), true};
  std::string out = Begin(title);
  for (double t : LogTicks(1, y.high)) {
    out += Line(kLeft, Y(y, t), kWidth - kRight, Y(y, t), "grid");
    out += Text(kLeft - 5, Y(y, t) + 3.5, "end", Short(t));
  }
  const double width = kPlotWidth / kBars;
  for (int i = 0; i < kBars; ++i) {
    const double n = bars[static_cast<size_t>(i)];
    if (n <= 0) continue;
    const double top = Y(y, n);
    const double from = x.low * std::pow(10, decades * i / kBars);
    const double to = x.low * std::pow(10, decades * (i + 1) / kBars);
    out +=
        StrCat("<rect class=\"bar\" x=\"", N(kLeft + i * width), "\" y=\"", N(top), "\" width=\"",
               N(std::max(1.0, width - 1)), "\" height=\"", N(kTop + kPlotHeight - top),
               "\"><title>", ShownNanos(from), " to ", ShownNanos(to), ": ",
               ShownCount(static_cast<uint64_t>(n)), " calls</title></rect>");
  }
  for (double t : LogTicks(x.low, x.high)) {
    out += Text(X(x, t), kHeight - kBottom + 14, "mid", ShownNanos(t));
  }
  double free = 0;  // Labels that would stand on each other are left out; the lines stay.
  for (double p : {50.0, 99.0, 99.9}) {
    const double at = X(x, std::max(x.low, static_cast<double>(h.Percentile(p))));
    out += Line(at, kTop, at, kTop + kPlotHeight, "mark");
    if (at < free) continue;
    out += Text(at, kTop - 4, "mid", StrCat("p", ShownNumber(p, 1)));
    free = at + 28;
  }
  out += Line(kLeft, kTop + kPlotHeight, kWidth - kRight, kTop + kPlotHeight, "axis");
  out += Text(kLeft - 5, kTop - 10, "end", "calls");
  return out + Text(kWidth - kRight, kHeight - 5, "end", "latency") + "</svg>";
}

}  // namespace aiges
