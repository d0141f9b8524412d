// SPDX-License-Identifier: Apache-2.0
// loader/api/call_record.h: what is known of a call or session that is over: for people, for
// traces, for whoever counts what is used.
//
// A plain value. What a call carried is not in it, only how much.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/origin.h"
#include "loader/api/request.h"
#include "loader/base/clock.h"

namespace aiges {

// A text that is cut, so that a record needs no memory elsewhere.
template <size_t kSize>
class ShortText {
 public:
  ShortText() = default;
  explicit ShortText(std::string_view text)
      : size_(static_cast<uint8_t>(std::min(text.size(), kSize))) {
    std::copy_n(text.data(), size_, data_.data());
  }
  std::string_view view() const { return {data_.data(), size_}; }

 private:
  static_assert(kSize < 256);
  std::array<char, kSize> data_{};
  uint8_t size_ = 0;
};

// What the engine has counted for one call or session (CTMeterCustom), by its key.
class MeterCounts {
 public:
  // Bounds what a record may hold: what is beyond them counts in aiges_meter_total alone.
  static constexpr size_t kMostKeys = 16, kMostKey = 64;

  void Add(std::string_view key, uint64_t count) {
    key = key.substr(0, kMostKey);
    for (auto& [known, sum] : counts_) {
      if (known == key) {
        sum += count;
        return;
      }
    }
    if (counts_.size() < kMostKeys) counts_.emplace_back(key, count);
  }
  const std::vector<std::pair<std::string, uint64_t>>& all() const { return counts_; }

 private:
  std::vector<std::pair<std::string, uint64_t>> counts_;
};

struct CallRecord {
  uint64_t number = 0;  // They count from 1; given by RecentCalls.
  TimePoint ended;
  Duration total{0};      // Since it came; of a session, since it was opened.
  StageTimes times;       // Not of sessions.
  uint64_t bytes_in = 0;  // Of data, without heads and parameters.
  uint64_t bytes_out = 0;
  uint64_t outputs = 0;       // Of a session: batches that its client was given.
  uint64_t failure = 0;       // Its entry in RecentFailures; 0: none.
  const char* protocol = "";  // Request::protocol.
  int code = 0;               // Of the loader; 0 is success.
  int instance = -1;          // Only where it failed in one.
  bool session = false;
  bool replayed = false;  // It ran twice, as its first worker died.
  bool refused = false;   // It was not admitted: the engine has not heard of it.
  unsigned gpus = 0;      // Devices that its instance has for itself; 0: not known.
  ShortText<47> id;       // As people know it (Request::shown_id).
  ShortText<47> model;
  ShortText<23> version;                      // Of the model.
  std::shared_ptr<const MeterCounts> meters;  // Nothing: the engine has counted nothing.
  OriginRef origin;                           // Nothing: not known.
};

// Who hears of every call and session that is over, before its client does; and of workers.
// Add is called on the thread that answers, of a session also with a lock held: must not wait.
class EndedCalls {
 public:
  virtual ~EndedCalls() = default;
  virtual void Add(const CallRecord& record) = 0;
  // A worker serves from `ready` on; `took`: since its process was started. Hub thread.
  virtual void WorkerStarted(std::string_view, unsigned /*instance*/, TimePoint /*ready*/,
                             Duration /*took*/) {}
};

}  // namespace aiges
