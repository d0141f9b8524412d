// SPDX-License-Identifier: Apache-2.0
// loader/access/limit_table.h: [access] limits_file: how much each caller may use.
//
//   # who    model   limits
//   *        *       calls=100/1m concurrent=8
//   *        llm     tokens=20k/1h
//   alice    *       calls=10k/1m,burst=500 bytes=10MB/1h
//   ops      *       unlimited
//
// Who is the id of a caller, "-" those without one (together), "*" everybody (each for himself).
// Spaces are %20.
// A line of a model is for that model, one of "*" for all models together. Of the lines of a model
// that of a caller's own id stands in the place of that of "*"; what so counts for the model and
// for all models must both have room.
//
// Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "loader/api/limit_note.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/status.h"

namespace aiges {

inline constexpr std::string_view kNobody = "-", kAnyone = "*";

// A limit of a line. What is by time is a bucket (GCRA): a unit takes `unit_ns`, and what has been
// taken may be `burst_ns` ahead of the clock.
struct Limit {
  LimitShown shown;
  std::string text;  // As it stands in the file.
  uint64_t burst = 0;
  double unit_ns = 0;
  int64_t burst_ns = 0;

  bool by_time() const { return shown.window_s > 0; }
};

struct LimitLine {
  std::string who, model;
  std::vector<Limit> limits;  // Empty: unlimited.
};
using LimitLineRef = std::shared_ptr<const LimitLine>;

class LimitTable {
 public:
  static constexpr size_t kMostLines = 10'000, kMostLimits = 16;

  // Not ok: the line that is wrong, what was expected there and what came.
  static Status Parse(std::string_view text, std::shared_ptr<const LimitTable>* out);

  // Of those lines of that model, which may be "*", the one that counts for him. nullptr: none.
  LimitLineRef Find(std::string_view model, std::string_view who) const;
  // He has a line of his own.
  bool Names(std::string_view who) const { return named_.contains(who); }
  size_t size() const { return lines_; }

 private:
  using ByWho = std::unordered_map<std::string, LimitLineRef, KeyedHash, std::equal_to<>>;

  Status Add(const std::vector<std::string_view>& words);

  std::unordered_map<std::string, ByWho, KeyedHash, std::equal_to<>> by_model_;
  std::unordered_set<std::string, KeyedHash, std::equal_to<>> named_;
  size_t lines_ = 0;
};

// "calls=100/1m,burst=20". Not ok: what was expected.
Status ReadLimit(std::string_view text, Limit* out);

}  // namespace aiges
