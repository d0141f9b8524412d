// SPDX-License-Identifier: Apache-2.0
// xtest/runner.h: carries out a plan: client threads, step after step, and what they measured.
//
// Run is called once, by one thread; Now by one other thread while it runs.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "xtest/call.h"
#include "xtest/progress.h"
#include "xtest/recorder.h"
#include "xtest/result.h"
#include "xtest/runner_thread.h"

namespace aiges {

class Runner {
 public:
  // `plan` and `sink` (which may be null) must outlive the runner. The plan has passed CheckPlan.
  Runner(const Plan& plan, CallSink* sink);
  ~Runner();

  // Until all steps are done, or soon after `stop` is set. Fills steps, notes and interrupted.
  void Run(const std::atomic<bool>& stop, RunResult* result);

  Live Now();

 private:
  Step RunStep(size_t number, const std::atomic<bool>& stop, std::vector<std::string>* notes);
  double CountedSeconds(const Step& step, const StepWork& work) const;

  const Plan& plan_;
  std::vector<std::unique_ptr<RunnerThread>> threads_;
  TimePoint begin_{};  // Set before begun_.
  std::atomic<bool> begun_{false};
  std::atomic<size_t> step_{0};
  std::atomic<int64_t> warm_until_ns_{0};
  // Of Now.
  TimePoint shown_at_{};
  uint64_t shown_done_ = 0;
};

}  // namespace aiges
