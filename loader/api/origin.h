// SPDX-License-Identifier: Apache-2.0
// loader/api/origin.h: where a call comes from: who asks, and the trace that it is a part of.
//
// Made once where a request comes in, and shared by all that comes of it; a call that a model makes
// of another has its own, made of that of the call that waits for it. Immutable once it is shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "loader/base/trace_context.h"

namespace aiges {

// What was asked, of a call of which there will be a span: for people.
struct AskedFor {
  std::string method;  // Of HTTP, or the whole one of gRPC: "utils.XsfCall/call".
  std::string path;    // Without the query, in which keys may stand. Of gRPC: empty.
  std::string route;   // The pattern of the path.
  std::string peer;    // "127.0.0.1:40000".
  bool tls = false;
  int version = 0;  // Of HTTP: 1 or 2.
};

class LimitNote;

struct Origin {
  std::string caller;  // Whose key it came with, or the name in a certificate; empty: not known.
  TraceContext trace;  // Not valid: of no trace.
  std::shared_ptr<const AskedFor> asked =
      {};  // Only where trace.span is one, and it came from outside.
  std::shared_ptr<LimitNote> limits = {};  // Where limits are in force (limit_note.h).
};

// The spans within a call's own: of its three stages, in the order of StageTimes. What the engine
// does is within the last one.
inline uint64_t StageSpan(uint64_t span, unsigned stage) { return span + 1 + stage; }
inline constexpr unsigned kEngineStage = 2;

// The traceparent that the engine is told; empty: none.
inline std::string TraceParentOf(const Origin* origin) {
  if (origin == nullptr || !origin->trace.valid()) return {};
  const TraceContext& trace = origin->trace;
  return TraceParent(trace, trace.span == 0 ? trace.parent : StageSpan(trace.span, kEngineStage));
}

// Nothing: nobody is known, and it is of no trace.
using OriginRef = std::shared_ptr<const Origin>;

// Makes the origins of what comes in, and decides of which traces there will be spans.
// Thread-safe; never waits.
class Tracing {
 public:
  virtual ~Tracing() = default;
  // The two are what the client says, or empty. What is no traceparent counts as none.
  virtual TraceContext Begin(std::string_view traceparent, std::string_view tracestate) = 0;
};

}  // namespace aiges
