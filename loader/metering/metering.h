// SPDX-License-Identifier: Apache-2.0
// loader/metering/metering.h: a usage record for each call and session, and its way out.
//
// Overview. Add writes the record into the spool, before the client has its answer. A thread of its
// own (`usage`) takes durable records, hands them to the sink, tries again with growing pauses
// where that fails, and acknowledges them; what the sink refuses for good goes to
// dead-letters.jsonl in the folder. Admit refuses new calls where there is no room for their
// records and [metering] on_full says so.
//
// Threads: Add, Admit and Report are thread-safe; Add and Admit never wait but for a short lock.
// The destructor gives the sink a last chance, about a second of it, and leaves the rest to the
// next start.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "loader/api/call_gate.h"
#include "loader/api/call_record.h"
#include "loader/api/report.h"
#include "loader/api/settings.h"
#include "loader/base/mutex.h"
#include "loader/metering/sink.h"
#include "loader/metering/spool.h"
#include "loader/metering/usage_record.h"

namespace aiges {

class Metering final : public EndedCalls, public CallGate {
 public:
  // REQUIRES: settings.metering.on(). nullptr: *status says why the loader cannot start.
  static std::unique_ptr<Metering> Open(const Settings& settings, Status* status);
  ~Metering() override;

  void Add(const CallRecord& record) override;
  Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) override;
  MeteringReport Report() const;

 private:
  Metering(const Settings& settings, std::unique_ptr<Spool> spool, std::unique_ptr<UsageSink> sink);
  void Run();
  // False: the loader ends, and they stay where they are.
  bool DeliverAll(const UsageBatch& batch);
  bool Pause(std::chrono::milliseconds pause);
  void SetProblem(std::string problem);

  const MeteringSettings settings_;
  const std::unique_ptr<Spool> spool_;
  UsageEvents events_;  // The thread's.
  const std::unique_ptr<UsageSink> sink_;
  const bool refuses_;
  std::atomic<uint64_t> refused_{0}, delivered_{0}, failures_{0}, dead_letters_{0};
  mutable Mutex mu_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mu_) = false;
  TimePoint stop_at_ GUARDED_BY(mu_);
  std::string problem_ GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace aiges
