// SPDX-License-Identifier: Apache-2.0
// xtest/measure.h: one measured run: the runner, and beside it the progress line, the server's
// resources and its own figures. For one thread.
#pragma once

#include <atomic>

#include "xtest/call.h"
#include "xtest/options.h"
#include "xtest/result.h"
#include "xtest/settings.h"

namespace aiges {

// Until the plan is done or soon after `stop` is set. `sink` may be null.
void Measure(const Options& options, const Settings& settings, CallSink* sink,
             const std::atomic<bool>& stop, RunResult* result);

// What a result says about itself before the run.
RunResult NewResult(const Options& options, const Plan& plan);

}  // namespace aiges
