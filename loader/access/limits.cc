// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limits.h"

#include <cmath>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// A debt is at most so long: what an engine counts may be anything.
constexpr double kLongestDebtNs = 366.0 * 86'400 * 1e9;
constexpr std::chrono::minutes kSayCrowdEvery{1};
constexpr const char* kCrowd = "(others)";

int64_t CeilDivide(int64_t n, int64_t by) { return (n + by - 1) / by; }

// Never less than it is: clients read it, too.
std::string WaitText(int64_t ns) {
  const int64_t tenths = CeilDivide(ns, kSecondNs / 10);
  if (tenths > 100) return StrCat(CeilDivide(ns, kSecondNs), " s");
  return StrCat(tenths / 10, ".", tenths % 10, " s");
}

Status ReadTable(const std::string& path, std::shared_ptr<const LimitTable>* out) {
  std::string text;
  Status status = ReadRuleFile(path, &text);
  if (status.ok()) status = LimitTable::Parse(text, out);
  if (!status.ok()) status.text = StrCat("[access] limits_file ", path, ": ", status.text);
  return status;
}

bool IsOf(const LimitShown& limit, LimitUnit unit, std::string_view meter) {
  return limit.unit == unit && (unit != LimitUnit::kMeter || limit.meter == meter);
}

}  // namespace

class Limits::Taken final : public Allowance {
 public:
  Taken(Limits* limits, Shard* shard, Accounts accounts, const Asking& asking)
      : limits_(*limits),
        shard_(*shard),
        accounts_(std::move(accounts)),
        bytes_(asking.bytes),
        session_(asking.session) {}

  ~Taken() override {
    if (charged_) return;
    const int64_t now = ToNanos(limits_.clock_.Now());
    MutexLock lock(shard_.mu);
    for (size_t i = 0; i < accounts_.count; ++i) {
      Account* account = accounts_.all[i].get();
      Free(account);
      limits_.Add(account, LimitUnit::kCalls, -1, now);
      limits_.Add(account, LimitUnit::kBytes, -static_cast<double>(bytes_), now);
    }
  }

  void Charge(const Spent& spent) override {
    if (std::exchange(charged_, true)) return;
    const int64_t now = ToNanos(limits_.clock_.Now());
    const double seconds = std::chrono::duration<double>(spent.time).count();
    MutexLock lock(shard_.mu);
    for (size_t i = 0; i < accounts_.count; ++i) {
      Account* account = accounts_.all[i].get();
      Free(account);
      if (spent.bytes > bytes_) {
        limits_.Add(account, LimitUnit::kBytes, static_cast<double>(spent.bytes - bytes_), now);
      }
      limits_.Add(account, LimitUnit::kSeconds, seconds, now);
      if (spent.meters == nullptr) continue;
      for (const auto& [key, count] : spent.meters->all()) {
        limits_.Add(account, LimitUnit::kMeter, static_cast<double>(count), now, key);
      }
    }
  }

 private:
  void Free(Account* account) const {
    --account->running;
    if (session_) --account->sessions;
  }

  Limits& limits_;
  Shard& shard_;
  const Accounts accounts_;
  const uint64_t bytes_;
  const bool session_;
  bool charged_ = false;
};

// The levels of limits that are the same stay.
void Limits::Adopt(Account* account, LimitLineRef line) {
  std::vector<int64_t> full_at(line == nullptr ? 0 : line->limits.size(), 0);
  for (size_t i = 0; i < full_at.size() && account->line != nullptr; ++i) {
    for (size_t j = 0; j < account->full_at.size(); ++j) {
      if (account->line->limits[j].text == line->limits[i].text) full_at[i] = account->full_at[j];
    }
  }
  account->line = std::move(line);
  account->full_at = std::move(full_at);
}

size_t Limits::Renew(const LimitTable* table, std::string_view who, Person* accounts) {
  return std::erase_if(*accounts, [&](const auto& each) {
    Account& account = *each.second;
    LimitLineRef line = table == nullptr ? nullptr : table->Find(each.first, who);
    if (line != nullptr && line->limits.empty()) line = nullptr;
    const bool over = line == nullptr && account.running == 0;
    Adopt(&account, std::move(line));
    return over;
  });
}

bool Limits::IsIdle(const Account& account, int64_t now) {
  return account.running == 0 && std::all_of(account.full_at.begin(), account.full_at.end(),
                                             [now](int64_t full_at) { return full_at <= now; });
}

Limits::Accounts Limits::AccountsOf(Shard& shard, std::string_view caller, std::string_view model) {
  Accounts out;
  if (shard.table == nullptr) return out;
  auto person = shard.people.find(caller);
  const auto add = [&](std::string_view of) REQUIRES(shard.mu) {
    AccountRef account;
    if (person != shard.people.end()) {
      const auto known = person->second.find(of);
      if (known != person->second.end()) account = known->second;
    }
    if (account != nullptr && account->line != nullptr) {
      out.all[out.count++] = std::move(account);
      return;
    }
    LimitLineRef line = shard.table->Find(of, caller);
    if (line == nullptr || line->limits.empty()) return;
    if (account == nullptr) {
      const bool crowded = line->who == kAnyone && shard.accounts >= most_in_shard_;
      if (crowded) {
        crowded_.fetch_add(1, std::memory_order_relaxed);
      } else {
        ++shard.accounts;
        if (person == shard.people.end())
          person = shard.people.try_emplace(std::string(caller)).first;
      }
      AccountRef& place = (crowded ? shard.crowd : person->second)[std::string(of)];
      if (place == nullptr) place = std::make_shared<Account>();
      account = place;
    }
    if (account->line != line) Adopt(account.get(), std::move(line));
    out.all[out.count++] = std::move(account);
  };
  add(model);
  if (model != kAnyone) add(kAnyone);
  return out;
}

int64_t Limits::WaitFor(const Limit& limit, const Account& account, size_t i, bool session,
                        int64_t now) const {
  switch (limit.shown.unit) {
    case LimitUnit::kConcurrent:
      return account.running < ShareOf(limit.shown.quota) ? 0 : kSecondNs;
    case LimitUnit::kSessions:
      return !session || account.sessions < ShareOf(limit.shown.quota) ? 0 : kSecondNs;
    case LimitUnit::kCalls: {
      // One that is more than there ever is may come when all is there.
      const int64_t room = limit.burst_ns - static_cast<int64_t>(Cost(limit));
      return account.full_at[i] - now - std::max<int64_t>(room, 0);
    }
    case LimitUnit::kBytes:
    case LimitUnit::kSeconds:
    case LimitUnit::kMeter:
      // How much it will be is not known: something must be left.
      return account.full_at[i] - now - limit.burst_ns + 1;
  }
  return 0;
}

Limits::Obstacle Limits::ObstacleOf(const Accounts& accounts, bool session, int64_t now) const {
  Obstacle found;
  for (size_t a = 0; a < accounts.count; ++a) {
    const Account& account = *accounts.all[a];
    for (size_t i = 0; i < account.full_at.size(); ++i) {
      const Limit& limit = account.line->limits[i];
      const int64_t wait = WaitFor(limit, account, i, session, now);
      if (wait > 0 && wait > found.wait_ns) found = {&limit, account.line.get(), wait};
    }
  }
  return found;
}

void Limits::Add(Account* account, LimitUnit unit, double units, int64_t now,
                 std::string_view meter) const {
  for (size_t i = 0; i < account->full_at.size(); ++i) {
    const Limit& limit = account->line->limits[i];
    if (!IsOf(limit.shown, unit, meter)) continue;
    int64_t& full_at = account->full_at[i];
    const double cost = std::clamp(units * Cost(limit), -kLongestDebtNs, kLongestDebtNs);
    const int64_t latest = now + limit.burst_ns + static_cast<int64_t>(kLongestDebtNs);
    full_at = std::min(std::max(full_at, now) + static_cast<int64_t>(std::ceil(cost)), latest);
  }
}

LimitLeft Limits::LeftOf(const LimitLineRef& line, const Account& account, size_t i,
                         int64_t now) const {
  const Limit& limit = line->limits[i];
  LimitLeft left;
  left.limit = std::shared_ptr<const LimitShown>(line, &limit.shown);
  left.quota = ShareOf(limit.shown.quota);
  if (!limit.by_time()) {
    const bool sessions = limit.shown.unit == LimitUnit::kSessions;
    const uint64_t used = sessions ? account.sessions : account.running;
    left.left = left.quota - std::min(left.quota, used);
    return left;
  }
  const int64_t owed = std::max<int64_t>(account.full_at[i] - now, 0);
  const auto free = static_cast<double>(std::max<int64_t>(limit.burst_ns - owed, 0));
  // A hair more: what is divided was multiplied before.
  left.left = static_cast<uint64_t>(free / Cost(limit) + 1e-6);
  left.full_s = static_cast<uint64_t>(CeilDivide(owed, kSecondNs));
  return left;
}

std::vector<LimitLeft> Limits::AllLeft(const Accounts& accounts, int64_t now) const {
  std::vector<LimitLeft> all;
  for (size_t a = 0; a < accounts.count; ++a) {
    const Account& account = *accounts.all[a];
    for (size_t i = 0; i < account.full_at.size(); ++i) {
      all.push_back(LeftOf(account.line, account, i, now));
    }
  }
  return all;
}

Status Limits::Refusal(const Obstacle& obstacle, std::string_view caller) {
  const Limit& limit = *obstacle.limit;
  const LimitLine& line = *obstacle.line;
  std::string text = StrCat("the limit ", limit.text, " of ",
                            caller == kNobody ? "callers without a name" : VisibleRule(caller));
  if (line.model != kAnyone) StrAppend(&text, " for the model ", line.model);
  if (limit.by_time()) {
    StrAppend(&text, " is used up: try again in ", WaitText(obstacle.wait_ns));
  } else {
    text += " is reached: end one first";
  }
  return Status::Error(StatusKind::kOverloaded, std::move(text), kCodeLimited);
}

Status Limits::Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) {
  if (!on() || asking.nested) return Status::Ok();
  const Origin* const origin = asking.origin;
  const bool named = origin != nullptr && !origin->caller.empty();
  const std::string_view caller = named ? std::string_view(origin->caller) : kNobody;
  LimitNote* const note = origin == nullptr ? nullptr : origin->limits.get();
  const int64_t now = ToNanos(clock_.Now());
  Shard& shard = ShardOf(caller);
  LimitNote::Said said;
  Status status;
  {
    MutexLock lock(shard.mu);
    Accounts accounts = AccountsOf(shard, caller, asking.model);
    if (accounts.count == 0) return status;
    const Obstacle obstacle = ObstacleOf(accounts, asking.session, now);
    if (obstacle.limit != nullptr) {
      const auto unit = static_cast<size_t>(obstacle.limit->shown.unit);
      refused_[unit].fetch_add(1, std::memory_order_relaxed);
      status = Refusal(obstacle, caller);
      said.refused = true;
      said.wait = std::chrono::milliseconds(CeilDivide(obstacle.wait_ns, 1'000'000));
    } else {
      for (size_t i = 0; i < accounts.count; ++i) {
        Account& account = *accounts.all[i];
        ++account.running;
        if (asking.session) ++account.sessions;
        Add(&account, LimitUnit::kCalls, 1, now);
        Add(&account, LimitUnit::kBytes, static_cast<double>(asking.bytes), now);
      }
    }
    if (note != nullptr) said.limits = AllLeft(accounts, now);
    if (status.ok()) {
      *allowance = std::make_unique<Taken>(this, &shard, std::move(accounts), asking);
    }
  }
  if (note != nullptr) {
    said.text = status.text;
    note->Set(std::move(said));
  }
  return status;
}

Status Limits::Check(const std::string& path) {
  std::shared_ptr<const LimitTable> table;
  return path.empty() ? Status::Ok() : ReadTable(path, &table);
}

Status Limits::Load() {
  mark_ = MarkOf(path_);
  std::shared_ptr<const LimitTable> table;
  Status status = ReadTable(path_, &table);
  problem_ = status.text;
  if (!status.ok()) return status;
  Put(table);
  LogInfo("access", table->size(), " lines of limits of ", path_, " are in force");
  return status;
}

void Limits::Put(const std::shared_ptr<const LimitTable>& table) {
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    shard.table = table;
    for (auto person = shard.people.begin(); person != shard.people.end();) {
      shard.accounts -= Renew(table.get(), person->first, &person->second);
      person = person->second.empty() ? shard.people.erase(person) : std::next(person);
    }
    Renew(table.get(), kAnyone, &shard.crowd);
  }
  lines_ = table == nullptr ? 0 : table->size();
  on_ = table != nullptr;
}

Status Limits::Use(const std::string& path) {
  MutexLock lock(file_mu_);
  if (path == path_) return Status::Ok();
  path_ = path;
  if (!path.empty()) return Load();
  problem_.clear();
  Put(nullptr);
  return Status::Ok();
}

void Limits::Sweep(Shard& shard, int64_t now) {
  for (auto person = shard.people.begin(); person != shard.people.end();) {
    Person& accounts = person->second;
    shard.accounts -= std::erase_if(
        accounts, [now](const auto& account) { return IsIdle(*account.second, now); });
    person = accounts.empty() ? shard.people.erase(person) : std::next(person);
  }
  std::erase_if(shard.crowd, [now](const auto& account) { return IsIdle(*account.second, now); });
}

void Limits::WarnOfCrowd() {
  const uint64_t crowded = crowded_;
  const TimePoint now = clock_.Now();
  if (crowded == crowd_said_ || now < crowd_said_at_ + kSayCrowdEvery) return;
  LogWarn("access", "limits: more callers than can be told apart: ", crowded - crowd_said_,
          " calls were counted together with those of others");
  crowd_said_ = crowded;
  crowd_said_at_ = now;
}

void Limits::Look() {
  const int64_t now = ToNanos(clock_.Now());
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    Sweep(shard, now);
  }
  MutexLock lock(file_mu_);
  WarnOfCrowd();
  if (path_.empty() || MarkOf(path_) == mark_) return;
  const std::string before = problem_;
  const Status status = Load();
  if (!status.ok() && status.text != before) {
    LogError("access", status.text, "; the limits of before stay in force");
  }
}

LimitsReport Limits::Report(size_t most) const {
  LimitsReport out;
  out.on = on();
  {
    MutexLock lock(file_mu_);
    out.file = path_;
    out.lines = lines_;
    out.problem = problem_;
  }
  out.hosts = hosts_;
  out.crowded = crowded_;
  for (size_t i = 0; i < kLimitUnits; ++i) out.refused[i] = refused_[i];
  if (!out.on) return out;
  const int64_t now = ToNanos(clock_.Now());
  const auto part = [](const LimitState& s) {
    return static_cast<double>(s.left) / static_cast<double>(std::max<uint64_t>(s.quota, 1));
  };
  const auto less = [&part](const LimitState& a, const LimitState& b) { return part(a) < part(b); };
  const auto add = [&](const std::string& caller, const Person& accounts) {
    for (const auto& [model, account] : accounts) {
      for (size_t i = 0; i < account->full_at.size(); ++i) {
        const LimitLeft left = LeftOf(account->line, *account, i, now);
        LimitState state{caller,     model,     account->line->limits[i].text,
                         left.quota, left.left, left.full_s};
        if (out.states.size() == most) {  // A heap: the one with most left is on top.
          if (!less(state, out.states.front())) continue;
          std::pop_heap(out.states.begin(), out.states.end(), less);
          out.states.pop_back();
        }
        out.states.push_back(std::move(state));
        std::push_heap(out.states.begin(), out.states.end(), less);
      }
    }
  };
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    out.callers += shard.people.size();
    if (most == 0) continue;
    for (const auto& [caller, accounts] : shard.people) add(caller, accounts);
    add(kCrowd, shard.crowd);
  }
  std::sort_heap(out.states.begin(), out.states.end(), less);
  return out;
}

}  // namespace aiges
