// SPDX-License-Identifier: Apache-2.0
// loader/routes/access.h: whether who asks may ask that, by the key that comes with the request.
//
// A key is "Authorization: Bearer <key>" or "X-Api-Key: <key>", the same in metadata of gRPC; for
// what only shows something also the password of "Authorization: Basic". [admin] token is the key
// of an administrator. Where there are no keys, who asks is who the client's certificate says.
// Belongs to the lane.
#pragma once

#include <string>
#include <string_view>

#include "loader/access/keys.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/front/exchange.h"
#include "loader/routes/route_table.h"

namespace aiges {

class Access {
 public:
  // Both outlive it.
  // `several`: models, of which a key may call some.
  Access(const ServiceSettings& settings, const KeyFile* keys, bool several)
      : settings_(settings), keys_(*keys), several_(several) {}

  // Notes at the exchange who asks. Not ok: kCodeUnauthenticated or kCodeDenied.
  Status Admit(Exchange* exchange, Need need);

 private:
  Status Decide(Exchange* exchange, Need need) const;
  void Say(const Exchange& exchange, const Status& refusal);

  const ServiceSettings& settings_;
  const KeyFile& keys_;
  const bool several_;
  TimePoint said_{};     // When a refusal was last in the log,
  uint64_t unsaid_ = 0;  // and how many were not since then.
};

// How a method of gRPC says what Admit said.
void RefuseGrpcAccess(Exchange* exchange, const Status& why);

}  // namespace aiges
