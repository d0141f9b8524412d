// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/admin_rights.h"

#include <algorithm>

#include "loader/api/codes.h"
#include "loader/base/secret.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

std::string_view FieldOf(const HttpRequest& request, std::string_view name) {
  const std::string* value = Find(request.headers, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

// An address, localhost, or a name without dots: no name server outside gives these out.
bool IsOwnName(std::string_view host) {
  if (host.starts_with('[')) return true;
  host = host.substr(0, host.rfind(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  const bool address = std::all_of(host.begin(), host.end(),
                                   [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return address || host.find('.') == std::string_view::npos ||
         Lowered(host).ends_with(".localhost");
}

}  // namespace

AdminAsk AdminAsk::Of(const HttpRequest& request) {
  return {request.asker.rank,       request.from_loopback,      FieldOf(request, "authorization"),
          FieldOf(request, "host"), FieldOf(request, "origin"), FieldOf(request, "sec-fetch-site"),
          request.asker.audit};
}

AdminAsk AdminAsk::Of(const Exchange& exchange) {
  const Fields& fields = exchange.head().fields;
  return {exchange.caller().rank,    exchange.peer().loopback, fields.Find("authorization"),
          fields.Find(":authority"), fields.Find("origin"),    fields.Find("sec-fetch-site"),
          exchange.caller().audit};
}

bool AdminAsk::IsNear() const { return loopback && IsOwnName(host); }

// Every browser says with a POST where it comes from; curl does not. The page's own address is no
// proof.
bool AdminAsk::IsOfBrowser() const {
  return !origin.empty() || (!fetch_site.empty() && fetch_site != "none");
}

bool AdminAsk::HasToken(const std::string& token) const {
  constexpr std::string_view kBearer = "Bearer ";
  return authorization.starts_with(kBearer) &&
         IsSameSecret(authorization.substr(kBearer.size()), token);
}

bool AdminAsk::HasPassword(const std::string& token) const {
  constexpr std::string_view kBasic = "Basic ";
  if (!authorization.starts_with(kBasic)) return false;
  const auto pair = DecodeBase64(authorization.substr(kBasic.size()));
  return pair && IsSameSecret(std::string_view(*pair).substr(pair->find(':') + 1), token);
}

namespace {

Status Weigh(const AdminAsk& ask, const std::string& token, AdminFrom from, std::string_view what) {
  if (ask.rank == Caller::Rank::kAdmin) return Status::Ok();
  if (ask.rank == Caller::Rank::kCaller) {
    return Status::Error(StatusKind::kInvalid, "the key may not change the service", kCodeDenied);
  }
  const auto refused = [](std::string text) {
    return Status::Error(StatusKind::kInvalid, std::move(text), kCodeDenied);
  };
  if (!token.empty()) {
    if (ask.HasToken(token)) return Status::Ok();
    return refused("expected Authorization: Bearer <[admin] token>");
  }
  const bool near = from == AdminFrom::kAnywhere || ask.IsNear();
  if (near && !ask.IsOfBrowser()) return Status::Ok();
  return refused(StrCat(what, near ? " is not for web pages" : " is for this machine only",
                        "; set [admin] token"));
}

}  // namespace

Status MayChange(const AdminAsk& ask, const std::string& token, AdminFrom from,
                 std::string_view what) {
  Status status = Weigh(ask, token, from, what);
  if (ask.audit != nullptr) {
    ask.audit->Tell({what, status.ok() ? "allowed" : "refused", status.code, status.text});
  }
  return status;
}

}  // namespace aiges
