// SPDX-License-Identifier: Apache-2.0
// loader/api/call_gate.h: who may say, for reasons outside the queue, that no new call or session
// may begin: an entitlement that has ended, a store of usage records that is full, a caller that
// has used up what it may.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "loader/api/call_record.h"
#include "loader/api/origin.h"
#include "loader/base/status.h"

namespace aiges {

// A call or session that would begin.
struct Asking {
  std::string_view model;
  const Origin* origin = nullptr;  // Nothing: not known.
  uint64_t bytes = 0;              // Of its data, as far as they are here.
  bool session = false;
  bool nested = false;  // A running call makes it: its caller has been asked about that one.
};

// What it has used, now that it is over.
struct Spent {
  uint64_t bytes = 0;                // In and out, those of Asking too.
  std::chrono::nanoseconds time{0};  // In the engine; of a session: since it was opened.
  const MeterCounts* meters = nullptr;
};

// What a call or session takes of its caller's limits. Belongs to who runs it, who says what it has
// spent when it is over, once: what was for its time is free again. One that never began is let go
// without a word, and has taken nothing. Called with locks held: never waits.
class Allowance {
 public:
  virtual ~Allowance() = default;
  virtual void Charge(const Spent& spent) = 0;
};

// Asked about each call and session before the engine hears of it, the last of all that can refuse
// it but for the licences. Thread-safe; called with the scheduler's lock held, so must not wait.
class CallGate {
 public:
  virtual ~CallGate() = default;
  // `allowance`: left alone where there is nothing to take.
  virtual Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) = 0;
};

// Several gates, in their order; one of them gives allowances. Filled before the first call, then
// immutable. Owns none.
class GateList final : public CallGate {
 public:
  void Use(CallGate* gate) { all_.push_back(gate); }
  Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) override {
    for (CallGate* gate : all_) {
      if (Status status = gate->Admit(asking, allowance); !status.ok()) return status;
    }
    return Status::Ok();
  }

 private:
  std::vector<CallGate*> all_;
};

}  // namespace aiges
