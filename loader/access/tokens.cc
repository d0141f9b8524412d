// SPDX-License-Identifier: Apache-2.0
#include "loader/access/tokens.h"

#include <algorithm>
#include <utility>

#include "loader/access/sha256.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TokenCache::Known TokenCache::Find(const std::string& hash, int64_t now) {
  for (Half* half : {&young_, &old_}) {
    const auto found = half->find(hash);
    if (found == half->end()) continue;
    const Known known = found->second;
    if (now >= known.until) return {};
    if (half == &old_) {  // In use: it stays.
      old_.erase(found);
      Keep(hash, known);
    }
    return known;
  }
  return {};
}

void TokenCache::Keep(std::string hash, Known known) {
  if (young_.size() >= kMost) {
    old_ = std::move(young_);
    young_ = {};
  }
  young_.insert_or_assign(std::move(hash), std::move(known));
}

void TokenCache::Clear() {
  young_.clear();
  old_.clear();
}

Status Tokens::Load(const Tokens* before) {
  Status status = ReadRights(settings_.rights, &default_);
  if (!status.ok()) {
    status.text = StrCat("[access] jwt_rights: ", status.text);
    return status;
  }
  return on() ? source_.Load(before == nullptr ? nullptr : &before->source_) : status;
}

Status Tokens::CheckClaims(const Token& token, int64_t now) const {
  const auto leeway = static_cast<int64_t>(settings_.leeway_s);
  if (!token.expires) return WrongRule("expected a token that expires (\"exp\"), got one for ever");
  if (now >= *token.expires + leeway) {
    return WrongRule(StrCat("the token has expired ", now - *token.expires, " s ago"));
  }
  if (token.not_before && now + leeway < *token.not_before) {
    return WrongRule(StrCat("the token begins to hold in ", *token.not_before - now, " s only"));
  }
  if (!settings_.issuers.empty() && !Has(settings_.issuers, token.issuer)) {
    return WrongRule("the token is not of an issuer that [access] jwt_issuers names");
  }
  const auto& meant = settings_.audience;
  if (!meant.empty() && std::none_of(token.audience.begin(), token.audience.end(),
                                     [&](const std::string& one) { return Has(meant, one); })) {
    return WrongRule("the token is not for this service: none of [access] jwt_audience");
  }
  if (!IsVisibleId(token.id)) {
    return WrongRule(StrCat("expected an id of at most 128 visible characters in the claim \"",
                            settings_.id_claim, "\" of the token"));
  }
  return Status::Ok();
}

Status Tokens::CheckSignature(const Token& token, const JwkSet* keys) {
  if (keys == nullptr) {
    return WrongRule("no token can be checked yet: the keys of [access] jwks have not come");
  }
  switch (keys->Check(token)) {
    case JwkSet::Verdict::kGood:
      return Status::Ok();
    case JwkSet::Verdict::kUnknownKey:
      source_.Miss();
      return WrongRule("the token is signed with a key that [access] jwks does not have");
    case JwkSet::Verdict::kUnclear:
      return WrongRule("expected a token that names its key (\"kid\"), as there are several");
    case JwkSet::Verdict::kForbidden:
      return WrongRule("expected a token signed by RS256, ES256 or EdDSA, as its key is meant for");
    case JwkSet::Verdict::kWrong:
      break;
  }
  return WrongRule("the signature of the token is wrong");
}

GrantRef Tokens::GrantOf(const Token& token) const {
  auto grant = std::make_shared<Grant>();
  if (token.rights) {
    for (const std::string& word : *token.rights) grant->AddRight(word);  // Others are others'.
  } else {
    *grant = default_;
  }
  grant->id = token.id;
  return grant;
}

Status Tokens::Check(std::string_view text, int64_t now, GrantRef* out, int64_t* until) {
  std::shared_ptr<const JwkSet> keys = source_.Now();
  if (keys != keys_) {
    cache_.Clear();
    keys_ = std::move(keys);
  }
  std::string hash = Sha256(text);
  if (TokenCache::Known known = cache_.Find(hash, now); known.grant != nullptr) {
    *out = std::move(known.grant);
    *until = known.until;
    return Status::Ok();
  }
  Token token;
  Status status = ReadToken(text, settings_.id_claim, settings_.rights_claim, &token);
  // First what costs little.
  if (status.ok()) status = CheckClaims(token, now);
  if (status.ok()) status = CheckSignature(token, keys_.get());
  if (!status.ok()) return status;
  *out = GrantOf(token);
  *until = *token.expires + static_cast<int64_t>(settings_.leeway_s);
  cache_.Keep(std::move(hash), {*out, *until});
  return status;
}

}  // namespace aiges
