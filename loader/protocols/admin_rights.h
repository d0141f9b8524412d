// SPDX-License-Identifier: Apache-2.0
// loader/protocols/admin_rights.h: who may change the service, where no keys decide
// (routes/access.h).
//
// [admin] token is enough for everything. Without one this machine may change all, and others what
// can do no more than the service does anyway: load and unload models and resources. Whose code or
// configuration a worker runs is for this machine alone. Web pages may nothing: a browser on this
// machine sends what any page of the internet asks it to, and takes a name of somebody else that
// leads here for one site with it (DNS rebinding). So who asks from this machine must also call it
// by an address or a name that nobody else can give it. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "loader/base/status.h"
#include "loader/front/exchange.h"
#include "loader/front/http_types.h"

namespace aiges {

struct AdminAsk {
  Caller::Rank rank = Caller::Rank::kAnybody;
  bool loopback = false;
  // Of the request's head; empty: it has none.
  std::string_view authorization, host, origin, fetch_site;
  AuditRef audit = {};

  // Views of what they are made of.
  static AdminAsk Of(const HttpRequest& request);
  static AdminAsk Of(const Exchange& exchange);

  // From this machine, by no foreign name.
  bool IsNear() const;
  bool IsOfBrowser() const;
  // "Bearer <token>".
  bool HasToken(const std::string& token) const;
  // The same as a browser can say it: the password of any user. For what only shows something.
  bool HasPassword(const std::string& token) const;
};

enum class AdminFrom { kAnywhere, kThisMachine };

// Not ok: kCodeDenied. `what` begins the reason. The audit log is told, either way.
Status MayChange(const AdminAsk& ask, const std::string& token, AdminFrom from,
                 std::string_view what);

}  // namespace aiges
