// SPDX-License-Identifier: Apache-2.0
#include "xtest/server_metrics.h"

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "loader/base/strings.h"
#include "xtest/fetch.h"

namespace aiges {
namespace {

struct Line {
  std::string_view name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

// name{key="value",..} number. False for comments and for what is not understood.
bool ParseLine(std::string_view line, Line* out) {
  if (line.empty() || line[0] == '#') return false;
  const size_t end = line.find_first_of("{ ");
  if (end == std::string_view::npos) return false;
  out->name = line.substr(0, end);
  size_t at = end;
  if (line[at] == '{') {
    ++at;
    while (at < line.size() && line[at] != '}') {
      const size_t equals = line.find("=\"", at);
      if (equals == std::string_view::npos) return false;
      const std::string key(line.substr(at, equals - at));
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' && at + 1 < line.size()) ++at;
        value.push_back(line[at]);
      }
      if (at >= line.size()) return false;
      out->labels[key] = std::move(value);
      ++at;
      if (at < line.size() && line[at] == ',') ++at;
    }
    if (at >= line.size()) return false;
    ++at;
  }
  const std::string number(line.substr(at));
  char* stop = nullptr;
  out->value = std::strtod(number.c_str(), &stop);
  return stop != number.c_str() && std::isfinite(out->value);
}

void Add(const ServerSample& sample, ServerSample* to) {
  for (const auto& [code, value] : sample.requests) to->requests[code] += value;
  to->sessions += sample.sessions;
  to->session_failures += sample.session_failures;
  for (const auto& [name, stage] : sample.stages) {
    ServerSample::Stage& sum = to->stages[name];
    sum.sum_s += stage.sum_s;
    sum.count += stage.count;
  }
}

}  // namespace

Status ParseServerMetrics(const std::string& text, ServerSample* out) {
  bool seen = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    Line line;
    if (ParseLine(rest.substr(0, end), &line)) {
      if (line.name == "aiges_requests_total") {
        out->requests[line.labels["code"]] += line.value;
      } else if (line.name == "aiges_sessions_total") {
        out->sessions += line.value;
      } else if (line.name == "aiges_session_failures_total") {
        out->session_failures += line.value;
      } else if (line.name == "aiges_latency_seconds_sum") {
        out->stages[line.labels["stage"]].sum_s += line.value;
        seen = true;
      } else if (line.name == "aiges_latency_seconds_count") {
        out->stages[line.labels["stage"]].count += line.value;
      }
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  // A loader that has not answered yet has no line of requests.
  if (seen || !out->requests.empty()) return Status::Ok();
  return Status::Error(
      StatusKind::kInvalid,
      "expected the /metrics of AIService (aiges_latency_seconds), got another page");
}

ServerFigures Difference(const ServerSample& before, const ServerSample& after) {
  ServerFigures out;
  out.known = true;
  bool restarted = false;
  for (const auto& [code, value] : after.requests) {
    const auto old = before.requests.find(code);
    const double delta = value - (old == before.requests.end() ? 0 : old->second);
    restarted |= delta < 0;
    out.requests += delta;
    if (code != "0") out.failed += delta;
  }
  out.sessions = after.sessions - before.sessions;
  out.failed += after.session_failures - before.session_failures;
  restarted |= out.sessions < 0;
  const auto mean = [&](const char* stage) {
    const auto now = after.stages.find(stage), old = before.stages.find(stage);
    if (now == after.stages.end()) return 0.0;
    const ServerSample::Stage was =
        old == before.stages.end() ? ServerSample::Stage{} : old->second;
    const double count = now->second.count - was.count;
    restarted |= count < 0;
    return count > 0 ? (now->second.sum_s - was.sum_s) / count * 1e3 : 0.0;
  };
  out.queue_ms = mean("queue");
  out.channel_ms = mean("channel");
  out.engine_ms = mean("engine");
  out.total_ms = mean("total");
  if (restarted) {
    out = ServerFigures{};
    out.problem = "counters went down during the run: the server started anew, no figures";
  }
  return out;
}

std::vector<std::string> MetricsUrls(const std::string& given, const std::vector<std::string>& http,
                                     bool tls) {
  std::vector<std::string> urls;
  if (given == "off") return urls;
  if (given.empty()) {
    for (const std::string& host : http) {
      if (host.empty()) return {};
      urls.push_back(StrCat(tls ? "https://" : "http://", host, "/metrics"));
    }
    return urls;
  }
  std::string_view rest = given;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    if (end > 0) urls.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return urls;
}

Status ServerWatch::Read(std::vector<ServerSample>* out) const {
  for (const std::string& url : urls_) {
    std::string text;
    if (Status status = Fetch(url, 3000, &text, credentials_); !status.ok()) return status;
    Status status = ParseServerMetrics(text, &out->emplace_back());
    if (!status.ok()) return Status::Error(status.kind, StrCat(url, ": ", status.text));
  }
  return Status::Ok();
}

void ServerWatch::Before() { problem_ = Read(&before_).text; }

ServerFigures ServerWatch::After() {
  ServerFigures out;
  if (urls_.empty()) return out;
  std::vector<ServerSample> after;
  if (problem_.empty()) problem_ = Read(&after).text;
  if (!problem_.empty()) {
    out.problem = problem_;
    return out;
  }
  ServerSample sum_before, sum_after;
  for (size_t i = 0; i < after.size(); ++i) {
    out = Difference(before_[i], after[i]);
    if (!out.known) {  // Started anew.
      out.problem = StrCat(urls_[i], ": ", out.problem);
      return out;
    }
    Add(before_[i], &sum_before);
    Add(after[i], &sum_after);
  }
  return Difference(sum_before, sum_after);
}

}  // namespace aiges
