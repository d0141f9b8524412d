// SPDX-License-Identifier: Apache-2.0
// loader/api/recent_calls.h: the last calls and sessions, for the list of the status page.
//
// A ring of plain values: one short copy per call, by the thread that answers it, and no memory of
// its own. A call that failed is kept in a second ring, too, so that a flood of good ones does not
// push it out. What a call carried is not kept, only how much. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "loader/api/request.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"

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
  ShortText<47> id;  // As people know it (Request::shown_id).
  ShortText<47> model;
};

class RecentCalls {
 public:
  static constexpr size_t kKept = 200, kFailed = 100;

  void Add(const CallRecord& record) {
    MutexLock lock(mu_);
    const uint64_t number = ++last_;
    CallRecord& kept = all_[number % kKept];
    kept = record;
    kept.number = number;
    if (record.code != 0) failed_[failures_++ % kFailed] = kept;
  }

  // Those that are kept and came after `number`, in the order in which they ended.
  std::vector<CallRecord> Since(uint64_t number) const {
    std::vector<CallRecord> out;
    {
      MutexLock lock(mu_);
      const uint64_t oldest = last_ < kKept ? 1 : last_ - kKept + 1;
      for (const CallRecord& r : failed_) {
        if (r.number > number && r.number < oldest) out.push_back(r);
      }
      for (const CallRecord& r : all_) {
        if (r.number > number) out.push_back(r);
      }
    }
    std::sort(out.begin(), out.end(),
              [](const CallRecord& a, const CallRecord& b) { return a.number < b.number; });
    return out;
  }

 private:
  mutable Mutex mu_;
  uint64_t last_ GUARDED_BY(mu_) = 0, failures_ GUARDED_BY(mu_) = 0;
  std::array<CallRecord, kKept> all_ GUARDED_BY(mu_);
  std::array<CallRecord, kFailed> failed_ GUARDED_BY(mu_);
};

}  // namespace aiges
