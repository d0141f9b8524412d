// xtest/slo.h: limits that a run has to keep: "p99=50ms,first_p95=10ms,errors=0.1%".
//
// Pure. Latency limits are checked against the calls that were answered without error in the sense
// of result.h (all answered calls); a step without one answered call keeps no latency limit.
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
