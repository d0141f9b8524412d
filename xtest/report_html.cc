// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_html.h"

#include <algorithm>

#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"
#include "xtest/report_svg.h"
#include "xtest/report_text.h"

namespace aiges {
namespace {

constexpr const char* kHead = R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>xtest report</title><style>
:root{--bg:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#5b6470;--grid:#dfe3e8;--c1:#1f6feb;
--c2:#c2570c;--c3:#7a3fb5;--c4:#1a7f4b;--bad:#b3261e;--good:#1a7f4b}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--panel:#1d2126;--ink:#e7eaee;--soft:#a0a9b4;
--grid:#333a42;--c1:#6cb0ff;--c2:#f29a58;--c3:#c79bf2;--c4:#5fcf95;--bad:#ff8a80;--good:#5fcf95}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1120px;padding:16px;background:var(--bg);
color:var(--ink);font:15px/1.45 system-ui,sans-serif}h1{font-size:1.35em;margin:.2em 0}
h2{font-size:1.1em;margin:1.4em 0 .5em}p{margin:.3em 0}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));gap:8px;margin:12px 0}
.tile{background:var(--panel);border-radius:6px;padding:8px 10px}
.tile b{display:block;font-size:1.25em}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:12px}
figure,details{margin:0;background:var(--panel);border-radius:6px;padding:8px}details{margin:8px 0}
summary{cursor:pointer}.scroll{overflow-x:auto}table{border-collapse:collapse;
font-variant-numeric:tabular-nums;white-space:nowrap}th,td{padding:4px 10px;text-align:right;
border-bottom:1px solid var(--grid)}th{color:var(--soft);font-weight:600}
th:first-child,td:first-child,.text{text-align:left}.text{white-space:normal;min-width:180px;
overflow-wrap:anywhere}.bad{color:var(--bad)}.good{color:var(--good)}
.note{border-left:4px solid var(--c2);padding:4px 10px;margin:6px 0;background:var(--panel);
overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font:11px system-ui,sans-serif}
svg .title{fill:var(--ink);font-weight:600;font-size:12px}.label{text-anchor:start}
svg .end{text-anchor:end}svg .mid{text-anchor:middle}.grid{stroke:var(--grid);stroke-width:.6}
.axis{stroke:var(--soft);stroke-width:1}.mark{stroke:var(--c2);stroke-width:1;stroke-dasharray:3 3}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.bar{fill:var(--c1)}
.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}
.line.c4{stroke:var(--c4)}
.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}.dot.c4{fill:var(--c4)}
@media print{body{max-width:none}}
</style></head><body>
)";

std::string Tile(const std::string& name, const std::string& value) {
  return StrCat("<div class=\"tile\"><span class=\"soft\">", Escaped(name), "</span><b>",
                Escaped(value), "</b></div>");
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
    out.push_back(h.count() == 0 ? "-" : ShownNanos(static_cast<double>(h.Percentile(p))));
  }
  out.push_back(h.count() == 0 ? "-" : ShownNanos(static_cast<double>(h.max())));
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
  out += Tile("p50", ShownNanos(static_cast<double>(all.Percentile(50))));
  out += Tile("p99", ShownNanos(static_cast<double>(all.Percentile(99))));
  out += Tile("max", ShownNanos(static_cast<double>(all.max())));
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
    row.insert(row.size() - 5, StrCat("<td class=\"text\">", Escaped(text), "</td>"));
    rows += row;
  }
  return TableOf(rows);
}

std::string Hosts(const Step& step) {
  if (step.hosts.size() < 2) return "";
  std::string rows =
      Row({"host", "calls", "failed", "p50", "p90", "p95", "p99", "p99.9", "max"}, "th");
  for (const auto& [name, h] : step.hosts) {
    rows +=
        Row(Joined({Escaped(name), ShownCount(h.calls), ShownCount(h.failed)}, Latency(h.latency)),
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
    out += StrCat(", sent late by p50 ", ShownNanos(static_cast<double>(step.lag.Percentile(50))),
                  ", p99 ", ShownNanos(static_cast<double>(step.lag.Percentile(99))));
  }
  out += ".</p>";
  if (const std::string why = ClientLimit(step); !why.empty()) {
    out += StrCat("<p class=\"note\">At ", StepName(step),
                  " the client itself was the limit: ", Escaped(why), ".</p>");
  }
  return out;
}

std::string Slo(const RunResult& result, const std::vector<SloTerm>& slo) {
  std::string out;
  for (const Step& step : result.steps) {
    for (const SloVerdict& v : CheckSlo(slo, step)) {
      out += StrCat("<p class=\"", v.met ? "good" : "bad", "\">SLO at ", StepName(step), ": ",
                    Escaped(v.text), "</p>");
    }
  }
  return out;
}

// The steps one after the other.
template <class Figure>
Series OverTime(const RunResult& result, const char* name, int colour, Figure&& figure) {
  Series out{name, colour, {}};
  double at = 0;
  for (const Step& step : result.steps) {
    for (const Second& s : step.timeline) out.points.emplace_back(at++, figure(s));
  }
  return out;
}

std::string TimeCharts(const RunResult& result) {
  Chart latency{"Latency over time", "seconds", "log", Chart::Unit::kNanos, true, {}};
  int colour = 0;
  for (const auto& [name, share] :
       {std::pair{"p50", 50.0}, std::pair{"p99", 99.0}, std::pair{"max", 100.0}}) {
    latency.series.push_back(OverTime(result, name, ++colour, [p = share](const Second& s) {
      return static_cast<double>(s.latency.Percentile(p));
    }));
  }
  Chart calls{"Calls over time", "seconds", "per second", Chart::Unit::kPlain, false, {}};
  calls.series.push_back(
      OverTime(result, "sent", 1, [](const Second& s) { return static_cast<double>(s.sent); }));
  calls.series.push_back(OverTime(result, "good", 4, [](const Second& s) {
    return static_cast<double>(s.done - std::min(s.done, s.failed));
  }));
  calls.series.push_back(
      OverTime(result, "failed", 2, [](const Second& s) { return static_cast<double>(s.failed); }));
  return StrCat("<figure>", LineChart(latency), "</figure><figure>", LineChart(calls), "</figure>");
}

std::string RateChart(const RunResult& result) {
  if (result.steps.size() < 2) return "";
  Chart chart{"Latency by rate", "calls per second", "log", Chart::Unit::kNanos, true, {}};
  int colour = 0;
  for (const auto& [name, share] :
       {std::pair{"p50", 50.0}, std::pair{"p99", 99.0}, std::pair{"max", 100.0}}) {
    Series series{name, ++colour, {}};
    for (const Step& s : result.steps) {
      if (s.latency.last.count() != 0) {
        series.points.emplace_back(s.rate, static_cast<double>(s.latency.last.Percentile(share)));
      }
    }
    // A search goes up and down.
    std::sort(series.points.begin(), series.points.end());
    chart.series.push_back(std::move(series));
  }
  return StrCat("<figure>", LineChart(chart), "</figure>");
}

std::string ResourceCharts(const RunResult& result) {
  if (result.resources.empty()) return "";
  Series cpu{"CPU %", 1, {}}, rss{"resident memory", 3, {}}, gpu{"GPU memory", 4, {}};
  double most = 0;
  for (const ResourceSample& r : result.resources) {
    cpu.points.emplace_back(r.at_s, r.cpu_percent);
    rss.points.emplace_back(r.at_s, r.rss_mb);
    gpu.points.emplace_back(r.at_s, r.gpu_mb);
    most = std::max(most, r.gpu_mb);
  }
  Chart first{"CPU of the server", "seconds", "100: one core", Chart::Unit::kPlain, false, {cpu}};
  Chart second{"Memory of the server", "seconds", "MB", Chart::Unit::kPlain, false, {rss}};
  if (most > 0) second.series.push_back(gpu);
  return StrCat("<figure>", LineChart(first), "</figure><figure>", LineChart(second), "</figure>");
}

std::string StepPart(const Step& step, bool only) {
  std::string out = StrCat("<div class=\"charts\"><figure>",
                           HistogramChart("Latency", step.latency.last), "</figure>");
  if (step.latency.first.count() != 0) {
    out += StrCat("<figure>", HistogramChart("Until the first result", step.latency.first),
                  "</figure>");
  }
  out += StrCat("</div>", Codes(step), Hosts(step), Times(step), Client(step));
  if (only) return out;
  return StrCat("<details><summary>", StepName(step), "</summary>", out, "</details>");
}

std::string Server(const ServerFigures& s) {
  if (!s.known)
    return s.problem.empty()
               ? ""
               : StrCat("<p class=\"note\">Server metrics: ", Escaped(s.problem), "</p>");
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
  std::string out =
      StrCat(kHead, "<h1>xtest report</h1><p class=\"soft\">", Escaped(result.config), " · ",
             Escaped(result.protocol), " · ", Escaped(result.mode), " · ", Escaped(result.arrival),
             " arrivals · started ", Escaped(result.started), "</p>");
  if (result.interrupted)
    out += "<p class=\"note\">The run was interrupted; these are the figures so far.</p>";
  out += StrCat(Slo(result, slo), Tiles(result), Steps(result),
                "<h2>Over time</h2><div class=\"charts\">", RateChart(result), TimeCharts(result),
                ResourceCharts(result), "</div><h2>Latency</h2>");
  for (const Step& step : result.steps) out += StepPart(step, result.steps.size() == 1);
  out += Server(result.server);
  if (!result.notes.empty()) out += "<h2>Notes</h2>";
  for (const std::string& note : result.notes)
    out += StrCat("<p class=\"note\">", Escaped(note), "</p>");
  return out + "</body></html>\n";
}

}  // namespace aiges
