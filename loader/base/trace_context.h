// SPDX-License-Identifier: Apache-2.0
// loader/base/trace_context.h: which trace something is a part of, as W3C Trace Context, level 1
// (https://www.w3.org/TR/trace-context-1/) has it.
//
// A trace is named by 16 bytes, a span in it by 8. Here they are numbers, the first byte the
// highest. A plain value and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiges {

struct TraceContext {
  uint64_t trace_high = 0, trace_low = 0;
  uint64_t span = 0;    // Of what this is the context of; 0: it has none.
  uint64_t parent = 0;  // The span that it is within; 0: it is the first of its trace.
  bool sampled = false;
  std::string state = {};  // tracestate, as it came.

  bool valid() const { return (trace_high | trace_low) != 0; }
};

// Reads a traceparent: its trace, its span as the parent, and whether that was sampled. False for
// what is none; *out is left as it was. Of later versions what is known of this one is read.
bool ReadTraceParent(std::string_view text, TraceContext* out);
// Whether a tracestate may be handed on: visible, and not longer than what everybody must carry.
bool IsTraceState(std::string_view text);

// The traceparent that things within `span` of that trace are told.
std::string TraceParent(const TraceContext& trace, uint64_t span);

// 32 and 16 hex digits.
std::string TraceIdText(const TraceContext& trace);
std::string SpanIdText(uint64_t span);

}  // namespace aiges
