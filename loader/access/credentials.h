// SPDX-License-Identifier: Apache-2.0
// loader/access/credentials.h: who a request comes from, by whatever it brings to prove that.
//
// Each kind comes down to a Grant. The first kind that a request brings decides, in this order:
// a signature, a token or key (Authorization: Bearer, X-Api-Key), a password (for what shows
// something), a certificate. One that is wrong is refused, whatever else there may be.
// Threads: Load belongs to whoever makes it, before all else; Look to one thread at a time, now and
// then; the rest to the lane. The destructor may wait: not on the lane.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/access/grant.h"
#include "loader/access/keys.h"
#include "loader/access/names.h"
#include "loader/access/signatures.h"
#include "loader/access/tokens.h"
#include "loader/access/used_signatures.h"
#include "loader/api/access_settings.h"
#include "loader/base/status.h"
#include "loader/front/exchange.h"

namespace aiges {

// What a request has proved.
struct Proof {
  enum class Kind { kKey, kToken, kSignature, kCertificate, kAdminToken, kLogin };
  Kind kind = Kind::kKey;
  GrantRef grant;
  int64_t until = INT64_MAX;  // Unix seconds: when it ends by itself.
  std::string digest;         // SHA-256 that the body must have; empty: any.
  bool in_url = false;        // A part of it stands in the query.
};

// "key", "token", "signature", "certificate": as people read it.
const char* ProofName(Proof::Kind kind);

class Credentials {
 public:
  // `admin_token`: [admin] token; empty: there is none. `used` outlives it, and what follows it.
  Credentials(const AccessSettings& settings, std::string admin_token, UsedSignatures* used);

  // Not ok: a file that cannot be used. `before`: what decides until then, or nothing: what that
  // has been told by others (jwks_source.h) stays.
  Status Load(const Credentials* before = nullptr);
  // At files that have changed.
  void Look();

  // Whether who asks must say who that is.
  bool on() const { return settings_.on(); }
  bool takes_signatures() const { return signatures_.on(); }
  // `shows`: it is a page, for which a browser's password is enough. `now`: Unix seconds.
  // Not ok: kCodeUnauthenticated, or kCodeNoLicence.
  Status Check(const Exchange& exchange, bool shows, int64_t now, Proof* out);
  // Of a text alone: a key, a token or [admin] token.
  Status CheckText(std::string_view text, int64_t now, Proof* out);

  // All that proofs rest on. What was found out before it changed may not be so any more.
  using Basis = std::array<std::shared_ptr<const void>, 4>;
  static constexpr const char* kBasisNames[] = {"[access] keys_file", "[access] jwks",
                                                "[access] hmac_file", "[access] certificates_file"};
  Basis basis() const;

 private:
  Status CheckKey(std::string_view text, Proof* out) const;
  Status CheckSignature(const RequestHead& head, int64_t now, Proof* out);
  Status CheckCertificate(const Peer& peer, Proof* out) const;
  Status Nothing() const;

  const AccessSettings settings_;
  const std::string admin_token_;
  const GrantRef admin_;
  KeyFile keys_;
  Tokens tokens_;
  Signatures signatures_;
  NameFile names_;
};

}  // namespace aiges
