// SPDX-License-Identifier: Apache-2.0
// loader/api/call_gate.h: who may say, for reasons outside the queue, that no new call or session
// may begin: an entitlement that has ended, a store of usage records that is full.
#pragma once

#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

// Asked about each call and session before the engine hears of it, the last of all that can refuse
// it but for the licences. Thread-safe; called with the scheduler's lock held, so must not wait.
class CallGate {
 public:
  virtual ~CallGate() = default;
  virtual Status Admit(std::string_view model) = 0;
};

// Several gates, in their order. Filled before the first call, then immutable. Owns none.
class GateList final : public CallGate {
 public:
  void Use(CallGate* gate) { all_.push_back(gate); }
  Status Admit(std::string_view model) override {
    for (CallGate* gate : all_) {
      if (Status status = gate->Admit(model); !status.ok()) return status;
    }
    return Status::Ok();
  }
  bool empty() const { return all_.empty(); }

 private:
  std::vector<CallGate*> all_;
};

}  // namespace aiges
