// SPDX-License-Identifier: Apache-2.0
// loader/telemetry/tracer.h: which calls are a part of a trace, and the spans of those that have
// ended.
//
// A sampled call has a span of its own, from when it came to when its client is answered, and three
// within it: queue, channel, engine (StageTimes). A session has one for its whole life, a call that
// a model makes of another lies within the engine's span of the call that waits for it. Names and
// attributes are those of OpenTelemetry's semantic conventions where there are some (HTTP and RPC
// server spans), and "aiges.*" else. Nothing of what calls carry is in them.
//
// Sampling is as OpenTelemetry's own samplers have it: of a trace that came with a call whoever
// began it has decided; of others a share, by the trace's number, so that all who see a trace
// decide alike.
// Thread-safe; never waits.
#pragma once

#include <memory>
#include <string_view>

#include "loader/api/call_record.h"
#include "loader/api/origin.h"
#include "loader/api/settings.h"
#include "loader/telemetry/exporter.h"

namespace aiges {

// The spans of a call that has ended; its origin is sampled. `now_ns`: of the Unix epoch, when
// steady is `now`.
std::vector<Span> SpansOf(const CallRecord& record, TimePoint now, int64_t now_ns);

class Tracer final : public Tracing, public EndedCalls {
 public:
  Tracer(const OtlpSettings& settings, SpanSource source);

  TraceContext Begin(std::string_view traceparent, std::string_view tracestate) override;
  void Add(const CallRecord& record) override;
  // A span of its own, always: they are few.
  void WorkerStarted(std::string_view model, unsigned instance, TimePoint ready,
                     Duration took) override;

  SpanCounts counts() const { return exporter_ == nullptr ? SpanCounts() : exporter_->counts(); }
  void Finish(TimePoint until) {
    if (exporter_ != nullptr) exporter_->Finish(until);
  }

 private:
  bool IsSampled(uint64_t trace_low) const;

  const bool parent_based_;
  const uint64_t below_;  // Of the lower 63 bits of a trace's number: which are sampled.
  std::unique_ptr<Exporter> exporter_;  // Nothing: traces are only passed on.
};

}  // namespace aiges
