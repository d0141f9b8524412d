// SPDX-License-Identifier: Apache-2.0
// xtest/slo.h: limits that a run has to keep: "p99=50ms,first_p95=10ms,errors=0.1%".
//
// Pure. Latency limits are checked against all calls, whatever code the service answered. A call
// without an answer is over every limit, however soon the client gave up: with p99, one in a
// hundred is allowed, with max and mean none. A step without one answered call keeps no latency
// limit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"
#include "xtest/result.h"

namespace aiges {

struct SloTerm {
  std::string name;     // As typed: "p99", "first_max", "errors".
  bool first = false;   // Of the first result.
  double percent = -1;  // Of a percentile.
  double limit = 0;     // Nanoseconds; of "errors" a share from 0 to 1.
};

struct SloVerdict {
  bool met = false;
  std::string text;  // "p99 48.2 ms, limit 50.0 ms: kept".
};

Status ParseSlo(std::string_view text, std::vector<SloTerm>* out);

std::vector<SloVerdict> CheckSlo(const std::vector<SloTerm>& terms, const Step& step);
bool AllMet(const std::vector<SloVerdict>& verdicts);

}  // namespace aiges
