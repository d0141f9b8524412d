// SPDX-License-Identifier: Apache-2.0
// loader/metering/entitlement_file.h: what a customer may use, signed by who sells it.
//
//   -----BEGIN AIGES ENTITLEMENT-----
//   <base64 of JSON, one line>
//   <base64 of the signature, one line>
//   -----END AIGES ENTITLEMENT-----
//
// The signature (Ed25519) is of "aiges-entitlement-1\n" and exactly the bytes of the second line;
// they are decoded only once it is right. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct EntitlementTerms {
  std::string id, customer;
  int64_t not_before = 0;  // Unix seconds.
  int64_t expires = 0;
  int64_t grace_days = 0;           // After `expires` calls are still taken.
  std::vector<std::string> models;  // Empty: all.
  uint64_t instances = 0;           // Of each model. These are 0 for: no bound.
  uint64_t calls = 0;               // A day, in UTC.
  uint64_t concurrency = 0;

  int64_t end() const { return expires + grace_days * 86'400; }
  bool Allows(std::string_view model) const;
};

// public_key: PEM. Not ok: what was expected, what came; *out is left as it was.
Status ReadEntitlement(std::string_view file, const std::string& public_key, EntitlementTerms* out);

}  // namespace aiges
