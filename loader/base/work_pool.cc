// SPDX-License-Identifier: Apache-2.0
#include "loader/base/work_pool.h"

#include <sys/prctl.h>

#include <utility>

namespace aiges {

WorkPool::WorkPool(const char* name, unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      ::prctl(PR_SET_NAME, name);
      Serve();
    });
  }
}

WorkPool::~WorkPool() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  more_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void WorkPool::Post(std::function<void()> work) {
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(work));
  }
  more_.NotifyOne();
}

void WorkPool::Serve() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) more_.Wait(mu_);
      if (stopping_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace aiges
