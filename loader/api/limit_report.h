// SPDX-License-Identifier: Apache-2.0
// loader/api/limit_report.h: how the limits of callers stand, for pages. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "loader/api/limit_note.h"

namespace aiges {

inline constexpr size_t kLimitUnits = 6;

inline const char* UnitName(LimitUnit unit) {
  static constexpr const char* kNames[kLimitUnits] = {"calls",    "bytes",   "concurrent",
                                                      "sessions", "seconds", "meter"};
  return kNames[static_cast<size_t>(unit)];
}

// A limit of one caller.
struct LimitState {
  std::string caller, model;                 // "*": all models together.
  std::string limit;                         // As it stands in the file.
  uint64_t quota = 0, left = 0, full_s = 0;  // As LimitLeft.
};

struct LimitsReport {
  bool on = false;
  std::string file;
  uint64_t lines = 0;
  unsigned hosts = 1;    // That share them.
  uint64_t callers = 0;  // Of which something is known.
  uint64_t crowded = 0;  // Times that a caller was counted with others, for want of room.
  std::string problem;   // Why the file as it is now is not in force; empty: it is.
  std::array<uint64_t, kLimitUnits> refused{};  // Calls and sessions, by the unit.
  std::vector<LimitState> states;               // Those with the least left, relatively.
};

}  // namespace aiges
