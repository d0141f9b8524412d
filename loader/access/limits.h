// SPDX-License-Identifier: Apache-2.0
// loader/access/limits.h: holds calls and sessions to what [access] limits_file gives their caller.
//
// Overview. Admit looks up the lines that count for the caller and the model (limit_table.h), and
// lets the call in where all of their limits have room, of which it takes; what cannot be known
// before (bytes of answers, units that engines count, time) is charged when it is over, and may
// leave a debt. A bucket is one number: when all of it will be there again. So a caller about whom
// there is nothing to know (all is there, nothing runs) can be forgotten and is, within seconds.
//
// The file is read again when it has changed. What a caller has used stays, limit by limit, where
// the text of the limit is the same.
//
// Bounds. Of "*" so many accounts are kept: kMostAccounts, for each caller one of each line that is
// for it. One more caller is counted together with all others that found no room, until some are
// forgotten. A line of a caller's own always has its account.
//
// Several loaders. Shared by n, a unit costs n times as much here: the n loaders together give what
// the file says. Of what is at one time each has its share, at least 1.
//
// Threads: Admit, allowances, Report and SetHosts are thread-safe; each caller is behind the lock
// of one of several shards, never for long. Use and Look are thread-safe, and read a file. Outlives
// the allowances.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loader/access/limit_table.h"
#include "loader/api/call_gate.h"
#include "loader/api/limit_report.h"
#include "loader/base/clock.h"
#include "loader/base/file_mark.h"
#include "loader/base/mutex.h"

namespace aiges {

class Limits final : public CallGate {
 public:
  static constexpr size_t kShards = 32, kMostAccounts = 65'536;

  explicit Limits(const Clock* clock, size_t most_accounts = kMostAccounts)
      : clock_(*clock), most_in_shard_(std::max<size_t>(most_accounts / kShards, 1)) {}

  // From now on the limits are those of that file; empty: there are none. Not ok: it cannot be
  // used, those of before stay, and it is looked at again when it changes.
  Status Use(const std::string& path);
  // Whether it could be used; nothing changes. Empty: it could.
  static Status Check(const std::string& path);
  // Once a second or so: a file that has changed; callers to be forgotten.
  void Look();
  // So many loaders share what the file says, this one among them.
  void SetHosts(unsigned hosts) { hosts_ = std::max(hosts, 1u); }

  bool on() const { return on_.load(std::memory_order_relaxed); }
  Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) override;
  // With `most` states at most.
  LimitsReport Report(size_t most) const;

 private:
  // What a caller has used of a line: of that of a model, or of all models.
  struct Account {
    LimitLineRef line;  // Nothing: there is none any more, and calls run that began with one.
    std::vector<int64_t> full_at;  // Of each of its limits: when all of it is there again.
    uint32_t running = 0, sessions = 0;
  };
  using AccountRef = std::shared_ptr<Account>;
  using Person = std::map<std::string, AccountRef, std::less<>>;  // By the model, or "*".
  struct Shard {
    mutable Mutex mu;
    std::shared_ptr<const LimitTable> table GUARDED_BY(mu);
    std::unordered_map<std::string, Person, KeyedHash, std::equal_to<>> people GUARDED_BY(mu);
    size_t accounts GUARDED_BY(mu) = 0;  // Of people.
    Person crowd GUARDED_BY(mu);         // Who found no room.
  };
  struct Accounts {  // That a call takes of: of its model, and of all.
    std::array<AccountRef, 2> all;
    size_t count = 0;
  };
  class Taken;
  // What stands in the way, and for how long.
  struct Obstacle {
    const Limit* limit = nullptr;
    const LimitLine* line = nullptr;
    int64_t wait_ns = -1;
  };

  static void Adopt(Account* account, LimitLineRef line);
  // To the lines of now. How many accounts are over with that.
  static size_t Renew(const LimitTable* table, std::string_view who, Person* accounts);
  static bool IsIdle(const Account& account, int64_t now);
  double Cost(const Limit& limit) const { return limit.unit_ns * hosts_; }
  uint64_t ShareOf(uint64_t quota) const { return std::max<uint64_t>(quota / hosts_, 1); }
  int64_t WaitFor(const Limit& limit, const Account& account, size_t i, bool session,
                  int64_t now) const;
  LimitLeft LeftOf(const LimitLineRef& line, const Account& account, size_t i, int64_t now) const;
  Accounts AccountsOf(Shard& shard, std::string_view caller, std::string_view model)
      REQUIRES(shard.mu);
  Obstacle ObstacleOf(const Accounts& accounts, bool session, int64_t now) const;
  // Of all its limits of that unit so much is taken; given back where it is less than nothing.
  void Add(Account* account, LimitUnit unit, double units, int64_t now,
           std::string_view meter = {}) const;
  std::vector<LimitLeft> AllLeft(const Accounts& accounts, int64_t now) const;
  static Status Refusal(const Obstacle& obstacle, std::string_view caller);
  Status Load() REQUIRES(file_mu_);
  void Put(const std::shared_ptr<const LimitTable>& table) REQUIRES(file_mu_);
  void Sweep(Shard& shard, int64_t now) REQUIRES(shard.mu);
  void WarnOfCrowd() REQUIRES(file_mu_);
  Shard& ShardOf(std::string_view caller) { return shards_[hash_(caller) % kShards]; }

  const Clock& clock_;
  const size_t most_in_shard_;
  const KeyedHash hash_;
  std::atomic<bool> on_{false};
  std::atomic<unsigned> hosts_{1};
  std::array<Shard, kShards> shards_;
  std::array<std::atomic<uint64_t>, kLimitUnits> refused_{};
  std::atomic<uint64_t> crowded_{0};

  mutable Mutex file_mu_;
  std::string path_ GUARDED_BY(file_mu_);
  FileMark mark_ GUARDED_BY(file_mu_);  // Of what was read last.
  std::string problem_ GUARDED_BY(file_mu_);
  size_t lines_ GUARDED_BY(file_mu_) = 0;  // In force.
  uint64_t crowd_said_ GUARDED_BY(file_mu_) = 0;
  TimePoint crowd_said_at_ GUARDED_BY(file_mu_){};
};

}  // namespace aiges
