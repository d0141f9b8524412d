// SPDX-License-Identifier: Apache-2.0
// loader/base/work_pool.h: threads for work that would hold up a loop which serves others.
//
// First come, first served. The queue has no bound of its own: whoever posts has at most one piece
// of work here for each connection, and those are counted. Thread-safe. The destructor finishes the
// piece that a thread has in hand and drops the rest.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "loader/base/mutex.h"

namespace aiges {

class WorkPool {
 public:
  // `name`: of the threads, at most 15 letters.
  WorkPool(const char* name, unsigned threads);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void Post(std::function<void()> work);

 private:
  void Serve();

  Mutex mu_;
  CondVar more_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace aiges
