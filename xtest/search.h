// SPDX-License-Identifier: Apache-2.0
// xtest/search.h: the highest rate that keeps an SLO. Pure: the caller runs the load.
//
// Life cycle: the lowest rate; doubling until one fails; halving the gap until it is 5 %; then the
// border is run once more, because one run of a few seconds may have been lucky. When it fails now,
// 5 % less is tried, until a rate was kept twice.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "xtest/result.h"
#include "xtest/slo.h"

namespace aiges {

struct SearchLimits {
  double min = 10, max = 1e6;
  double precision = 0.05;  // The gap between kept and missed, as a part of the rate.
};

struct Tried {
  double rate = 0;
  bool kept = false;
  std::string why;  // The limit that was missed, or that the client could not send so much.
};

struct SearchResult {
  bool found = false;
  bool interrupted = false;
  double rate = 0;
  std::vector<Tried> tried;
  std::vector<Step> steps;  // All that were run, in order.
  std::string text;         // One sentence for people.
};

// `run` measures one rate; nullopt ends the search (Ctrl-C).
SearchResult Search(const SearchLimits& limits, const std::vector<SloTerm>& slo,
                    const std::function<std::optional<Step>(double)>& run);

std::string SearchText(const SearchResult& result);

}  // namespace aiges
