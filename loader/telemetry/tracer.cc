// SPDX-License-Identifier: Apache-2.0
#include "loader/telemetry/tracer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/base/random.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr uint64_t kAll = uint64_t{1} << 63;

int64_t Nanoseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

int64_t UnixNanoseconds() {
  return Nanoseconds(std::chrono::system_clock::now().time_since_epoch());
}

void AddAsked(const AskedFor& asked, Span* span) {
  auto& out = span->attributes;
  if (asked.path.empty()) {
    out.emplace_back("rpc.system.name", std::string("grpc"));
    out.emplace_back("rpc.method", asked.method);
    span->name = asked.method;
  } else {
    out.emplace_back("http.request.method", asked.method);
    out.emplace_back("url.path", asked.path);
    out.emplace_back("url.scheme", std::string(asked.tls ? "https" : "http"));
    out.emplace_back("network.protocol.version", std::string(asked.version < 2 ? "1.1" : "2"));
    if (!asked.route.empty()) out.emplace_back("http.route", asked.route);
    span->name = asked.route.empty() ? asked.method : StrCat(asked.method, " ", asked.route);
  }
  const size_t colon = asked.peer.rfind(':');
  out.emplace_back("network.peer.address", asked.peer.substr(0, colon));
  int64_t port = 0;
  if (colon != std::string::npos &&
      ReadWhole(std::string_view(asked.peer).substr(colon + 1), &port)) {
    out.emplace_back("network.peer.port", port);
  }
}

Span CallSpan(const CallRecord& record, int64_t begin_ns, int64_t end_ns) {
  const Origin& origin = *record.origin;
  Span span;
  span.id = origin.trace.span;
  span.parent = origin.trace.parent;
  span.kind = Span::Kind::kServer;
  span.begin_ns = begin_ns;
  span.end_ns = end_ns;
  span.name = StrCat(record.protocol, " ", record.model.view());
  if (origin.asked != nullptr) AddAsked(*origin.asked, &span);
  auto& out = span.attributes;
  out.emplace_back("aiges.model", std::string(record.model.view()));
  out.emplace_back("aiges.protocol", std::string(record.protocol));
  out.emplace_back("aiges.request_id", std::string(record.id.view()));
  out.emplace_back("aiges.code", int64_t{record.code});
  out.emplace_back("aiges.bytes_in", static_cast<int64_t>(record.bytes_in));
  out.emplace_back("aiges.bytes_out", static_cast<int64_t>(record.bytes_out));
  if (!origin.caller.empty()) out.emplace_back("aiges.caller", origin.caller);
  if (record.session) {
    out.emplace_back("aiges.session", true);
    out.emplace_back("aiges.outputs", static_cast<int64_t>(record.outputs));
  }
  if (record.instance >= 0) out.emplace_back("aiges.instance", int64_t{record.instance});
  if (record.code != 0) out.emplace_back("error.type", std::to_string(record.code));
  if (record.code != 0 && !IsOfClient(record.code)) span.outcome = Span::Outcome::kError;
  return span;
}

}  // namespace

std::vector<Span> SpansOf(const CallRecord& record, TimePoint now, int64_t now_ns) {
  const TraceContext& trace = record.origin->trace;
  const int64_t end = now_ns - Nanoseconds(now - record.ended);
  const int64_t begin = end - Nanoseconds(record.total);
  std::vector<Span> spans;
  spans.push_back(CallSpan(record, begin, end));
  static constexpr const char* kStages[] = {"queue", "channel", "engine"};
  const std::chrono::nanoseconds stages[] = {record.times.queue, record.times.channel,
                                             record.times.engine};
  int64_t at = begin;
  for (unsigned i = 0; i < 3 && !record.session; ++i) {
    if (stages[i].count() <= 0) continue;
    Span span;
    span.name = kStages[i];
    span.id = StageSpan(trace.span, i);
    span.parent = trace.span;
    span.begin_ns = at;
    span.end_ns = at += stages[i].count();
    spans.push_back(std::move(span));
  }
  for (Span& span : spans) {
    span.trace_high = trace.trace_high;
    span.trace_low = trace.trace_low;
    span.state = trace.state;
  }
  return spans;
}

Tracer::Tracer(const OtlpSettings& settings, SpanSource source)
    : parent_based_(settings.parent_based),
      below_(settings.ratio >= 1 ? kAll : static_cast<uint64_t>(std::ldexp(settings.ratio, 63))) {
  if (!settings.endpoint.empty()) {
    exporter_ = std::make_unique<Exporter>(settings, std::move(source));
  }
}

// As the SDKs of OpenTelemetry compare it: the lower half of the number without its highest bit.
bool Tracer::IsSampled(uint64_t trace_low) const { return (trace_low & (kAll - 1)) < below_; }

TraceContext Tracer::Begin(std::string_view traceparent, std::string_view tracestate) {
  TraceContext trace;
  const bool came = !traceparent.empty() && ReadTraceParent(traceparent, &trace);
  if (came && IsTraceState(tracestate)) trace.state = tracestate;
  if (exporter_ == nullptr) return trace;
  if (!came) {
    trace.trace_low = RandomBits();
    if (!IsSampled(trace.trace_low)) return {};
    trace.trace_high = RandomBits();
    trace.sampled = true;
  } else if (!parent_based_) {
    trace.sampled = IsSampled(trace.trace_low);
  }
  if (trace.sampled) trace.span = RandomBits() | 1;
  return trace;
}

void Tracer::WorkerStarted(std::string_view model, unsigned instance, TimePoint ready,
                           Duration took) {
  if (exporter_ == nullptr) return;
  Span span;
  span.trace_high = RandomBits();
  span.trace_low = RandomBits();
  span.id = RandomBits() | 1;
  span.name = "worker start";
  span.end_ns = UnixNanoseconds() - Nanoseconds(std::chrono::steady_clock::now() - ready);
  span.begin_ns = span.end_ns - Nanoseconds(took);
  span.attributes.emplace_back("aiges.model", std::string(model));
  span.attributes.emplace_back("aiges.instance", int64_t{instance});
  exporter_->Add({std::move(span)});
}

void Tracer::Add(const CallRecord& record) {
  if (exporter_ == nullptr || record.origin == nullptr || record.origin->trace.span == 0) return;
  exporter_->Add(SpansOf(record, std::chrono::steady_clock::now(), UnixNanoseconds()));
}

}  // namespace aiges
