// SPDX-License-Identifier: Apache-2.0
// loader/telemetry/span.h: a span, as OpenTelemetry has it, and how it is written for OTLP.
//
// Numbers and names are of opentelemetry-proto 1.8 and its "OTLP/HTTP": ids are bytes in
// protobuf and hex in JSON, times are nanoseconds of the Unix epoch. Plain values, pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "loader/base/strings.h"
#include "loader/base/trace_context.h"

namespace aiges {

struct Span {
  enum class Kind : uint8_t { kInternal = 1, kServer = 2, kClient = 3 };
  enum class Outcome : uint8_t { kUnset = 0, kOk = 1, kError = 2 };
  using Value = std::variant<std::string, int64_t, bool>;

  uint64_t trace_high = 0, trace_low = 0, id = 0;
  uint64_t parent = 0;  // 0: none.
  std::string state;    // tracestate.
  std::string name;
  Kind kind = Kind::kInternal;
  int64_t begin_ns = 0, end_ns = 0;
  std::vector<std::pair<std::string_view, Value>> attributes;  // Names are literals.
  Outcome outcome = Outcome::kUnset;
  std::string message;  // Of an error.
};

// Who tells them.
struct SpanSource {
  Pairs resource;             // Attributes: service.name and what else there is.
  std::string name, version;  // Of what has made the spans.
};

// The body of one request to <endpoint>/v1/traces. Text that is not UTF-8 is made so: a collector
// refuses all of a request that is not.
std::string OtlpProtobuf(const SpanSource& source, const std::vector<Span>& spans);
std::string OtlpJson(const SpanSource& source, const std::vector<Span>& spans);

}  // namespace aiges
