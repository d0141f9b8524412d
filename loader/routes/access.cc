// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/access.h"

#include <chrono>
#include <memory>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/secret.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"
#include "loader/front/grpc_call.h"

namespace aiges {
namespace {

constexpr std::chrono::seconds kSayEvery{1};
constexpr std::string_view kBearer = "bearer ", kBasic = "basic ";

// Schemes are in any case (RFC 9110, section 11.1).
bool TakeScheme(std::string_view* text, std::string_view scheme) {
  if (Lowered(text->substr(0, scheme.size())) != scheme) return false;
  *text = Trimmed(text->substr(scheme.size()));
  return true;
}

// What is no key of ours in Authorization is a gateway's.
std::string KeyOf(const RequestHead& head) {
  std::string_view given = head.fields.Find("authorization");
  if (TakeScheme(&given, kBearer)) return std::string(given);
  const bool shows = head.method() == "GET" || head.method() == "HEAD";
  if (shows && TakeScheme(&given, kBasic)) {
    const auto pair = DecodeBase64(given);
    if (pair) return pair->substr(pair->find(':') + 1);
  }
  return std::string(head.fields.Find("x-api-key"));
}

Status Refused(int code, std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), code);
}

}  // namespace

Status Access::Admit(Exchange* exchange, Need need) {
  const std::string& certificate = exchange->peer().certificate;
  if (!keys_.on() && !certificate.empty()) {
    exchange->SetCaller({certificate, Caller::Rank::kAnybody});
  }
  if (!keys_.on() || need == Need::kNothing) return Status::Ok();
  const Status status = Decide(exchange, need);
  if (!status.ok()) Say(*exchange, status);
  return status;
}

Status Access::Decide(Exchange* exchange, Need need) const {
  const std::string key = KeyOf(exchange->head());
  if (key.empty()) {
    return Refused(kCodeUnauthenticated,
                   "expected a key (Authorization: Bearer <key>, or X-Api-Key), got none");
  }
  if (IsSameSecret(key, settings_.admin_token)) {
    exchange->SetCaller({"admin", Caller::Rank::kAdmin});
    if (need != Need::kCall) return Status::Ok();
    return Refused(kCodeDenied, "[admin] token is no key for calls");
  }
  const std::shared_ptr<const KeyTable> table = keys_.Now();
  const Grant* grant = table->Find(key);
  if (grant == nullptr) return Refused(kCodeUnauthenticated, "the key is not known");
  Caller caller{grant->id, grant->admin ? Caller::Rank::kAdmin : Caller::Rank::kCaller};
  if (several_ && !grant->calls_all) caller.models = {table, &grant->models};
  exchange->SetCaller(std::move(caller));
  if (several_ && need == Need::kCall) {  // Which model is asked for, its front knows later.
    if (grant->calls_all || !grant->models.empty()) return Status::Ok();
    return Refused(kCodeDenied, StrCat("the key of ", grant->id, " may not call"));
  }
  if (need == Need::kCall && !grant->MayCall(settings_.name)) {
    return Refused(kCodeDenied, StrCat("the key of ", grant->id, " may not call ", settings_.name));
  }
  if (need == Need::kAdmin && !grant->admin) {
    return Refused(kCodeDenied, StrCat("the key of ", grant->id, " may not administer"));
  }
  return Status::Ok();
}

// A flood of wrong keys is no flood of lines.
void Access::Say(const Exchange& exchange, const Status& refusal) {
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
  const bool known = why.code != kCodeUnauthenticated;
  RefuseGrpc(exchange,
             {known ? GrpcCode::kPermissionDenied : GrpcCode::kUnauthenticated, why.text});
}

}  // namespace aiges
