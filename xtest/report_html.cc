// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_html.h"

#include <algorithm>
#include <cmath>

#include "loader/base/html.h"
#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"
#include "xtest/report_charts.h"
#include "xtest/report_text.h"
#include "xtest/web/chart_css.h"  // These are made by CMake: of loader/pages/web, and of web/ here.
#include "xtest/web/chart_js.h"
#include "xtest/web/report_css.h"
#include "xtest/web/report_js.h"

namespace aiges {
namespace {

// One file that loads nothing: what is not in it may not run or be shown.
std::string Head() {
  return StrCat(R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>xtest report</title><style>
)",
                kReportCss, kChartCss, "</style></head><body><main>\n");
}

std::string Foot() {
  return StrCat("</main><script type=\"module\">\n", kChartJs, kReportJs,
                "</script></body></html>\n");
}

// As people write it: on the terminal it is plain ASCII, whose columns are counted in bytes.
std::string Time(double ns) {
  std::string text = ShownNanos(ns);
  if (const size_t at = text.find(" us"); at != std::string::npos) text.replace(at, 3, " \u00b5s");
  return text;
}

std::string Tile(const std::string& name, const std::string& value) {
  return StrCat("<div class=\"tile\"><span class=\"soft\">", EscapedHtml(name), "</span><b>",
                EscapedHtml(value), "</b></div>");
}

std::string Row(const std::vector<std::string>& cells, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells) out += StrCat("<", tag, ">", cell, "</", tag, ">");
  return out + "</tr>";
}

std::string TableOf(const std::string& rows) {
  return StrCat("<div class=\"scroll\"><table>", rows, "</table></div>");
}

std::vector<std::string> Latency(const Histogram& h) {
  std::vector<std::string> out;
  for (double p : {50.0, 90.0, 95.0, 99.0, 99.9}) {
    out.push_back(h.count() == 0 ? "-" : Time(static_cast<double>(h.Percentile(p))));
  }
  out.push_back(h.count() == 0 ? "-" : Time(static_cast<double>(h.max())));
  return out;
}

std::vector<std::string> Joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string Tiles(const RunResult& result) {
  Histogram all;
  uint64_t done = 0, failed = 0, unanswered = 0;
  double best = 0;
  for (const Step& s : result.steps) {
    all.Merge(s.latency.last);
    done += s.done;
    failed += s.failed;
    unanswered += s.unanswered;
    best = std::max(best, Throughput(s));
  }
  std::string out = "<div class=\"tiles\">";
  out += Tile(result.steps.size() > 1 ? "most good calls" : "good calls",
              StrCat(ShownNumber(best, 1), "/s"));
  out += Tile("p50", Time(static_cast<double>(all.Percentile(50))));
  out += Tile("p99", Time(static_cast<double>(all.Percentile(99))));
  out += Tile("max", Time(static_cast<double>(all.max())));
  out += Tile("calls", ShownCount(done));
  out += Tile("failed", ShownCount(failed));
  if (unanswered != 0) out += Tile("unanswered", ShownCount(unanswered));
  return out + "</div>";
}

std::string Steps(const RunResult& result) {
  std::string rows =
      Row({"rate", "sent", "done", "failed", "good/s", "p50", "p90", "p95", "p99", "p99.9", "max"},
          "th");
  bool silent = false;
  for (const Step& s : result.steps) {
    rows += Row(Joined({StepName(s), ShownCount(s.sent), ShownCount(s.done), ShownCount(s.failed),
                        ShownNumber(Throughput(s), 1)},
                       Latency(s.latency.last)),
                "td");
    silent |= NoAnswer(s) != 0;
    if (NoAnswer(s) != 0) {
      const Histogram answered = AnsweredLatency(s);
      rows += Row(
          Joined({"answered only", "", ShownCount(answered.count()), "", ""}, Latency(answered)),
          "td");
    }
    if (s.latency.first.count() == 0) continue;
    rows += Row(Joined({"first result", "", ShownCount(s.latency.first.count()), "", ""},
                       Latency(s.latency.first)),
                "td");
  }
  return TableOf(rows) + (silent ? StrCat("<p>", kSilent, "</p>") : std::string());
}

std::string Codes(const Step& step) {
  std::string rows =
      Row({"code", "calls", "p50", "p90", "p95", "p99", "p99.9", "max", "last text"}, "th");
  for (const auto& [code, c] : step.codes) {
    const std::string text =
        code == 0 ? std::string("ok") : StrCat(OneLine(c.text, 300), "  ", c.handle);
    std::string row =
        Row(Joined({std::to_string(code), ShownCount(c.calls)}, Latency(c.latency)), "td");
    row.insert(row.size() - 5, StrCat("<td class=\"text\">", EscapedHtml(text), "</td>"));
    rows += row;
  }
  return TableOf(rows);
}

std::string Hosts(const Step& step) {
  if (step.hosts.size() < 2) return "";
  std::string rows =
      Row({"host", "calls", "failed", "p50", "p90", "p95", "p99", "p99.9", "max"}, "th");
  for (const auto& [name, h] : step.hosts) {
    rows += Row(
        Joined({EscapedHtml(name), ShownCount(h.calls), ShownCount(h.failed)}, Latency(h.latency)),
        "td");
  }
  return TableOf(rows);
}

std::string Times(const Step& step) {
  const std::vector<Part> parts = WhereTimeWent(step);
  if (parts.empty()) return "";
  std::string rows = Row({"where the time went", "mean", "share"}, "th");
  for (const Part& p : parts) {
    rows += Row(
        {p.name, StrCat(ShownNumber(p.ms, 3), " ms"), StrCat(ShownNumber(p.share * 100, 1), " %")},
        "td");
  }
  return TableOf(rows);
}

std::string Client(const Step& step) {
  std::string out = StrCat("<p class=\"soft\">Client: CPU ", ShownNumber(step.client_cpu * 100, 0),
                           " % of a core for each thread, at most ",
                           ShownCount(step.peak_in_flight), " in flight");
  if (step.lag.count() != 0) {
    out += StrCat(", sent late by p50 ", Time(static_cast<double>(step.lag.Percentile(50))),
                  ", p99 ", Time(static_cast<double>(step.lag.Percentile(99))));
  }
  out += ".</p>";
  if (const std::string note = ClientNote(step); !note.empty()) {
    out += StrCat("<p class=\"note\">At ", StepName(step), ": ", EscapedHtml(note), "</p>");
  }
  return out;
}

std::string Slo(const RunResult& result, const std::vector<SloTerm>& slo) {
  std::string out;
  for (const Step& step : result.steps) {
    for (const SloVerdict& v : CheckSlo(slo, step)) {
      out += StrCat("<p class=\"", v.met ? "good" : "bad", "\">SLO at ", StepName(step), ": ",
                    EscapedHtml(v.text), "</p>");
    }
  }
  return out;
}

// The steps one after the other, each a stretch of its own: between two of them nothing was sent.
template <class Figure>
Series OverTime(const RunResult& result, const char* name, Figure&& figure) {
  Series out{name, {}};
  double begin = 0;
  for (const Step& step : result.steps) {
    Stretch& run = out.runs.emplace_back();
    double at = begin;
    for (const Second& s : step.timeline) run.emplace_back(at++, figure(s));
    begin += std::max(static_cast<double>(step.timeline.size()), std::ceil(step.seconds));
  }
  return out;
}

// The same per second, without what was no whole second of sending: a step ends within one, and
// answers still come when it is over. Shown, that would be a drop in each step that never was.
template <class Figure>
Series RateOverTime(const RunResult& result, const char* name, Figure&& figure) {
  Series out = OverTime(result, name, figure);
  for (size_t i = 0; i < out.runs.size(); ++i) {
    const double seconds = result.steps[i].seconds;
    const auto whole = static_cast<size_t>(std::max(0.0, std::floor(seconds + 0.01)));
    Stretch& run = out.runs[i];
    if (whole >= 1) {
      run.resize(std::min(run.size(), whole));
    } else if (!run.empty() && seconds > 0) {
      run.resize(1);
      run[0].second /= seconds;
    }
  }
  return out;
}

std::string TimeCharts(const RunResult& result) {
  Chart latency{"Latency over time", "seconds", Chart::Unit::kNanos, true, false, {}};
  for (const auto& [name, share] :
       {std::pair{"p50", 50.0}, std::pair{"p99", 99.0}, std::pair{"max", 100.0}}) {
    latency.series.push_back(OverTime(result, name, [p = share](const Second& s) {
      return static_cast<double>(s.latency.Percentile(p));
    }));
  }
  Chart calls{"Calls per second over time", "seconds", Chart::Unit::kPlain, false, false, {}};
  calls.series.push_back(
      RateOverTime(result, "sent", [](const Second& s) { return static_cast<double>(s.sent); }));
  calls.series.push_back(RateOverTime(
      result, "failed", [](const Second& s) { return static_cast<double>(s.failed); }));
  calls.series.push_back(RateOverTime(result, "good", [](const Second& s) {
    return static_cast<double>(s.done - std::min(s.done, s.failed));
  }));
  return LineChart(latency) + LineChart(calls);
}

std::string RateChart(const RunResult& result) {
  if (result.steps.size() < 2) return "";
  Chart chart{"Latency by rate", "calls per second", Chart::Unit::kNanos, true, true, {}};
  for (const auto& [name, share] :
       {std::pair{"p50", 50.0}, std::pair{"p99", 99.0}, std::pair{"max", 100.0}}) {
    Stretch run;
    for (const Step& s : result.steps) {
      if (s.latency.last.count() != 0) {
        run.emplace_back(s.rate, static_cast<double>(s.latency.last.Percentile(share)));
      }
    }
    // A search goes up and down.
    std::sort(run.begin(), run.end());
    chart.series.push_back({name, {std::move(run)}});
  }
  return LineChart(chart);
}

std::string ResourceCharts(const RunResult& result) {
  if (result.resources.empty()) return "";
  Stretch cpu, rss, gpu;
  double most = 0;
  for (const ResourceSample& r : result.resources) {
    cpu.emplace_back(r.at_s, r.cpu_percent);
    rss.emplace_back(r.at_s, r.rss_mb);
    gpu.emplace_back(r.at_s, r.gpu_mb);
    most = std::max(most, r.gpu_mb);
  }
  const auto chart = [](const char* title) {
    return Chart{title, "seconds", Chart::Unit::kPlain, false, false, {}};
  };
  Chart first = chart("CPU of the server, % of a core");
  first.series = {{"CPU", {std::move(cpu)}}};
  Chart second = chart("Memory of the server, MB");
  second.series = {{"resident memory", {std::move(rss)}}};
  if (most > 0) second.series.push_back({"GPU memory", {std::move(gpu)}});
  return LineChart(first) + LineChart(second);
}

std::string StepPart(const Step& step, bool only) {
  std::string out = StrCat("<div class=\"charts\">", HistogramChart("Latency", step.latency.last));
  if (step.latency.first.count() != 0) {
    out += HistogramChart("Until the first result", step.latency.first);
  }
  out += StrCat("</div>", Codes(step), Hosts(step), Times(step), Client(step));
  if (only) return out;
  return StrCat("<details><summary>", StepName(step), "</summary>", out, "</details>");
}

std::string Server(const ServerFigures& s) {
  if (!s.known)
    return s.problem.empty()
               ? ""
               : StrCat("<p class=\"note\">Server metrics: ", EscapedHtml(s.problem), "</p>");
  const auto ms = [&s](double v) {
    return s.requests > 0 ? StrCat(ShownNumber(v, 3), " ms") : std::string("-");
  };
  return TableOf(Row({"server (/metrics)", "calls", "sessions", "failed", "queue", "channel",
                      "engine", "total"},
                     "th") +
                 Row({"after - before", ShownNumber(s.requests, 0), ShownNumber(s.sessions, 0),
                      ShownNumber(s.failed, 0), ms(s.queue_ms), ms(s.channel_ms), ms(s.engine_ms),
                      ms(s.total_ms)},
                     "td"));
}

}  // namespace

std::string ReportHtml(const RunResult& result, const std::vector<SloTerm>& slo) {
  std::string out = StrCat(Head(), "<h1>xtest report</h1><p class=\"soft\">",
                           EscapedHtml(result.config), " · ", EscapedHtml(result.protocol), " · ",
                           EscapedHtml(result.mode), " · ", EscapedHtml(result.arrival),
                           " arrivals · started ", EscapedHtml(result.started), "</p>");
  if (result.interrupted)
    out += "<p class=\"note\">The run was interrupted; these are the figures so far.</p>";
  out += StrCat(Slo(result, slo), Tiles(result), Steps(result),
                "<h2>Over time</h2><div class=\"charts\">", RateChart(result), TimeCharts(result),
                ResourceCharts(result), "</div><h2>Latency</h2>");
  for (const Step& step : result.steps) out += StepPart(step, result.steps.size() == 1);
  out += Server(result.server);
  if (!result.notes.empty()) out += "<h2>Notes</h2>";
  for (const std::string& note : result.notes)
    out += StrCat("<p class=\"note\">", EscapedHtml(note), "</p>");
  return out + Foot();
}

}  // namespace aiges
