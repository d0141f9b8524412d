// SPDX-License-Identifier: Apache-2.0
#include "xtest/client.h"

#include <utility>

namespace aiges {

Status CheckPlan(const Plan& plan) {
  const bool sessions = plan.protocol == Protocol::kXsf || plan.protocol == Protocol::kStream ||
                        plan.protocol == Protocol::kWebSocket;
  std::string wrong;
  if (plan.mode != Mode::kOnce && !sessions) {
    wrong =
        "svcMode.sessMode: expected 0 (once) with the protocols json, raw and sse, got a "
        "session; use xsf, stream or ws for sessions";
  } else if (plan.protocol == Protocol::kRaw && plan.inputs.size() > 1) {
    wrong = "data.payload: expected one stream, as a raw HTTP body is one, got more; use json";
  } else if (plan.mode != Mode::kOnce && plan.inputs.empty()) {
    wrong = "data.payload: expected at least one stream for a session, got none";
  } else if (plan.hosts.empty()) {
    wrong = "xtest.taddrs: expected at least one address, got none";
  }
  if (wrong.empty()) return Status::Ok();
  return Status::Error(StatusKind::kInvalid, std::move(wrong));
}

std::unique_ptr<Client> MakeClient(const Plan& plan, Ended ended) {
  switch (plan.protocol) {
    case Protocol::kXsf:
    case Protocol::kStream:
    case Protocol::kGrpc:
      return MakeGrpcClient(plan, std::move(ended));
    case Protocol::kWebSocket:
      return MakeWebSocketClient(plan, std::move(ended));
    default:
      return MakeHttpClient(plan, std::move(ended));
  }
}

}  // namespace aiges
