// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/admin_routes.h"

#include <string>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/protocols/admin_rights.h"
#include "loader/protocols/http_answer.h"
#include "loader/protocols/http_query.h"
#include "loader/protocols/once.h"
#include "loader/routes/access.h"
#include "loader/routes/login_page.h"

namespace aiges {
std::optional<HttpResponse> AdminRoutes::RefusePage(const HttpRequest& request) const {
  const std::string& token = settings_.service.admin_token;
  const bool has_key = request.asker.rank != Caller::Rank::kAnybody;
  const AdminAsk ask = AdminAsk::Of(request);
  if (settings_.service.admin_open || ask.IsNear() || has_key) return std::nullopt;
  if (token.empty()) {
    return Refusal(403, kCodeInvalidOp, "",
                   "/-/ is for this machine only; set [admin] token, or open = true");
  }
  if (ask.HasToken(token) || ask.HasPassword(token)) return std::nullopt;
  if (WantsLoginPage(request)) return LoginPage(401, request.path, request.path, "");
  HttpResponse r = Refusal(401, kCodeInvalidOp, "",
                           "expected Authorization: Bearer <[admin] token>, or Basic with it as "
                           "the password");
  Fields said;
  for (const auto& [name, value] : request.headers) said.Add(name, value);
  r.headers.emplace_back("WWW-Authenticate", IsOfScript(said)
                                                 ? "Bearer realm=\"AIService\""
                                                 : "Basic realm=\"AIService\", charset=\"UTF-8\"");
  return r;
}

// Whether who asks may; else it is answered. `from_elsewhere`: other machines may, too.
bool AdminRoutes::May(const HttpRequest& request, bool from_elsewhere, const HttpDone& done) const {
  const std::string what =
      from_elsewhere ? "/v1/resources" : request.path.substr(0, request.path.rfind('/'));
  const Status status =
      MayChange(AdminAsk::Of(request), settings_.service.admin_token,
                from_elsewhere ? AdminFrom::kAnywhere : AdminFrom::kThisMachine, what);
  if (!status.ok()) done(Refusal(403, kCodeInvalidOp, "", status.text));
  return status.ok();
}

void AdminRoutes::Reload(const HttpRequest& request, const HttpDone& done) const {
  if (!May(request, /*from_elsewhere=*/false, done)) return;
  if (request.method != "POST") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected POST");
    r.headers.emplace_back("Allow", "POST");
    return done(std::move(r));
  }
  actions_.reload([done](const Status& status) {
    if (!status.ok()) return done(Refusal(status, ""));
    done(HttpResponse::Text(200, kJsonType, "{\"reloaded\":true}"));
  });
}

// POST: the body becomes a resource (?key=..&patch_id=.., further attributes as desc.<name>).
// DELETE ?res_id=..
void AdminRoutes::Resource(HttpRequest request, const HttpDone& done) const {
  if (!May(request, /*from_elsewhere=*/true, done)) return;
  if (request.method == "DELETE") {
    const Status query = CheckQuery(request.query, {"res_id"});
    if (!query.ok()) return done(Refusal(query, ""));
    const std::string* number = Find(request.query, "res_id");
    unsigned id = 0;
    if (number == nullptr || !ReadWhole(*number, &id)) {
      return done(Refusal(400, kCodeInvalidInput, "",
                          StrCat("res_id: expected the number of a resource, got ",
                                 number == nullptr ? "none" : *number)));
    }
    return resources_.Unload(id, [done](const Status& status) {
      done(status.ok() ? HttpResponse::Text(200, kJsonType, "{\"unloaded\":true}")
                       : Refusal(status, ""));
    });
  }
  if (request.method != "POST") {
    HttpResponse r = Refusal(405, kCodeInvalidOp, "", "expected POST or DELETE");
    r.headers.emplace_back("Allow", "POST, DELETE");
    return done(std::move(r));
  }
  const Status query = CheckQuery(request.query, {"key", "patch_id", "desc."});
  if (!query.ok()) return done(Refusal(query, ""));
  Payload resource;
  resource.key = "resource";
  resource.data = std::move(request.body);
  for (const auto& [name, value] : request.query) {
    if (name == "key") resource.key = value;
    if (name == "patch_id") resource.desc.emplace_back(name, value);
    if (name.rfind("desc.", 0) == 0) resource.desc.emplace_back(name.substr(5), value);
  }
  const Status sound = CheckPayload(resource);
  if (!sound.ok()) return done(Refusal(sound, ""));
  resources_.Load(std::move(resource), [done](const Status& status, unsigned id) {
    done(status.ok() ? HttpResponse::Text(200, kJsonType, StrCat("{\"res_id\":", id, "}"))
                     : Refusal(status, ""));
  });
}

}  // namespace aiges
