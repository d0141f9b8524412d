// SPDX-License-Identifier: Apache-2.0
// xtest/compare.h: what changed from one run to another, and how sure that is. Pure.
//
// Overview: each run's timeline is cut into blocks of whole seconds, and percentiles are those of
// blocks drawn again and again with replacement (bootstrap, Efron 1979). Blocks, not calls, because
// calls that are near in time are slow together; drawing calls would be far too sure of itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "xtest/result.h"

namespace aiges {

struct Change {
  std::string name;
  double before = 0, after = 0;                // Of the whole run.
  double median_before = 0, median_after = 0;  // Of the seconds.
  double ratio = 0;                            // after / before.
  double low = 0, high = 0;                    // 95 % of the ratio lie between; 0: not known.
  bool is_time = true;                         // Nanoseconds, less is better; else a rate.
};

// Empty when one of the two has no answered call.
std::vector<Change> CompareSteps(const Step& before, const Step& after, uint64_t seed = 1);

enum class Verdict { kBetter, kSame, kWorse, kUnknown };  // kUnknown: too short to say.

Verdict VerdictOf(const Change& change);
// Of the share of failed calls: kWorse, kBetter when the difference is more than chance.
Verdict ErrorVerdict(const Step& before, const Step& after);
// kWorse when one figure of one pair of steps is; kUnknown when nothing can be said of any pair.
Verdict CompareRuns(const RunResult& before, const RunResult& after);

// The report of `xtest compare`: steps with the same rate are compared, or the first of each.
std::string CompareText(const std::string& name_a, const RunResult& a, const std::string& name_b,
                        const RunResult& b);

}  // namespace aiges
