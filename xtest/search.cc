// SPDX-License-Identifier: Apache-2.0
#include "xtest/search.h"

#include <algorithm>
#include <cmath>

#include "loader/base/strings.h"
#include "xtest/figures.h"
#include "xtest/quantity.h"
#include "xtest/report_text.h"

namespace aiges {
namespace {

constexpr int kRechecks = 5;
constexpr double kAnswered = 0.95;  // Of the wanted rate.

// Rates people can read: three digits.
double Rounded(double rate) {
  if (rate < 100) return std::max(std::round(rate * 10) / 10, 0.1);
  const double unit = std::pow(10, std::floor(std::log10(rate)) - 2);
  return std::round(rate / unit) * unit;
}

class Searcher {
 public:
  Searcher(const SearchLimits& limits, const std::vector<SloTerm>& slo,
           const std::function<std::optional<Step>(double)>& run)
      : limits_(limits), slo_(slo), run_(run) {}

  SearchResult Run() {
    double kept = limits_.min;
    if (!Try(kept)) return Done(0);
    double missed = 0;
    while (missed == 0 && kept < limits_.max && !result_.interrupted) {
      const double next = std::min(Rounded(kept * 2), limits_.max);
      (Try(next) ? kept : missed) = next;
    }
    while (missed > kept * (1 + limits_.precision) && !result_.interrupted) {
      const double middle = Rounded((kept + missed) / 2);
      if (middle <= kept || middle >= missed) break;
      (Try(middle) ? kept : missed) = middle;
    }
    return Recheck(kept);
  }

 private:
  bool Try(double rate) {
    if (result_.interrupted) return false;
    std::optional<Step> step = run_(rate);
    if (!step) {
      result_.interrupted = true;
      return false;
    }
    Tried tried;
    tried.rate = rate;
    const std::vector<SloVerdict> verdicts = CheckSlo(slo_, *step);
    tried.kept = AllMet(verdicts);
    for (const SloVerdict& v : verdicts) {
      if (!v.met) tried.why += StrCat(tried.why.empty() ? "" : "; ", v.text);
    }
    // In a run of some seconds a server that falls behind may still keep the limit.
    if (tried.kept && Throughput(*step) < rate * kAnswered) {
      tried.kept = false;
      const std::string client = ClientLimit(*step);
      tried.why = StrCat("answered ", ShownNumber(Throughput(*step), 1), "/s only");
      if (!client.empty()) tried.why += StrCat("; the client itself was the limit: ", client);
    }
    const bool kept = tried.kept;
    result_.tried.push_back(std::move(tried));
    result_.steps.push_back(std::move(*step));
    return kept;
  }

  SearchResult Recheck(double rate) {
    for (int i = 0; i < kRechecks && !result_.interrupted; ++i) {
      const bool before = std::any_of(result_.tried.begin(), result_.tried.end(),
                                      [rate](const Tried& t) { return t.rate == rate && t.kept; });
      if ((before || Try(rate)) && Try(rate)) return Done(rate);
      if (rate == limits_.min) break;
      rate = std::max(limits_.min, Rounded(rate * (1 - limits_.precision)));
    }
    return Done(0);
  }

  SearchResult Done(double rate) {
    result_.found = rate > 0;
    result_.rate = rate;
    if (result_.interrupted) {
      // What was kept before Ctrl-C is still worth saying.
      for (const Tried& t : result_.tried) {
        if (t.kept) result_.rate = std::max(result_.rate, t.rate);
      }
      result_.text = result_.rate > 0 ? StrCat("Interrupted; so far ", ShownNumber(result_.rate, 1),
                                               "/s keeps the SLO.")
                                      : std::string("Interrupted before a rate kept the SLO.");
    } else if (rate >= limits_.max) {
      result_.text = StrCat(ShownNumber(rate, 1),
                            "/s keeps the SLO, and is the highest that was "
                            "allowed; raise -max to go on.");
    } else if (result_.found) {
      result_.text = StrCat("The highest rate that keeps the SLO is ", ShownNumber(rate, 1), "/s.");
    } else if (result_.tried.size() == 1) {
      result_.text = StrCat("Not even ", ShownNumber(limits_.min, 1), "/s keeps the SLO (",
                            result_.tried.front().why, "); lower -min, or the demands.");
    } else {
      result_.text = "No rate kept the SLO twice; measure longer with -seconds.";
    }
    return std::move(result_);
  }

  const SearchLimits& limits_;
  const std::vector<SloTerm>& slo_;
  const std::function<std::optional<Step>(double)>& run_;
  SearchResult result_;
};

}  // namespace

SearchResult Search(const SearchLimits& limits, const std::vector<SloTerm>& slo,
                    const std::function<std::optional<Step>(double)>& run) {
  return Searcher(limits, slo, run).Run();
}

std::string SearchText(const SearchResult& result) {
  std::vector<std::vector<std::string>> rows = {
      {"rate", "SLO", "p50", "p99", "errors", "last text"}};
  for (size_t i = 0; i < result.tried.size(); ++i) {
    const Tried& t = result.tried[i];
    const Step& s = result.steps[i];
    const auto shown = [&s](double p) {
      return s.latency.last.count() == 0
                 ? std::string("-")
                 : ShownNanos(static_cast<double>(s.latency.last.Percentile(p)));
    };
    rows.push_back({StrCat(ShownNumber(t.rate, 1), "/s"), t.kept ? "kept" : "missed", shown(50),
                    shown(99), StrCat(ShownNumber(ErrorShare(s) * 100, 3), " %"), t.why});
  }
  rows.front().back() = "last text";
  return StrCat(Table(rows), "\n", result.text, "\n");
}

}  // namespace aiges
