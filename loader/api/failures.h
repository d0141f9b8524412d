// SPDX-License-Identifier: Apache-2.0
// loader/api/failures.h: what went wrong lately, for the status page.
//
// A bounded memory per kind, so that a flood of refused calls does not push out why a worker died.
// What happens again in the same words is one entry with a count. Texts are cut. Costs nothing
// where nothing fails. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/mutex.h"

namespace aiges {

enum class FailureKind : uint8_t { kCall, kSession, kWorker };
inline constexpr size_t kFailureKinds = 3;

inline const char* KindName(FailureKind kind) {
  static constexpr const char* kNames[kFailureKinds] = {"call", "session", "worker"};
  return kNames[static_cast<size_t>(kind)];
}

struct FailureEvent {
  FailureKind kind = FailureKind::kCall;
  int code = 0;               // Of the loader; 0 for workers.
  int instance = -1;          // -1: none, or not known.
  std::string_view sid = {};  // The newest one's.
  std::string_view text = {};
  std::string_view detail = {};  // A traceback, or the last lines of a worker.
};

struct Failure {
  uint64_t id = 0;      // Of the entry.
  uint64_t change = 0;  // Grows with every event: what is above a number seen before is new.
  FailureKind kind = FailureKind::kCall;
  int code = 0;
  int instance = -1;  // The newest one's.
  uint64_t count = 1;
  std::chrono::system_clock::time_point first, last;
  std::string sid, text, detail;
};

class RecentFailures {
 public:
  static constexpr size_t kEntries = 50;  // Of each kind.
  static constexpr size_t kMostText = 2048, kMostDetail = 8192, kMostSid = 128;

  // The number of its entry.
  uint64_t Add(const FailureEvent& event) {
    const auto now = std::chrono::system_clock::now();
    const std::string_view text = event.text.substr(0, kMostText);
    MutexLock lock(mu_);
    std::deque<Failure>& entries = entries_[static_cast<size_t>(event.kind)];
    auto same = std::find_if(entries.begin(), entries.end(), [&](const Failure& f) {
      // Which of the workers ran a call says little; which one dies says much.
      const bool same_worker = event.kind != FailureKind::kWorker || f.instance == event.instance;
      return f.code == event.code && same_worker && f.text == text;
    });
    if (same == entries.end()) {
      if (entries.size() == kEntries) entries.pop_front();
      Failure& made = entries.emplace_back();
      made.id = changes_ + 1;
      made.kind = event.kind;
      made.code = event.code;
      made.first = now;
      made.text = text;
      same = entries.end() - 1;
    } else {
      ++same->count;
      std::rotate(same, same + 1, entries.end());  // The newest is the last.
      same = entries.end() - 1;
    }
    same->change = ++changes_;
    same->last = now;
    same->instance = event.instance;
    same->sid = event.sid.substr(0, kMostSid);
    same->detail = event.detail.substr(0, kMostDetail);
    return same->id;
  }

  // Entries of all kinds that have changed after `change`, in the order of their newest event.
  std::vector<Failure> Since(uint64_t change) const {
    std::vector<Failure> out;
    {
      MutexLock lock(mu_);
      for (const auto& entries : entries_) {
        for (const Failure& f : entries) {
          if (f.change > change) out.push_back(f);
        }
      }
    }
    std::sort(out.begin(), out.end(),
              [](const Failure& a, const Failure& b) { return a.change < b.change; });
    return out;
  }

 private:
  mutable Mutex mu_;
  uint64_t changes_ GUARDED_BY(mu_) = 0;
  std::deque<Failure> entries_[kFailureKinds] GUARDED_BY(mu_);
};

}  // namespace aiges
