// SPDX-License-Identifier: Apache-2.0
#include "loader/access/credentials.h"

#include <utility>

#include "loader/api/codes.h"
#include "loader/base/secret.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

constexpr std::string_view kBearer = "bearer ", kBasic = "basic ";

Status Refused(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), kCodeUnauthenticated);
}

// As of one that has no number yet.
Status Refused(Status status) {
  if (!status.ok() && status.code == 0) status.code = kCodeUnauthenticated;
  return status;
}

// Schemes are in any case (RFC 9110, section 11.1).
bool TakeScheme(std::string_view* text, std::string_view scheme) {
  if (Lowered(text->substr(0, scheme.size())) != scheme) return false;
  *text = Trimmed(text->substr(scheme.size()));
  return true;
}

GrantRef Administrator() {
  Grant grant;
  grant.id = "admin";
  grant.admin = true;
  return std::make_shared<const Grant>(std::move(grant));
}

}  // namespace

const char* ProofName(Proof::Kind kind) {
  switch (kind) {
    case Proof::Kind::kToken:
      return "token";
    case Proof::Kind::kSignature:
      return "signature";
    case Proof::Kind::kCertificate:
      return "certificate";
    case Proof::Kind::kAdminToken:
      return "[admin] token";
    case Proof::Kind::kLogin:
      return "login";
    case Proof::Kind::kKey:
      break;
  }
  return "key";
}

Credentials::Credentials(const AccessSettings& settings, std::string admin_token,
                         UsedSignatures* used)
    : settings_(settings),
      admin_token_(std::move(admin_token)),
      admin_(Administrator()),
      keys_(settings.keys_file),
      tokens_(settings.jwt),
      signatures_(settings.hmac, used),
      names_(settings.certificates_file) {}

Status Credentials::Load(const Credentials* before) {
  Status status = keys_.Load();
  if (status.ok()) status = tokens_.Load(before == nullptr ? nullptr : &before->tokens_);
  if (status.ok()) status = signatures_.Load();
  return status.ok() ? names_.Load() : status;
}

void Credentials::Look() {
  keys_.Look();
  tokens_.Look();
  signatures_.Look();
  names_.Look();
}

Credentials::Basis Credentials::basis() const {
  return {keys_.Now(), tokens_.basis(), signatures_.basis(), names_.Now()};
}

Status Credentials::Nothing() const {
  std::string ways;
  const auto add = [&ways](std::string_view way) {
    StrAppend(&ways, ways.empty() ? "" : ", or ", way);
  };
  if (keys_.on()) add("a key (Authorization: Bearer <key>, or X-Api-Key)");
  if (tokens_.on()) add("a token (Authorization: Bearer <JWT>)");
  if (signatures_.on()) add("a signature (Authorization: hmac .., or ?authorization)");
  if (names_.on()) add("a certificate that [access] certificates_file names");
  return Refused(StrCat("expected ", ways, ", got none"));
}

Status Credentials::CheckKey(std::string_view text, Proof* out) const {
  if (IsSameSecret(text, admin_token_)) {
    out->kind = Proof::Kind::kAdminToken;
    out->grant = admin_;
    return Status::Ok();
  }
  const std::shared_ptr<const KeyTable> table = keys_.Now();
  const Grant* const grant = table == nullptr ? nullptr : table->Find(text);
  if (grant == nullptr) return Refused("the key is not known");
  out->kind = Proof::Kind::kKey;
  out->grant = GrantRef(table, grant);
  return Status::Ok();
}

Status Credentials::CheckText(std::string_view text, int64_t now, Proof* out) {
  if (!tokens_.on() || !LooksLikeToken(text)) return CheckKey(text, out);
  out->kind = Proof::Kind::kToken;
  return Refused(tokens_.Check(text, now, &out->grant, &out->until));
}

Status Credentials::CheckSignature(const RequestHead& head, int64_t now, Proof* out) {
  out->kind = Proof::Kind::kSignature;
  return Refused(signatures_.Check(head, now, &out->grant, &out->digest, &out->in_url));
}

Status Credentials::CheckCertificate(const Peer& peer, Proof* out) const {
  const std::shared_ptr<const NameTable> table = names_.Now();
  if (table == nullptr || peer.names.empty()) return Nothing();
  const Grant* const grant = table->Find(peer.names);
  if (grant == nullptr) return Refused("the certificate has no name that may do something here");
  out->kind = Proof::Kind::kCertificate;
  out->grant = GrantRef(table, grant);
  return Status::Ok();
}

Status Credentials::Check(const Exchange& exchange, bool shows, int64_t now, Proof* out) {
  const RequestHead& head = exchange.head();
  if (signatures_.on() && BringsSignature(head)) return CheckSignature(head, now, out);
  std::string_view given = head.fields.Find("authorization");
  if (TakeScheme(&given, kBearer)) return CheckText(given, now, out);
  if (shows && TakeScheme(&given, kBasic)) {
    const auto pair = DecodeBase64(given);
    if (!pair) return Refused("expected a user and a password in base64");
    return CheckText(std::string_view(*pair).substr(pair->find(':') + 1), now, out);
  }
  // What else is in Authorization is a gateway's.
  if (head.fields.Has("x-api-key")) return CheckText(head.fields.Find("x-api-key"), now, out);
  return CheckCertificate(exchange.peer(), out);
}

}  // namespace aiges
