// SPDX-License-Identifier: Apache-2.0
// loader/api/recent_calls.h: the last calls and sessions, for the list of the status page.
//
// A ring: one short copy per call, by the thread that answers it. A call that failed is kept in a
// second ring, too, so that a flood of good ones does not push it out. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "loader/api/call_record.h"
#include "loader/base/mutex.h"

namespace aiges {

class RecentCalls final : public EndedCalls {
 public:
  static constexpr size_t kKept = 200, kFailed = 100;

  void Add(const CallRecord& record) override {
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
