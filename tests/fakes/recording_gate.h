// SPDX-License-Identifier: Apache-2.0
// tests/fakes/recording_gate.h: gives everybody an allowance, and writes down what becomes of it.
#pragma once

#include <memory>
#include <string>

#include "loader/api/call_gate.h"
#include "loader/base/strings.h"

namespace aiges {

class RecordingGate final : public CallGate {
 public:
  Status Admit(const Asking& asking, std::unique_ptr<Allowance>* allowance) override {
    session = asking.session;
    nested = asking.nested;
    bytes = asking.bytes;
    *allowance = std::make_unique<Given>(this);
    return Status::Ok();
  }

  std::string said;  // "16 bytes 4 ms and meters;back;"
  bool session = false, nested = false;
  uint64_t bytes = 0;

 private:
  class Given final : public Allowance {
   public:
    explicit Given(RecordingGate* gate) : gate_(*gate) {}
    ~Given() override { gate_.said += "back;"; }
    void Charge(const Spent& spent) override {
      StrAppend(&gate_.said, spent.bytes, " bytes ", spent.time.count() / 1'000'000, " ms",
                spent.meters == nullptr ? "" : " and meters", ";");
    }

   private:
    RecordingGate& gate_;
  };
};

}  // namespace aiges
