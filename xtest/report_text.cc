// SPDX-License-Identifier: Apache-2.0
#include "xtest/report_text.h"

#include <algorithm>

#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::string> LatencyCells(const Histogram& h) {
  std::vector<std::string> cells;
  for (double p : {50.0, 90.0, 95.0, 99.0, 99.9}) {
    cells.push_back(h.count() == 0 ? "-" : ShownNanos(static_cast<double>(h.Percentile(p))));
  }
  cells.push_back(h.count() == 0 ? "-" : ShownNanos(static_cast<double>(h.max())));
  return cells;
}

void Append(std::vector<std::string>* row, std::vector<std::string> more) {
  row->insert(row->end(), more.begin(), more.end());
}

std::string Steps(const RunResult& result) {
  Rows rows = {
      {"rate", "sent", "done", "failed", "good/s", "p50", "p90", "p95", "p99", "p99.9", "max"}};
  for (const Step& step : result.steps) {
    std::vector<std::string> row = {StepName(step), ShownCount(step.sent), ShownCount(step.done),
                                    ShownCount(step.failed), ShownNumber(Throughput(step), 1)};
    Append(&row, LatencyCells(step.latency.last));
    rows.push_back(std::move(row));
    if (NoAnswer(step) != 0) {
      const Histogram answered = AnsweredLatency(step);
      row = {"  answered only", "", ShownCount(answered.count()), "", ""};
      Append(&row, LatencyCells(answered));
      rows.push_back(std::move(row));
    }
    if (step.latency.first.count() == 0) continue;
    row = {"  first result", "", ShownCount(step.latency.first.count()), "", ""};
    Append(&row, LatencyCells(step.latency.first));
    rows.push_back(std::move(row));
  }
  std::string out = Table(rows);
  for (const Step& step : result.steps) {
    if (NoAnswer(step) == 0) continue;
    return out + kSilent + "\n";
  }
  return out;
}

// Of all steps together: a person looks for what went wrong, not for when.
std::string Codes(const RunResult& result) {
  std::map<int, CodeCount> codes;
  for (const Step& step : result.steps) {
    for (const auto& [code, c] : step.codes) {
      CodeCount& sum = codes[code];
      sum.calls += c.calls;
      sum.text = c.text;
      sum.handle = c.handle;
      sum.latency.Merge(c.latency);
    }
  }
  if (codes.empty() || (codes.size() == 1 && codes.begin()->first == 0)) return "";
  Rows rows = {{"code", "calls", "p50", "p99", "last text"}};
  for (const auto& [code, c] : codes) {
    const bool timed = c.latency.count() != 0;
    rows.push_back({std::to_string(code), ShownCount(c.calls),
                    timed ? ShownNanos(static_cast<double>(c.latency.Percentile(50))) : "-",
                    timed ? ShownNanos(static_cast<double>(c.latency.Percentile(99))) : "-",
                    code == 0 ? "ok"
                              : StrCat(OneLine(c.text, 60), c.handle.empty() ? "" : "  ",
                                       OneLine(c.handle, 40))});
  }
  return Table(rows);
}

std::string Hosts(const RunResult& result) {
  std::map<std::string, HostResult> hosts;
  for (const Step& step : result.steps) {
    for (const auto& [name, h] : step.hosts) {
      HostResult& sum = hosts[name];
      sum.calls += h.calls;
      sum.failed += h.failed;
      sum.latency.Merge(h.latency);
    }
  }
  if (hosts.size() < 2) return "";
  Rows rows = {{"host", "calls", "failed", "p50", "p90", "p95", "p99", "p99.9", "max"}};
  for (const auto& [name, h] : hosts) {
    std::vector<std::string> row = {name, ShownCount(h.calls), ShownCount(h.failed)};
    Append(&row, LatencyCells(h.latency));
    rows.push_back(std::move(row));
  }
  return Table(rows);
}

std::string Times(const RunResult& result) {
  std::string out;
  for (const Step& step : result.steps) {
    const std::vector<Part> parts = WhereTimeWent(step);
    if (parts.empty()) continue;
    Rows rows = {{StrCat("where the time went, ", StepName(step)), "mean ms", "share"}};
    for (const Part& part : parts) {
      rows.push_back(
          {part.name, ShownNumber(part.ms, 3), StrCat(ShownNumber(part.share * 100, 1), " %")});
    }
    out += Table(rows);
    out += StrCat("  of ", ShownCount(step.stages.calls), " sampled calls\n");
  }
  return out;
}

std::string ServerText(const ServerFigures& server) {
  if (!server.known)
    return server.problem.empty() ? "" : StrCat("server metrics: ", server.problem, "\n");
  const auto mean = [&](double ms) {
    return server.requests > 0 ? ShownNumber(ms, 3) : std::string("-");
  };
  return Table({{"server (/metrics)", "calls", "sessions", "failed", "queue ms", "channel ms",
                 "engine ms", "total ms"},
                {"after - before", ShownNumber(server.requests, 0), ShownNumber(server.sessions, 0),
                 ShownNumber(server.failed, 0), mean(server.queue_ms), mean(server.channel_ms),
                 mean(server.engine_ms), mean(server.total_ms)}});
}

std::string ResourceText(const std::vector<ResourceSample>& samples) {
  if (samples.empty()) return "";
  double cpu = 0, cpu_max = 0, rss_max = 0, gpu_max = 0;
  for (const ResourceSample& s : samples) {
    cpu += s.cpu_percent;
    cpu_max = std::max(cpu_max, s.cpu_percent);
    rss_max = std::max(rss_max, s.rss_mb);
    gpu_max = std::max(gpu_max, s.gpu_mb);
  }
  cpu /= static_cast<double>(samples.size());
  std::string out = StrCat(
      "server process: CPU mean ", ShownNumber(cpu, 0), " %, most ", ShownNumber(cpu_max, 0),
      " % (100 %: one core); memory most ", ShownNumber(rss_max, 0), " MB, from ",
      ShownNumber(samples.front().rss_mb, 0), " to ", ShownNumber(samples.back().rss_mb, 0), " MB");
  if (gpu_max > 0) out += StrCat("; GPU memory most ", ShownNumber(gpu_max, 0), " MB");
  return out + "\n";
}

// The client's own figures stand beside the server's: whoever reads one must be able to doubt it.
std::string ClientText(const RunResult& result) {
  std::string out;
  for (const Step& step : result.steps) {
    out += StrCat("client at ", StepName(step), ": CPU ", ShownNumber(step.client_cpu * 100, 0),
                  " % of a core for each thread, at most ", ShownCount(step.peak_in_flight),
                  " in flight");
    if (step.lag.count() != 0) {
      out += StrCat(", sent late by p50 ", ShownNanos(static_cast<double>(step.lag.Percentile(50))),
                    ", p99 ", ShownNanos(static_cast<double>(step.lag.Percentile(99))), ", most ",
                    ShownNanos(static_cast<double>(step.lag.max())));
    }
    if (step.unanswered != 0) {
      out += StrCat("; ", ShownCount(step.unanswered), " calls had no answer when the run ended");
    }
    out += "\n";
    if (const std::string note = ClientNote(step); !note.empty()) {
      out += StrCat("  NOTE: ", note, "\n");
    }
  }
  return out;
}

std::string SloText(const RunResult& result, const std::vector<SloTerm>& slo) {
  std::string out;
  if (slo.empty()) return out;
  const bool errors =
      std::any_of(slo.begin(), slo.end(), [](const SloTerm& t) { return t.name == "errors"; });
  for (const Step& step : result.steps) {
    for (const SloVerdict& v : CheckSlo(slo, step)) {
      out += StrCat("SLO at ", StepName(step), ": ", v.text, "\n");
    }
    if (!errors && step.failed + step.unanswered > 0) {
      out += StrCat("  NOTE: ", ShownNumber(ErrorShare(step) * 100, 3),
                    " % of the calls failed, and -slo has no limit on errors.\n");
    }
  }
  if (result.steps.empty()) out = "SLO: nothing was measured: MISSED\n";
  return out;
}

}  // namespace

std::string OneLine(const std::string& text, size_t most) {
  std::string out;
  for (char c : text) out.push_back(static_cast<unsigned char>(c) < 32 || c == 127 ? ' ' : c);
  if (out.size() <= most) return out;
  return StrCat(CutUtf8(out, most), "..");
}

std::string Table(const Rows& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - row[i].size(), ' ');
      // Texts of any length, in the last column, are read from the left.
      const bool left = i == 0 || (i + 1 == row.size() && rows.front()[i] == "last text");
      line += StrCat(i == 0 ? "" : "  ", left ? row[i] : pad, left ? pad : row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += StrCat(line, "\n");
  }
  return out;
}

std::string ReportText(const RunResult& result, const std::vector<SloTerm>& slo) {
  std::string out =
      StrCat(result.config.empty() ? "" : StrCat(result.config, ": "), result.protocol, ", ",
             result.mode, ", ", result.arrival, " arrivals, started ", result.started, "\n");
  if (result.interrupted) out += "The run was interrupted; these are the figures so far.\n";
  const std::string parts[] = {Steps(result),
                               Codes(result),
                               Hosts(result),
                               Times(result),
                               ServerText(result.server),
                               ResourceText(result.resources),
                               ClientText(result)};
  for (const std::string& part : parts) {
    if (!part.empty()) out += StrCat("\n", part);
  }
  if (!result.notes.empty()) out += "\n";
  for (const std::string& note : result.notes) out += StrCat("note: ", OneLine(note, 2000), "\n");
  if (const std::string text = SloText(result, slo); !text.empty()) out += StrCat("\n", text);
  return out;
}

}  // namespace aiges
