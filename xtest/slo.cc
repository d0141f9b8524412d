// SPDX-License-Identifier: Apache-2.0
#include "xtest/slo.h"

#include <algorithm>

#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

// The latency of a call without an answer, as no limit allows it.
constexpr uint64_t kNever = UINT64_MAX / 2;

Status ParseTerm(std::string_view text, SloTerm* out) {
  const size_t equals = text.find('=');
  std::string_view name = text.substr(0, equals);
  out->name = name;
  if (name.substr(0, 6) == "first_") {
    out->first = true;
    name.remove_prefix(6);
  }
  bool known = name == "max" || name == "mean" || (name == "errors" && !out->first);
  if (name.size() > 1 && name[0] == 'p') {
    known = ParseNumber(name.substr(1), &out->percent) && out->percent > 0 && out->percent < 100;
  }
  if (!known || equals == std::string_view::npos) {
    return Status::Error(
        StatusKind::kInvalid,
        StrCat("expected p50, p99.9, max, mean, first_p99 or errors with '=' and a "
               "limit, like p99=50ms, got \"",
               text, "\""));
  }
  const std::string_view limit = text.substr(equals + 1);
  if (name == "errors") return ParseShare(limit, &out->limit);
  // Without a unit it is unclear what is meant: no default.
  Status status = ParseDuration(limit, -1, &out->limit);
  if (status.ok() && out->limit < 0) {
    status = Status::Error(StatusKind::kInvalid,
                           StrCat("expected a unit behind ", text, ", like ", text, "ms"));
  }
  out->limit *= 1e9;
  return status;
}

SloVerdict CheckErrors(const SloTerm& term, const Step& step) {
  SloVerdict verdict;
  const double share = ErrorShare(step);
  // No call at all proves nothing.
  verdict.met = EndedCalls(step) > 0 && share <= term.limit;
  verdict.text = StrCat("errors ", ShownNumber(share * 100, 3), " %, limit ",
                        ShownNumber(term.limit * 100, 3), " %");
  return verdict;
}

SloVerdict CheckLatency(const SloTerm& term, const Step& step) {
  SloVerdict verdict;
  uint64_t silent =
      term.first ? step.latency.first.count() - step.latency.first_seen.count() : NoAnswer(step);
  Histogram h = term.first    ? step.latency.first_seen
                : silent == 0 ? step.latency.last
                              : AnsweredLatency(step);
  if (!term.first) silent += step.unanswered;
  if (h.count() == 0) {
    verdict.text = StrCat(term.name, ": no call was answered, limit ", ShownNanos(term.limit));
    return verdict;
  }
  h.Add(kNever, silent);
  const bool mean = term.name == "mean" || term.name == "first_mean";
  const double value = term.percent > 0  ? static_cast<double>(h.Percentile(term.percent))
                       : mean && !silent ? h.mean()
                                         : static_cast<double>(h.max());
  verdict.met = value <= term.limit;
  verdict.text = StrCat(
      term.name, " ",
      value < static_cast<double>(kNever)
          ? ShownNanos(value)
          : StrCat("no answer (to ", ShownCount(silent), " of ", ShownCount(h.count()), " calls)"),
      ", limit ", ShownNanos(term.limit));
  return verdict;
}

}  // namespace

Status ParseSlo(std::string_view text, std::vector<SloTerm>* out) {
  std::vector<SloTerm> terms;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    SloTerm term;
    if (Status status = ParseTerm(text.substr(0, comma), &term); !status.ok()) return status;
    terms.push_back(std::move(term));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (terms.empty()) {
    return Status::Error(StatusKind::kInvalid,
                         "expected limits like p99=50ms,errors=0.1%, got none");
  }
  *out = std::move(terms);
  return Status::Ok();
}

std::vector<SloVerdict> CheckSlo(const std::vector<SloTerm>& terms, const Step& step) {
  std::vector<SloVerdict> out;
  for (const SloTerm& term : terms) {
    SloVerdict verdict = term.name == "errors" ? CheckErrors(term, step) : CheckLatency(term, step);
    verdict.text += verdict.met ? ": kept" : ": MISSED";
    out.push_back(std::move(verdict));
  }
  return out;
}

bool AllMet(const std::vector<SloVerdict>& verdicts) {
  return std::all_of(verdicts.begin(), verdicts.end(), [](const SloVerdict& v) { return v.met; });
}

}  // namespace aiges
