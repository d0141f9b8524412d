// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/status_page.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/pages/history.h"
#include "loader/pages/web/answer_js.h"  // These are made by CMake from the files in web/.
#include "loader/pages/web/calls_js.h"
#include "loader/pages/web/chart_css.h"
#include "loader/pages/web/chart_js.h"
#include "loader/pages/web/charts_js.h"
#include "loader/pages/web/dom_js.h"
#include "loader/pages/web/index_html.h"
#include "loader/pages/web/inputs_js.h"
#include "loader/pages/web/status_css.h"
#include "loader/pages/web/status_js.h"
#include "loader/pages/web/tryit_js.h"

namespace aiges {
namespace {

using nlohmann::json;

struct WebFile {
  const char* path;
  const char* content_type;
  const char* text;
};
constexpr const char* kScript = "text/javascript; charset=utf-8";
constexpr WebFile kFiles[] = {
    {"/", "text/html; charset=utf-8", kIndexHtml},
    {"/ui/status.css", "text/css; charset=utf-8", kStatusCss},
    {"/ui/chart.css", "text/css; charset=utf-8", kChartCss},
    {"/ui/answer.js", kScript, kAnswerJs},
    {"/ui/calls.js", kScript, kCallsJs},
    {"/ui/chart.js", kScript, kChartJs},
    {"/ui/charts.js", kScript, kChartsJs},
    {"/ui/dom.js", kScript, kDomJs},
    {"/ui/inputs.js", kScript, kInputsJs},
    {"/ui/status.js", kScript, kStatusJs},
    {"/ui/tryit.js", kScript, kTryItJs},
};
constexpr const char* kData = "/status.json";

// What a call answers may be shown as picture or sound (blob:); nothing runs but our own file.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

int64_t UnixMs(std::chrono::system_clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

// Three digits behind the point are enough for people, and keep the answer short.
json Rounded(double value) {
  return std::isfinite(value) ? json(std::round(value * 1e3) / 1e3) : json(nullptr);
}

json Stage(const LatencyHistogram& histogram) {
  const BucketCounts counts = CountsOf(histogram);
  uint64_t count = 0;
  for (const uint64_t n : counts) count += n;
  return {{"count", count},
          {"mean_ms", Rounded(histogram.sum_seconds() / static_cast<double>(count) * 1e3)},
          {"p50_ms", Rounded(QuantileMs(counts, 0.5))},
          {"p90_ms", Rounded(QuantileMs(counts, 0.9))},
          {"p99_ms", Rounded(QuantileMs(counts, 0.99))}};
}

json CountsByCode(const std::map<int, uint64_t>& counts) {
  json out = json::array();
  for (const auto& [code, count] : counts) out.push_back({{"code", code}, {"count", count}});
  return out;
}

json Instances(const InstancesReport& report) {
  json out = json::array();
  for (const InstanceReport& i : report.instances) {
    out.push_back({{"index", i.index},
                   {"state", StateName(i.state)},
                   {"pid", i.pid > 0 ? json(i.pid) : json(nullptr)},
                   {"starts", i.starts},
                   {"restarts", i.starts > 0 ? i.starts - 1 : 0},
                   {"calls", i.calls},
                   {"outstanding", i.outstanding},
                   {"window", i.window},
                   {"plugin", i.plugin},
                   {"last_error", i.last_error}});
  }
  return out;
}

json ModelsOf(const std::vector<ModelPage>& pages) {
  json models = json::array();
  for (const ModelPage& page : pages) {
    uint64_t calls = 0, failed = 0;
    for (const auto& [code, count] : page.queue.answers) {
      calls += count;
      failed += code == 0 ? 0 : count;
    }
    const ModelReport& m = page.model;
    models.push_back({{"name", m.name},
                      {"version", m.version},
                      {"state", StateName(m.state)},
                      {"reason", m.reason},
                      {"pinned", m.pinned},
                      {"instances", m.instances},
                      {"memory_bytes", m.memory_bytes},
                      {"calls", calls},
                      {"failed", failed},
                      {"queued", page.queue.queued},
                      {"in_flight", page.queue.in_flight},
                      {"sessions", page.sessions.open}});
  }
  return models;
}

json Registry(const RegistryReport& r) {
  if (r.backend == "none" || r.backend.empty()) return nullptr;
  return {{"backend", r.backend},       {"connected", r.connected},
          {"registered", r.registered}, {"id", r.id},
          {"problem", r.problem},       {"requests", r.requests},
          {"failures", r.failures}};
}

json Config(const ConfigReport& c) {
  if (c.revision.empty()) return nullptr;
  return {{"revision", c.revision}, {"cached", c.cached},   {"applied", c.applied},
          {"refused", c.refused},   {"refusal", c.refusal}, {"restart", c.restart}};
}

json Limits(const LimitsReport& l) {
  json refused = json::object(), states = json::array();
  for (size_t i = 0; i < kLimitUnits; ++i) {
    refused[UnitName(static_cast<LimitUnit>(i))] = l.refused[i];
  }
  for (const LimitState& s : l.states) {
    states.push_back({{"caller", s.caller},
                      {"model", s.model},
                      {"limit", s.limit},
                      {"quota", s.quota},
                      {"left", s.left},
                      {"full_s", s.full_s}});
  }
  return {{"file", l.file},       {"lines", l.lines},     {"hosts", l.hosts},
          {"callers", l.callers}, {"crowded", l.crowded}, {"refused", refused},
          {"problem", l.problem}, {"states", states}};
}

json Between(const std::vector<CallsBetween>& all) {
  json out = json::array();
  for (const CallsBetween& each : all) {
    out.push_back(
        {{"from", each.from}, {"to", each.to}, {"calls", each.calls}, {"failures", each.failures}});
  }
  return out;
}

json HistoryFrom(const History& history, uint64_t number) {
  const History::Part part = history.From(number);
  json samples = json::array();
  for (const HistorySample& s : part.samples) {
    samples.push_back({s.unix_ms, Rounded(s.calls), Rounded(s.errors), Rounded(s.items),
                       Rounded(s.p50_ms), Rounded(s.p99_ms), s.queued, s.in_flight, s.sessions});
  }
  return {{"period_ms", History::kPeriod.count()},
          {"kept", History::kSamples},
          {"columns",
           {"unix_ms", "calls_per_s", "errors_per_s", "items_per_s", "p50_ms", "p99_ms", "queued",
            "in_flight", "sessions"}},
          {"first", part.first},
          {"next", part.first + part.samples.size()},
          {"samples", std::move(samples)}};
}

json FailuresAfter(const RecentFailures& failures, uint64_t change) {
  json entries = json::array();
  for (const Failure& f : failures.Since(change)) {
    change = f.change;
    entries.push_back({{"id", f.id},
                       {"kind", KindName(f.kind)},
                       {"code", f.code},
                       {"instance", f.instance >= 0 ? json(f.instance) : json(nullptr)},
                       {"count", f.count},
                       {"first_ms", UnixMs(f.first)},
                       {"last_ms", UnixMs(f.last)},
                       {"sid", f.sid},
                       {"text", f.text},
                       {"detail", f.detail}});
  }
  return {{"kept", RecentFailures::kEntries}, {"last", change}, {"entries", std::move(entries)}};
}

constexpr const char* kCallColumns[] = {"number",    "unix_ms",    "protocol",  "model",
                                        "id",        "code",       "session",   "total_ms",
                                        "queue_ms",  "channel_ms", "engine_ms", "bytes_in",
                                        "bytes_out", "outputs",    "instance",  "failure"};

// Times of the steady clock, told as times of day.
json CallsAfter(const RecentCalls& calls, uint64_t number) {
  const auto now = std::chrono::steady_clock::now();
  const int64_t now_ms = UnixMs(std::chrono::system_clock::now());
  const auto ms = [](std::chrono::nanoseconds t) {
    return Rounded(static_cast<double>(t.count()) / 1e6);
  };
  json entries = json::array();
  for (const CallRecord& c : calls.Since(number)) {
    number = c.number;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now - c.ended);
    entries.push_back({c.number, now_ms - ago.count(), c.protocol, c.model.view(), c.id.view(),
                       c.code, c.session, ms(c.total), ms(c.times.queue), ms(c.times.channel),
                       ms(c.times.engine), c.bytes_in, c.bytes_out, c.outputs,
                       c.instance >= 0 ? json(c.instance) : json(nullptr), c.failure});
  }
  return {{"kept", RecentCalls::kKept},
          {"columns", std::vector<std::string>(std::begin(kCallColumns), std::end(kCallColumns))},
          {"last", number},
          {"entries", std::move(entries)}};
}

// False: it is there and is no number.
bool ReadNumber(const Pairs& query, std::string_view name, uint64_t* number) {
  const std::string* text = Find(query, name);
  return text == nullptr || ReadWhole(*text, number);
}

HttpResponse DataAnswer(const HttpRequest& request, const PageSource& data) {
  StatusWish wish;
  for (const auto& [name, number] : {std::pair{"history", &wish.history},
                                     {"failures", &wish.failures},
                                     {"calls", &wish.calls.emplace(0)}}) {
    if (ReadNumber(request.query, name, number)) continue;
    const json wrong = {
        {"error", StrCat(name, ": expected a number, got ", *Find(request.query, name))}};
    return HttpResponse::Text(400, "application/json",
                              wrong.dump(-1, ' ', true, json::error_handler_t::replace));
  }
  if (Find(request.query, "calls") == nullptr) wish.calls.reset();
  return HttpResponse::Text(200, "application/json", StatusJson(data(), wish));
}

}  // namespace

bool IsStatusPath(const std::string& path) {
  return path == kData || std::any_of(std::begin(kFiles), std::end(kFiles),
                                      [&](const WebFile& file) { return path == file.path; });
}

HttpResponse StatusAnswer(const HttpRequest& request, const PageSource& data) {
  HttpResponse response;
  if (request.path == kData) {
    response = DataAnswer(request, data);
    response.headers.emplace_back("Cache-Control", "no-store");
  } else {
    const WebFile& file = *std::find_if(std::begin(kFiles), std::end(kFiles),
                                        [&](const WebFile& f) { return request.path == f.path; });
    response = HttpResponse::Text(200, file.content_type, file.text);
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
  }
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return response;
}

std::string StatusJson(const PageData& d, const StatusWish& wish) {
  const SessionsReport& s = d.sessions;
  json out = {
      {"service", d.service},
      {"version", d.version},
      {"grpc", d.grpc_address},
      {"http", d.http_address},
      {"started_ms", UnixMs(d.started)},
      {"now_ms", UnixMs(std::chrono::system_clock::now())},
      {"up_s", d.up.count()},
      {"ready", d.ready},
      {"openapi", d.openapi},
      {"admin_token", d.admin_token},
      {"queue",
       {{"in_flight", d.queue.in_flight},
        {"licences", d.queue.licences},
        {"queued", d.queue.queued},
        {"queued_bytes", d.queue.queued_bytes},
        {"unwanted", d.queue.unwanted},
        {"replayed", d.queue.replayed}}},
      {"answers", CountsByCode(d.queue.answers)},
      {"sessions",
       {{"open", s.open},
        {"opened", s.opened},
        {"items", s.batches},
        {"aborted", s.aborted},
        {"expired", s.expired},
        {"input_bytes", s.input_bytes},
        {"failures", CountsByCode(s.failures)}}},
      {"stages",
       {{"queue", Stage(d.histograms->queue)},
        {"channel", Stage(d.histograms->channel)},
        {"engine", Stage(d.histograms->engine)},
        {"total", Stage(d.histograms->total)}}},
      {"instances", Instances(d.instances)},
      {"meters", d.instances.meters},
      {"registry", Registry(d.registry)},
      {"config", Config(d.config)},
      {"calls_between", Between(d.calls_between)},
  };
  if (const EntitlementReport& e = d.entitlement; e.on) {
    out["entitlement"] = {{"id", e.id},
                          {"customer", e.customer},
                          {"not_before", e.not_before},
                          {"expires", e.expires},
                          {"end", e.end},
                          {"left_s", e.left_s},
                          {"models", e.models},
                          {"instances", e.instances},
                          {"calls", e.calls},
                          {"concurrency", e.concurrency},
                          {"calls_today", e.calls_today},
                          {"refused", e.refused},
                          {"refusal", e.refusal},
                          {"problem", e.problem}};
  }
  if (const MeteringReport& m = d.metering; m.on) {
    out["metering"] = {{"instance", m.instance},
                       {"folder", m.folder},
                       {"records", m.records},
                       {"dropped", m.dropped},
                       {"refused", m.refused},
                       {"waiting", m.waiting},
                       {"bytes", m.bytes},
                       {"max_bytes", m.max_bytes},
                       {"delivered", m.delivered},
                       {"sink_failures", m.sink_failures},
                       {"dead_letters", m.dead_letters},
                       {"disk_failures", m.sync_failures},
                       {"problem", m.problem}};
  }
  if (d.limits.on || !d.limits.problem.empty()) out["limits"] = Limits(d.limits);
  if (d.several) out["models"] = ModelsOf(d.models);
  if (d.history != nullptr) out["history"] = HistoryFrom(*d.history, wish.history);
  if (d.failures != nullptr) out["failures"] = FailuresAfter(*d.failures, wish.failures);
  if (d.calls != nullptr && wish.calls) out["calls"] = CallsAfter(*d.calls, *wish.calls);
  // What engines wrote may be no UTF-8.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace aiges
