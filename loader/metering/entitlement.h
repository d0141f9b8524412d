// SPDX-License-Identifier: Apache-2.0
// loader/metering/entitlement.h: holds calls to what the entitlement file allows.
//
// Overview. The file is read at the start, which fails without a good one, and again when it has
// changed; one that is not good changes nothing then. Admit refuses new calls: before it begins,
// after its grace, of models that are not in it, beyond the calls of a day, and while the clock has
// been set back. What runs is finished. A file beside keeps the latest time that was seen and how
// many calls the day has had; it is written every few seconds, so that an end without warning costs
// so many of the count.
//
// What it cannot do: who owns the machine can set the clock back within the tolerance, or take the
// kept file away with the disk.
//
// Threads: Admit and Report are thread-safe; Look belongs to main's thread, about once a second.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "loader/api/call_gate.h"
#include "loader/api/report.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/file_mark.h"
#include "loader/base/mutex.h"
#include "loader/metering/entitlement_file.h"

namespace aiges {

class Entitlement final : public CallGate {
 public:
  static constexpr int64_t kTolerance = 24 * 3600;  // Seconds that the clock may go back.

  // REQUIRES: settings.entitlement.on(). now: Unix seconds. keep: false only looks (-check).
  // nullptr: *status says why the loader cannot start.
  static std::unique_ptr<Entitlement> Open(const Settings& settings, int64_t now, bool keep,
                                           Status* status);

  Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) override;
  // True: the terms are others.
  bool Look(int64_t now);
  EntitlementReport Report(int64_t now) const;
  Status Admission() const;  // Not ok: why no call would be taken.
  EntitlementTerms terms() const;
  void Save();  // At the end.

 private:
  explicit Entitlement(const Settings& settings);
  Status Read(EntitlementTerms* out);
  Status ReadKept();
  std::string KeptText() const REQUIRES(mu_);
  // Waits for the disk: without the lock, which each call takes.
  Status WriteKept(const std::string& text) const;
  void Keep(const std::string& text) const;
  void Use(EntitlementTerms terms, int64_t now) REQUIRES(mu_);
  Status Verdict(int64_t now) const REQUIRES(mu_);
  void Warn(int64_t now) REQUIRES(mu_);

  const EntitlementSettings settings_;
  const std::string kept_path_;
  bool keep_ = true;
  FileMark mark_;           // Of what was read last. Look's.
  std::string read_wrong_;  // Why that is not in force; empty: it is. Look's.

  mutable Mutex mu_;
  EntitlementTerms terms_ GUARDED_BY(mu_);
  Status verdict_ GUARDED_BY(mu_);      // As of the last look.
  int64_t latest_ GUARDED_BY(mu_) = 0;  // Time that was seen.
  int64_t day_ GUARDED_BY(mu_) = 0;
  uint64_t calls_ GUARDED_BY(mu_) = 0;  // Of that day.
  uint64_t refused_ GUARDED_BY(mu_) = 0;
  int64_t written_ GUARDED_BY(mu_) = 0;
  int64_t warned_days_ GUARDED_BY(mu_) = INT64_MAX;
  std::string problem_ GUARDED_BY(mu_);
};

}  // namespace aiges
