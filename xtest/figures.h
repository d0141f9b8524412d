// SPDX-License-Identifier: Apache-2.0
// xtest/figures.h: what every report derives from a Step in the same way.
//
// Step.done counts every call that ended; failed are those of them that ended with an error,
// from the service or from the network; unanswered are not among either.
#pragma once

#include <string>
#include <vector>

#include "xtest/result.h"

namespace aiges {

inline uint64_t EndedCalls(const Step& step) { return step.done + step.unanswered; }

// Share of calls without a good answer, 0..1.
inline double ErrorShare(const Step& step) {
  if (EndedCalls(step) == 0) return 0;
  return static_cast<double>(step.failed + step.unanswered) / static_cast<double>(EndedCalls(step));
}

inline uint64_t NoAnswer(const Step& step) {
  const auto at = step.codes.find(-1);
  return at == step.codes.end() ? 0 : at->second.calls;
}

// Says how they count; beside every table that has them.
inline constexpr const char* kSilent =
    "Calls without an answer (code -1) count with the timeout or longer: at least so long was "
    "waited.";

// Of the calls that the service answered, with a result or an error.
Histogram AnsweredLatency(const Step& step);

// Good answers per second.
inline double Throughput(const Step& step) {
  if (step.seconds <= 0 || step.done < step.failed) return 0;
  return static_cast<double>(step.done - step.failed) / step.seconds;
}

// "closed" or the rate, for headings.
std::string StepName(const Step& step);

// Why the client, and not the server, may have set the figures of this step; empty: it did not.
std::string ClientLimit(const Step& step);
// What a reader of this step is told of its client, as sentences: that it was the limit, or that it
// sent late though it had little to do. Empty: nothing.
std::string ClientNote(const Step& step);

// One row per part of a call's time, in milliseconds, as far as it is known.
struct Part {
  std::string name;
  double ms = 0;
  double share = 0;  // Of the mean latency, 0..1.
};
// Client lag, network and client, queue, channel, engine. Empty without stage times.
std::vector<Part> WhereTimeWent(const Step& step);

}  // namespace aiges
