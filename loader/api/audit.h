// SPDX-License-Identifier: Apache-2.0
// loader/api/audit.h: who is told of what is refused and of what changes the service.
#pragma once

#include <memory>
#include <string_view>

namespace aiges {

// What has come of what somebody asked. Views that are good until the call returns.
struct AuditEvent {
  std::string_view what;      // A model, or an act ("reload", "load resource"); empty: the path.
  std::string_view decision;  // "allowed", "refused", "failed".
  int code = 0;               // Of api/codes.h; 0: none.
  std::string_view why = {};  // Of a refusal; no secret is in it.
};

// Of one request: it knows who asks, from where and at which path. Thread-safe; never waits.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  virtual void Tell(const AuditEvent& event) const = 0;
};
using AuditRef = std::shared_ptr<const AuditTrail>;

}  // namespace aiges
