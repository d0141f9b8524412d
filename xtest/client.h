// SPDX-License-Identifier: Apache-2.0
// xtest/client.h: the client side of one protocol.
//
// Threads: a client belongs to one client thread. Ownership: the call stays the runner's and must
// live until Ended. Each started call ends exactly once, from within Poll, by its own deadline at
// the latest: an answer, a failure with kNoAnswer and a text, or given_up after Cancel.
#pragma once

#include <functional>
#include <memory>

#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "xtest/call.h"
#include "xtest/plan.h"

namespace aiges {

using Ended = std::function<void(Call*)>;

class Client {
 public:
  virtual ~Client() = default;

  virtual void Start(Call* call) = 0;
  // Handles at most a few events. Comes back after the first, or at `until` as exactly as the
  // machine can, or earlier; kNoWait: at once. False when there was nothing to do.
  virtual bool Poll(TimePoint until) = 0;
  static constexpr TimePoint kNoWait = TimePoint::min();
  // Everything under way ends with given_up, soon.
  virtual void Cancel() = 0;
};

// kInvalid when this protocol cannot do what the plan says.
Status CheckPlan(const Plan& plan);

// `plan` must outlive the client.
std::unique_ptr<Client> MakeClient(const Plan& plan, Ended ended);
std::unique_ptr<Client> MakeGrpcClient(const Plan& plan, Ended ended);  // kXsf, kStream, kGrpc.
std::unique_ptr<Client> MakeHttpClient(const Plan& plan,
                                       Ended ended);  // kJson, kRaw, kEvents, kHttp.
std::unique_ptr<Client> MakeWebSocketClient(const Plan& plan, Ended ended);

// A session that says nothing for so long after all its input is over.
inline std::chrono::milliseconds LongestSilence(const Plan& plan) {
  return std::max<std::chrono::milliseconds>(std::chrono::seconds(60),
                                             std::chrono::milliseconds(plan.timeout_ms));
}

}  // namespace aiges
