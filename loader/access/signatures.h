// SPDX-License-Identifier: Apache-2.0
// loader/access/signatures.h: who has signed a request (signature.h), by [access] hmac_file.
// Belongs to the lane, but Load and Look (rule_file.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "loader/access/grant.h"
#include "loader/access/secrets.h"
#include "loader/access/signature.h"
#include "loader/access/used_signatures.h"
#include "loader/api/access_settings.h"
#include "loader/base/status.h"
#include "loader/front/exchange.h"

namespace aiges {

class Signatures {
 public:
  // `used` outlives it, and whatever takes its place.
  Signatures(const HmacSettings& settings, UsedSignatures* used)
      : settings_(settings), used_(*used), secrets_(settings.file) {}

  bool on() const { return settings_.on(); }
  Status Load() { return secrets_.Load(); }
  void Look() { secrets_.Look(); }
  std::shared_ptr<const void> basis() const { return secrets_.Now(); }

  // Of a head that BringsSignature. `now`: Unix seconds. Not ok: why it is nobody's.
  // `digest`: what the body must have; empty: it is not signed. `in_url`: see signature.h.
  Status Check(const RequestHead& head, int64_t now, GrantRef* out, std::string* digest,
               bool* in_url);

 private:
  Status CheckTime(const SignedRequest& request, int64_t now, int64_t* signed_at) const;
  bool IsOurHost(std::string_view host) const;

  const HmacSettings settings_;
  UsedSignatures& used_;
  SecretFile secrets_;
};

}  // namespace aiges
