// SPDX-License-Identifier: Apache-2.0
// loader/api/access_settings.h: [access]: who may call, how callers prove who they are, and how
// much each may use (docs/access.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aiges {

// Tokens that others sign (RFC 7519).
struct JwtSettings {
  std::string jwks;                    // [access] jwks: keys (RFC 7517), in a file or at a URL.
  std::string ca_file;                 // PEM, of an https URL; empty: the system's.
  std::vector<std::string> issuers;    // "iss" must be one; empty: any.
  std::vector<std::string> audience;   // "aud" must have one; empty: any.
  std::string id_claim = "sub";        // Who the caller is.
  std::string rights_claim = "scope";  // What it may: rights with spaces between, or a list.
  std::string rights;                  // Of tokens without that claim; empty: none.
  uint64_t leeway_s = 60;              // Between clocks, for "exp" and "nbf".
  uint64_t refresh_s = 300;            // A URL is asked again so often.

  bool on() const { return !jwks.empty(); }
};

// The signatures of the iFlytek gateway's clients.
struct HmacSettings {
  std::string file;                // [access] hmac_file: API keys with their secrets and rights.
  std::vector<std::string> hosts;  // A signed host must be one; empty: any.
  uint64_t skew_s = 300;           // How far a signed date may be from the clock.
  bool once = false;               // A signature counts once.

  bool on() const { return !file.empty(); }
};

struct AccessSettings {
  std::string keys_file;  // [access] keys_file: hashes of keys.
  JwtSettings jwt;
  HmacSettings hmac;
  std::string certificates_file;        // Names in clients' certificates, with their rights.
  std::string limits_file;              // How much whom, of what.
  std::string limits_share = "loader";  // "loader": each has all of it; "hosts": they share.
  std::string audit_log;                // A line for each decision and change; empty: none.

  // Whether a request must say who it comes from.
  bool on() const {
    return !keys_file.empty() || jwt.on() || hmac.on() || !certificates_file.empty();
  }
};

}  // namespace aiges
