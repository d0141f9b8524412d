// SPDX-License-Identifier: Apache-2.0
// loader/routes/access.h: whether who asks may ask that, by what the request brings to prove who it
// is (access/credentials.h).
//
// For pages of the loader's own a browser may have logged in before (access/page_logins.h): that
// shows them, and does nothing else. [admin] token is the key of an administrator. Where nobody
// must say who asks, it is who the client's certificate says. Belongs to the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/access/audit_log.h"
#include "loader/access/credentials.h"
#include "loader/access/page_logins.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/front/exchange.h"
#include "loader/front/http_types.h"
#include "loader/routes/route_table.h"

namespace aiges {

class Access {
 public:
  // All of it outlives it. `several`: models, of which somebody may call some.
  Access(const ServiceSettings& settings, AuditLog* audit, bool several)
      : settings_(settings), audit_(*audit), several_(several) {}

  // What decides from now on. Gives back what did before, which may take its time to go.
  std::shared_ptr<Credentials> Use(std::shared_ptr<Credentials> credentials);

  bool TakesSignatures() const { return credentials_->takes_signatures(); }
  // Notes at the exchange who asks. Not ok: kCodeUnauthenticated, kCodeDenied or kCodeNoLicence.
  // `proof`: what has been shown, where something had to be.
  Status Admit(Exchange* exchange, const RouteOwner& owner, Proof* proof);

  // The cookie of a browser whose user has typed a key, a token or [admin] token; not ok: none of
  // these.
  Status LogIn(std::string_view text, std::string* cookie);
  void LogOut(std::string_view cookie) { logins_.Remove(cookie); }

 private:
  Status Decide(Exchange* exchange, const RouteOwner& owner, Proof* proof);
  Status Weigh(Exchange* exchange, Need need, const Proof& proof);
  bool HasLogin(const Exchange& exchange, Proof* proof);
  void SetTrail(Exchange* exchange, const Proof& proof);
  void Say(const Exchange& exchange, const Status& refusal);

  const ServiceSettings& settings_;
  AuditLog& audit_;
  const bool several_;
  std::shared_ptr<Credentials> credentials_;  // Never nothing, once Use was called.
  PageLogins logins_;
  TimePoint said_{};     // When a refusal was last in the log,
  uint64_t unsaid_ = 0;  // and how many were not since then.
};

// How a method of gRPC says what Admit said.
void RefuseGrpcAccess(Exchange* exchange, const Status& why);
// Of a page that a browser shows: it would ask people by a window of its own, in the midst of what
// they do there.
bool IsOfScript(const Fields& fields);
// What HTTP says with it: of what kind proofs are, and what was wrong with one (RFC 6750, section
// 3). `page`: browsers ask people for a password then.
void AddChallenges(const RequestHead& head, const Status& why, bool page, HttpResponse* response);

}  // namespace aiges
