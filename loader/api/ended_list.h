// SPDX-License-Identifier: Apache-2.0
// loader/api/ended_list.h: several who hear of calls that are over, in the order of joining.
#pragma once

#include <vector>

#include "loader/api/call_record.h"

namespace aiges {

// Join before the first call; then thread-safe.
class EndedList final : public EndedCalls {
 public:
  void Join(EndedCalls* one) { all_.push_back(one); }
  void Add(const CallRecord& record) override {
    for (EndedCalls* one : all_) one->Add(record);
  }
  void WorkerStarted(std::string_view model, unsigned instance, TimePoint ready,
                     Duration took) override {
    for (EndedCalls* one : all_) one->WorkerStarted(model, instance, ready, took);
  }

 private:
  std::vector<EndedCalls*> all_;  // They outlive it.
};

}  // namespace aiges
