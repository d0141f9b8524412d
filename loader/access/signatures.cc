// SPDX-License-Identifier: Apache-2.0
#include "loader/access/signatures.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/rule_lines.h"
#include "loader/base/secret.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// Whose secret it is; what it costs does not tell whether the API key is known.
const SecretTable::Line* SignerOf(const std::vector<SecretTable::Line>* lines,
                                  const std::vector<std::string>& texts,
                                  std::string_view signature) {
  static const std::vector<SecretTable::Line> nobody(1, {"nobody's", {}});
  const SecretTable::Line* found = nullptr;
  for (const SecretTable::Line& line : lines == nullptr ? nobody : *lines) {
    for (const std::string& text : texts) {
      if (IsSameSecret(signature, HmacSha256(line.secret, text))) found = &line;
    }
  }
  return lines == nullptr ? nullptr : found;
}

}  // namespace

Status Signatures::CheckTime(const SignedRequest& request, int64_t now, int64_t* signed_at) const {
  const std::optional<int64_t> date = ReadHttpDate(request.date);
  const auto skew = static_cast<int64_t>(settings_.skew_s);
  if (date && *date >= now - skew && *date <= now + skew) {
    *signed_at = *date;
    return Status::Ok();
  }
  return WrongRule(StrCat(
      "HMAC signature cannot be verified, a valid date or x-date header is required for "
      "HMAC Authentication: ",
      date ? StrCat("its date is ", now - *date, " s before this clock, expected at most ", skew)
           : "expected a date as Tue, 01 Dec 2026 09:41:12 GMT"));
}

bool Signatures::IsOurHost(std::string_view host) const {
  const std::string given = Lowered(host);
  return settings_.hosts.empty() ||
         std::any_of(settings_.hosts.begin(), settings_.hosts.end(), [&](const std::string& ours) {
           return ours == given || ours == WithoutPort(given);
         });
}

Status Signatures::Check(const RequestHead& head, int64_t now, GrantRef* out, std::string* digest,
                         bool* in_url) {
  SignedRequest request;
  Status status = ReadSignature(head, &request);
  int64_t signed_at = 0;
  if (status.ok()) status = CheckTime(request, now, &signed_at);
  if (!status.ok()) return status;
  const std::shared_ptr<const SecretTable> secrets = secrets_.Now();
  const SecretTable::Line* const signer =
      SignerOf(secrets->Find(request.api_key), SignedTexts(head, request), request.signature);
  if (signer == nullptr) return WrongRule("HMAC signature does not match");
  if (!IsOurHost(request.host)) {
    return WrongRule("HMAC signature is for another host: none of [access] hmac_hosts");
  }
  if (settings_.once) {
    const int64_t oldest = now - static_cast<int64_t>(settings_.skew_s);
    switch (used_.Add(request.signature, signed_at, oldest)) {
      case UsedSignatures::Answer::kNew:
        break;
      case UsedSignatures::Answer::kUsed:
        return WrongRule("HMAC signature has been used before: expected a new date");
      case UsedSignatures::Answer::kFull:
        return Status::Error(StatusKind::kOverloaded,
                             "too many signatures of these minutes to tell new ones from used ones"
                             " ([access] hmac_once)",
                             kCodeNoLicence);
    }
  }
  *out = GrantRef(secrets, &signer->grant);
  *digest = std::move(request.digest);
  *in_url = request.in_url;
  return status;
}

}  // namespace aiges
