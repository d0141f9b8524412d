// SPDX-License-Identifier: Apache-2.0
#include "loader/base/nearest.h"

#include <algorithm>

#include "loader/base/strings.h"

namespace aiges {
namespace {

// Longer names are no misspelling of short ones, and comparing them takes time.
constexpr size_t kLongestName = 64;

// Optimal string alignment; UINT_MAX as soon as it is certain to be more than `most`.
unsigned Distance(std::string_view a, std::string_view b, unsigned most) {
  const size_t longer = std::max(a.size(), b.size()), shorter = std::min(a.size(), b.size());
  if (longer - shorter > most || longer > kLongestName) return ~0u;
  std::vector<unsigned> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<unsigned>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = static_cast<unsigned>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const unsigned change = a[i - 1] == b[j - 1] ? 0 : 1;
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

}  // namespace

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates,
                    unsigned most) {
  std::string found;
  unsigned best = most + 1;
  for (const std::string& candidate : candidates) {
    const auto half = static_cast<unsigned>(std::min(name.size(), candidate.size()) / 2);
    const unsigned distance = Distance(name, candidate, std::min(most, half));
    if (distance >= best || distance > half) continue;
    best = distance;
    found = candidate;
  }
  return found;
}

std::string DidYouMean(std::string_view nearest) {
  return nearest.empty() ? "" : StrCat("; did you mean ", nearest, "?");
}

}  // namespace aiges
