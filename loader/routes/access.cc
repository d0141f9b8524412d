// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/access.h"

#include <chrono>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/front/grpc_call.h"

namespace aiges {
namespace {

constexpr std::chrono::seconds kSayEvery{1};
constexpr std::string_view kOwn = "/-/";
constexpr size_t kMostPath = 256;

bool Shows(const RequestHead& head) {
  return (head.method() == "GET" || head.method() == "HEAD") && !head.websocket;
}

Status Denied(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), kCodeDenied);
}

}  // namespace

std::shared_ptr<Credentials> Access::Use(std::shared_ptr<Credentials> credentials) {
  std::swap(credentials, credentials_);
  return credentials;
}

Status Access::Admit(Exchange* exchange, const RouteOwner& owner, Proof* proof) {
  Status status = Decide(exchange, owner, proof);
  SetTrail(exchange, *proof);
  if (!status.ok()) Say(*exchange, status);
  return status;
}

Status Access::Decide(Exchange* exchange, const RouteOwner& owner, Proof* proof) {
  const RequestHead& head = exchange->head();
  const Need need = owner.need();
  const bool page = owner.is_page() && Shows(head);
  const bool login = page && need != Need::kNothing && HasLogin(*exchange, proof);
  if (!credentials_->on()) {
    const std::string& certificate = exchange->peer().certificate;
    if (login) {
      exchange->SetCaller({proof->grant->id, Caller::Rank::kAdmin});
    } else if (!certificate.empty()) {
      exchange->SetCaller({certificate, Caller::Rank::kAnybody});
    }
    return Status::Ok();
  }
  if (need == Need::kNothing) return Status::Ok();
  Status status;
  if (!login) status = credentials_->Check(*exchange, page, UnixSeconds(), proof);
  return status.ok() ? Weigh(exchange, need, *proof) : status;
}

Status Access::Weigh(Exchange* exchange, Need need, const Proof& proof) {
  const Grant& grant = *proof.grant;
  const char* const by = ProofName(proof.kind);
  Caller caller{grant.id, grant.admin ? Caller::Rank::kAdmin : Caller::Rank::kCaller, by};
  if (several_ && !grant.calls_all) caller.models = {proof.grant, &grant.models};
  exchange->SetCaller(std::move(caller));
  if (need == Need::kCall && proof.kind == Proof::Kind::kAdminToken) {
    return Denied("[admin] token is no key for calls");
  }
  const auto denied = [&](std::string_view what) {
    return Denied(StrCat("the ", by, " of ", grant.id, " may not ", what));
  };
  if (several_ && need == Need::kCall) {  // Which model is asked for, its front knows later.
    if (grant.calls_all || !grant.models.empty()) return Status::Ok();
    return denied("call");
  }
  if (need == Need::kCall && !grant.MayCall(settings_.name)) {
    return denied(StrCat("call ", settings_.name));
  }
  if (need == Need::kAdmin && !grant.admin) return denied("administer");
  return Status::Ok();
}

// Of a page under "/-/", where nothing says who asks but the browser.
bool Access::HasLogin(const Exchange& exchange, Proof* proof) {
  const RequestHead& head = exchange.head();
  if (!head.path().starts_with(kOwn)) return false;
  GrantRef grant;
  for (const Fields::Field field : head.fields) {  // HTTP/2 has one for each cookie.
    if (field.name == "authorization" || field.name == "x-api-key") return false;
    if (field.name != "cookie") continue;
    const std::string_view cookie = LoginCookie(field.value);
    if (cookie.empty()) continue;
    grant = logins_.Find(cookie, credentials_->basis(), UnixSeconds());
  }
  if (grant == nullptr) return false;
  proof->kind = Proof::Kind::kLogin;
  proof->grant = std::move(grant);
  return true;
}

Status Access::LogIn(std::string_view text, std::string* cookie) {
  Proof proof;
  const int64_t now = UnixSeconds();
  const Status status = credentials_->CheckText(Trimmed(text), now, &proof);
  if (status.ok()) *cookie = logins_.Add(proof, credentials_->basis(), now);
  return status;
}

void Access::SetTrail(Exchange* exchange, const Proof& proof) {
  if (!audit_.on()) return;
  const Caller& caller = exchange->caller();
  AuditAsk ask{caller.name, "", exchange->peer().address,
               std::string(exchange->head().path().substr(0, kMostPath))};
  if (proof.grant != nullptr) {
    ask.proof = ProofName(proof.kind);
  } else if (!caller.name.empty()) {
    ask.proof = ProofName(Proof::Kind::kCertificate);
  }
  exchange->SetAudit(audit_.Trail(std::move(ask)));
}

// A flood of wrong keys is no flood of lines.
void Access::Say(const Exchange& exchange, const Status& refusal) {
  if (const AuditRef& audit = exchange.caller().audit; audit != nullptr) {
    audit->Tell({"", "refused", refusal.code, refusal.text});
  }
  const TimePoint now = std::chrono::steady_clock::now();
  if (now - said_ < kSayEvery) {
    ++unsaid_;
    return;
  }
  said_ = now;
  LogWarn("access", "refused ", exchange.peer().address, ": ", refusal.text,
          unsaid_ > 0 ? StrCat("; ", unsaid_, " more since the last line") : "");
  unsaid_ = 0;
}

void RefuseGrpcAccess(Exchange* exchange, const Status& why) {
  if (!CheckGrpcHead(exchange)) return;
  const GrpcCode code = why.code == kCodeUnauthenticated ? GrpcCode::kUnauthenticated
                        : why.code == kCodeDenied        ? GrpcCode::kPermissionDenied
                                                         : GrpcCode::kResourceExhausted;
  RefuseGrpc(exchange, {code, why.text});
}

bool IsOfScript(const Fields& fields) {
  const std::string_view mode = fields.Find("sec-fetch-mode");
  return (!mode.empty() && mode != "navigate") || !LoginCookie(fields.Find("cookie")).empty();
}

void AddChallenges(const RequestHead& head, const Status& why, bool page, HttpResponse* response) {
  const bool bearer = Lowered(head.fields.Find("authorization").substr(0, 7)) == "bearer ";
  std::string challenge = "Bearer realm=\"AIService\"";
  if (why.code == kCodeUnauthenticated) {
    if (bearer) challenge += ", error=\"invalid_token\"";
  } else if (why.code == kCodeDenied && bearer) {
    challenge += ", error=\"insufficient_scope\"";
  } else {
    return;
  }
  response->headers.emplace_back("WWW-Authenticate", std::move(challenge));
  if (page && why.code == kCodeUnauthenticated && !IsOfScript(head.fields)) {
    response->headers.emplace_back("WWW-Authenticate", "Basic realm=\"AIService\"");
  }
}

}  // namespace aiges
