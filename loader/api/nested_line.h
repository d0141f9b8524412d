// SPDX-License-Identifier: Apache-2.0
// loader/api/nested_line.h: the way back to the workers of one model, for answers to calls that
// they have made. Workers end when their model is unloaded; answers on their way may come later.
//
// Ownership: shared. Threads: thread-safe; Close waits for who is using the workers.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "loader/api/worker.h"

namespace aiges {

class NestedLine {
 public:
  explicit NestedLine(Workers* workers) : workers_(workers) {}

  // `prepare` may move payloads into memory of the workers, where they have some.
  template <class Prepare>
  void Answer(Place place, uint64_t id, NestedAnswer answer, const Prepare& prepare) {
    const std::shared_lock lock(mu_);
    if (workers_ == nullptr) return;
    if (BufferPool* memory = workers_->buffers()) prepare(memory, &answer.payloads);
    workers_->Answer(place, id, std::move(answer));
  }
  void Close() {
    const std::unique_lock lock(mu_);
    workers_ = nullptr;
  }

 private:
  std::shared_mutex mu_;
  Workers* workers_;
};

}  // namespace aiges
