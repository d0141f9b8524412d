// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/login_routes.h"

#include <string>
#include <string_view>
#include <utility>

#include "loader/access/page_logins.h"
#include "loader/api/codes.h"
#include "loader/protocols/http_answer.h"
#include "loader/routes/login_page.h"

namespace aiges {
namespace {

constexpr size_t kMostForm = 16 * 1024;
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string_view FieldOf(const HttpRequest& request, std::string_view name) {
  const std::string* value = Find(request.headers, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

// A page of another site would log a browser in as somebody else.
bool IsOfOtherSite(const HttpRequest& request) {
  const std::string_view site = FieldOf(request, "sec-fetch-site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  std::string_view origin = FieldOf(request, "origin");
  if (origin.empty()) return false;  // No browser.
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return true;
  return Lowered(origin.substr(scheme + 3)) != Lowered(FieldOf(request, "host"));
}

void Tell(const HttpRequest& request, std::string_view what, const Status& status) {
  const AuditRef& audit = request.asker.audit;
  if (audit == nullptr) return;
  audit->Tell({what, status.ok() ? "allowed" : "refused", status.code, status.text});
}

HttpResponse To(std::string page, std::string_view cookie, bool secure) {
  HttpResponse r = HttpResponse::Text(303, "text/plain; charset=utf-8", "");
  r.headers.emplace_back("Location", std::move(page));
  r.headers.emplace_back("Set-Cookie", SetCookie(cookie, secure));
  r.headers.emplace_back("Cache-Control", "no-store");
  return r;
}

bool IsSecure(const HttpRequest& request) {
  return request.tls || FieldOf(request, "x-forwarded-proto") == "https";
}

}  // namespace

HttpResponse LoginRoutes::Answer(const HttpRequest& request) {
  const bool login = request.path == kLogin;
  if (login && (request.method == "GET" || request.method == "HEAD")) {
    return LoginPage(200, request.path, "", "");
  }
  if (request.method != "POST") {
    HttpResponse r =
        Refusal(405, kCodeInvalidOp, "", login ? "expected GET or POST" : "expected POST");
    r.headers.emplace_back("Allow", login ? "GET, HEAD, POST" : "POST");
    return r;
  }
  if (IsOfOtherSite(request)) {
    return Refusal(403, kCodeDenied, "", StrCat(request.path, " is not for pages of other sites"));
  }
  return login ? LogIn(request) : LogOut(request);
}

HttpResponse LoginRoutes::LogIn(const HttpRequest& request) {
  if (!request.content_type.starts_with(kForm) || request.body.size() > kMostForm) {
    return Refusal(415, kCodeInvalidInput, "",
                   StrCat("expected a form (", kForm, ") of at most ", kMostForm, " bytes"));
  }
  const Pairs form = ParseQuery(request.body.view());
  const std::string* key = Find(form, "key");
  const std::string* next = Find(form, "next");
  std::string cookie;
  const Status status = access_.LogIn(key == nullptr ? "" : *key, &cookie);
  Tell(request, "log in", status);
  if (!status.ok()) {
    HttpResponse r = LoginPage(401, request.path, next == nullptr ? "" : *next,
                               StrCat("No: ", status.text, '.'));
    r.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"AIService\"");
    return r;
  }
  return To(PageBehindLogin(next == nullptr ? "" : *next), cookie, IsSecure(request));
}

HttpResponse LoginRoutes::LogOut(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "cookie") access_.LogOut(LoginCookie(value));
  }
  return To(kLogin, "", IsSecure(request));
}

}  // namespace aiges
