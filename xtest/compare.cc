// SPDX-License-Identifier: Apache-2.0
#include "xtest/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"
#include "xtest/report_text.h"

namespace aiges {
namespace {

constexpr size_t kMostBlocks = 120;
constexpr size_t kFewestBlocks = 5;
constexpr int kDraws = 1000;
constexpr double kPercents[] = {50, 90, 95, 99, 99.9};

// A run as blocks over one common list of buckets.
struct Blocks {
  struct Block {
    double seconds = 0, good = 0;
    std::vector<std::pair<uint32_t, uint32_t>> counts;  // Index into upper, calls.
  };
  std::vector<uint64_t> upper;
  std::vector<Block> blocks;
};

Blocks Cut(const Step& step) {
  Blocks out;
  for (const Second& s : step.timeline) {
    for (const Histogram::Bucket& b : s.latency.Buckets()) out.upper.push_back(b.upper);
  }
  std::sort(out.upper.begin(), out.upper.end());
  out.upper.erase(std::unique(out.upper.begin(), out.upper.end()), out.upper.end());
  const size_t seconds = step.timeline.size();
  const size_t width = std::max<size_t>(1, (seconds + kMostBlocks - 1) / kMostBlocks);
  for (size_t at = 0; at < seconds; at += width) {
    Blocks::Block& block = out.blocks.emplace_back();
    Histogram sum;
    for (size_t i = at; i < std::min(at + width, seconds); ++i) {
      const Second& s = step.timeline[i];
      block.seconds += 1;
      block.good += static_cast<double>(s.done - std::min(s.done, s.failed));
      sum.Merge(s.latency);
    }
    for (const Histogram::Bucket& b : sum.Buckets()) {
      const auto place = std::lower_bound(out.upper.begin(), out.upper.end(), b.upper);
      block.counts.emplace_back(static_cast<uint32_t>(place - out.upper.begin()),
                                static_cast<uint32_t>(std::min<uint64_t>(b.count, UINT32_MAX)));
    }
  }
  return out;
}

// Rate and percentiles of one draw.
using Figures = std::array<double, 1 + std::size(kPercents)>;

Figures Draw(const Blocks& run, std::mt19937_64* random, std::vector<uint64_t>* counts) {
  counts->assign(run.upper.size(), 0);
  double seconds = 0, good = 0;
  uint64_t calls = 0;
  for (size_t i = 0; i < run.blocks.size(); ++i) {
    const Blocks::Block& block = run.blocks[(*random)() % run.blocks.size()];
    seconds += block.seconds;
    good += block.good;
    for (const auto& [index, n] : block.counts) {
      (*counts)[index] += n;
      calls += n;
    }
  }
  Figures out{};
  out[0] = seconds > 0 ? good / seconds : 0;
  uint64_t seen = 0;
  size_t next = 0;
  for (size_t i = 0; i < run.upper.size() && next < std::size(kPercents); ++i) {
    seen += (*counts)[i];
    while (next < std::size(kPercents) &&
           static_cast<double>(seen) >= static_cast<double>(calls) * kPercents[next] / 100 &&
           seen > 0) {
      out[++next] = static_cast<double>(run.upper[i]);
    }
  }
  return out;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

template <class Figure>
double MedianOfSeconds(const Step& step, Figure&& figure) {
  std::vector<double> values;
  for (const Second& s : step.timeline) {
    if (s.latency.count() != 0) values.push_back(figure(s));
  }
  return Median(std::move(values));
}

void Confidence(const Step& before, const Step& after, uint64_t seed,
                std::vector<Change>* changes) {
  const Blocks a = Cut(before), b = Cut(after);
  if (a.blocks.size() < kFewestBlocks || b.blocks.size() < kFewestBlocks) return;
  std::mt19937_64 random(seed);
  std::vector<uint64_t> counts;
  std::vector<std::vector<double>> ratios(changes->size());
  for (int i = 0; i < kDraws; ++i) {
    const Figures x = Draw(a, &random, &counts), y = Draw(b, &random, &counts);
    for (size_t f = 0; f < ratios.size(); ++f) {
      if (x[f] > 0) ratios[f].push_back(y[f] / x[f]);
    }
  }
  for (size_t f = 0; f < ratios.size(); ++f) {
    std::vector<double>& r = ratios[f];
    if (r.size() < kDraws / 2) continue;
    std::sort(r.begin(), r.end());
    (*changes)[f].low = r[static_cast<size_t>(0.025 * static_cast<double>(r.size() - 1))];
    (*changes)[f].high =
        r[static_cast<size_t>(std::ceil(0.975 * static_cast<double>(r.size() - 1)))];
  }
}

std::string Shown(const Change& c, double value) {
  return c.is_time ? ShownNanos(value) : StrCat(ShownNumber(value, 1), "/s");
}

const char* Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
      return "better";
    case Verdict::kSame:
      return "no difference shown";
    case Verdict::kWorse:
      return "WORSE";
    case Verdict::kUnknown:
      return "too short to say";
  }
  return "";
}

// Steps of the same rate, or the first of each.
std::vector<std::pair<const Step*, const Step*>> PairsOf(const RunResult& a, const RunResult& b,
                                                         size_t* same) {
  std::vector<std::pair<const Step*, const Step*>> pairs;
  for (const Step& before : a.steps) {
    const auto after = std::find_if(b.steps.begin(), b.steps.end(),
                                    [&](const Step& s) { return s.rate == before.rate; });
    if (after != b.steps.end()) pairs.emplace_back(&before, &*after);
  }
  *same = pairs.size();
  if (pairs.empty() && !a.steps.empty() && !b.steps.empty()) {
    pairs.emplace_back(&a.steps.front(), &b.steps.front());
  }
  return pairs;
}

std::string StepText(const Step& a, const Step& b) {
  const std::vector<Change> changes = CompareSteps(a, b);
  std::string out =
      StrCat("\nat ", StepName(a), a.rate == b.rate ? "" : StrCat(" against ", StepName(b)), "\n");
  if (changes.empty()) return out + "  one of the two has no answered call: nothing to compare\n";
  std::vector<std::vector<std::string>> rows = {{"", "before", "after", "median before",
                                                 "median after", "ratio", "95 % of ratio",
                                                 "verdict"}};
  bool short_run = false;
  for (const Change& c : changes) {
    const bool known = c.low > 0 || c.high > 0;
    short_run |= !known;
    rows.push_back({c.name, Shown(c, c.before), Shown(c, c.after), Shown(c, c.median_before),
                    Shown(c, c.median_after), ShownNumber(c.ratio, 3),
                    known ? StrCat(ShownNumber(c.low, 3), " .. ", ShownNumber(c.high, 3)) : "-",
                    Name(VerdictOf(c))});
  }
  out += Table(rows);
  const double errors_a = ErrorShare(a) * 100, errors_b = ErrorShare(b) * 100;
  if (errors_a > 0 || errors_b > 0) {
    out += StrCat("errors: before ", ShownNumber(errors_a, 3), " %, after ",
                  ShownNumber(errors_b, 3), " %: ", Name(ErrorVerdict(a, b)), "\n");
  }
  if (short_run)
    out += StrCat("Confidence needs runs of at least ", kFewestBlocks, " counted seconds.\n");
  for (const auto& [name, step] : {std::pair{"before", &a}, std::pair{"after", &b}}) {
    if (const std::string why = ClientLimit(*step); !why.empty()) {
      out += StrCat("NOTE: ", name, ": the client itself was the limit: ", why, "\n");
    }
  }
  return out;
}

}  // namespace

std::vector<Change> CompareSteps(const Step& before, const Step& after, uint64_t seed) {
  std::vector<Change> out;
  const Histogram &a = before.latency.last, &b = after.latency.last;
  if (a.count() == 0 || b.count() == 0) return out;
  const auto good = [](const Second& s) {
    return static_cast<double>(s.done - std::min(s.done, s.failed));
  };
  const auto add = [&out](Change c) {
    c.ratio = c.before > 0 ? c.after / c.before : 0;
    out.push_back(std::move(c));
  };
  Change rate;
  rate.name = "good calls";
  rate.before = Throughput(before);
  rate.after = Throughput(after);
  rate.median_before = MedianOfSeconds(before, good);
  rate.median_after = MedianOfSeconds(after, good);
  rate.is_time = false;
  add(rate);
  for (double p : kPercents) {
    const auto of = [p](const Second& s) { return static_cast<double>(s.latency.Percentile(p)); };
    Change c;
    c.name = StrCat("p", ShownNumber(p, 1));
    c.before = static_cast<double>(a.Percentile(p));
    c.after = static_cast<double>(b.Percentile(p));
    c.median_before = MedianOfSeconds(before, of);
    c.median_after = MedianOfSeconds(after, of);
    add(std::move(c));
  }
  Confidence(before, after, seed, &out);
  return out;
}

Verdict VerdictOf(const Change& c) {
  if (c.low <= 0 && c.high <= 0) return Verdict::kUnknown;
  if (c.low <= 1 && c.high >= 1) return Verdict::kSame;
  const bool more = c.low > 1;
  return more == c.is_time ? Verdict::kWorse : Verdict::kBetter;
}

// A test of two proportions; three deviations, because calls that are near in time fail together.
Verdict ErrorVerdict(const Step& before, const Step& after) {
  constexpr double kDeviations = 3;
  const auto a = static_cast<double>(EndedCalls(before)),
             b = static_cast<double>(EndedCalls(after));
  if (a == 0 || b == 0) return Verdict::kUnknown;
  const double pa = ErrorShare(before), pb = ErrorShare(after);
  const double p = (pa * a + pb * b) / (a + b);
  const double deviation = std::sqrt(p * (1 - p) * (1 / a + 1 / b));
  if (std::abs(pb - pa) <= kDeviations * deviation) return Verdict::kSame;
  return pb > pa ? Verdict::kWorse : Verdict::kBetter;
}

Verdict CompareRuns(const RunResult& before, const RunResult& after) {
  bool known = false;
  size_t same = 0;
  for (const auto& [a, b] : PairsOf(before, after, &same)) {
    if (ErrorVerdict(*a, *b) == Verdict::kWorse) return Verdict::kWorse;
    for (const Change& change : CompareSteps(*a, *b)) {
      const Verdict verdict = VerdictOf(change);
      if (verdict == Verdict::kWorse) return verdict;
      known |= verdict != Verdict::kUnknown;
    }
  }
  return known ? Verdict::kSame : Verdict::kUnknown;
}

std::string CompareText(const std::string& name_a, const RunResult& a, const std::string& name_b,
                        const RunResult& b) {
  std::string out =
      StrCat("before: ", name_a, " (", a.started, ", ", a.protocol, ", ", a.mode, ")\n",
             "after:  ", name_b, " (", b.started, ", ", b.protocol, ", ", b.mode, ")\n");
  if (a.protocol != b.protocol || a.mode != b.mode || a.arrival != b.arrival) {
    out += "NOTE: the two runs did not do the same (protocol, mode or arrivals differ).\n";
  }
  if (a.interrupted || b.interrupted) out += "NOTE: a run was interrupted.\n";
  if (a.steps.empty() || b.steps.empty()) return out + "One of the two has measured nothing.\n";
  size_t pairs = 0;
  for (const auto& [before, after] : PairsOf(a, b, &pairs)) out += StepText(*before, *after);
  if (pairs < std::max(a.steps.size(), b.steps.size())) {
    out += StrCat("\n", a.steps.size(), " rates before and ", b.steps.size(), " after; ",
                  std::max<size_t>(pairs, 1), " compared.\n");
  }
  return out;
}

}  // namespace aiges
