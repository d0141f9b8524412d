// SPDX-License-Identifier: Apache-2.0
#include "loader/config/access_keys.h"

#include "loader/base/rule_lines.h"

namespace aiges {
namespace {

constexpr const char* kSection = "access";
constexpr int64_t kDay = 86'400;

bool IsUrl(std::string_view text) { return text.find("://") != std::string_view::npos; }

// A password would stand in logs, and in -show-config.
bool IsFitUrl(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    text = text.substr(0, text.find_first_of("/?#"));
    return !text.empty() && text.find('@') == std::string_view::npos;
  }
  return false;
}

void ReadJwt(KeyReader* keys, JwtSettings* out) {
  keys->Text(kSection, "jwks", &out->jwks);
  if (IsUrl(out->jwks) && !IsFitUrl(out->jwks)) {
    keys->last().value = "\"***\"";
    keys->file().AddError(
        kSection, "jwks",
        "expected a file, or a URL as \"https://login.example/keys\" without a user in it");
  }
  keys->Text(kSection, "jwt_ca_file", &out->ca_file);
  keys->List(kSection, "jwt_issuers", &out->issuers);
  keys->List(kSection, "jwt_audience", &out->audience);
  keys->Text(kSection, "jwt_id_claim", &out->id_claim);
  keys->Text(kSection, "jwt_rights_claim", &out->rights_claim);
  keys->Text(kSection, "jwt_rights", &out->rights);
  keys->Int(kSection, "jwt_leeway_s", 0, 3600, &out->leeway_s);
  keys->Int(kSection, "jwt_refresh_s", 1, kDay, &out->refresh_s);
  if (out->id_claim.empty()) {
    keys->file().AddError(kSection, "jwt_id_claim", "expected the name of a claim, got none");
  }
}

void ReadHmac(KeyReader* keys, HmacSettings* out) {
  keys->Text(kSection, "hmac_file", &out->file);
  keys->List(kSection, "hmac_hosts", &out->hosts);
  for (std::string& host : out->hosts) host = Lowered(host);
  keys->Int(kSection, "hmac_skew_s", 1, kDay, &out->skew_s);
  keys->Bool(kSection, "hmac_once", &out->once);
}

// How much each may use.
void ReadShares(KeyReader* keys, AccessSettings* out) {
  keys->Text(kSection, "limits_file", &out->limits_file);
  keys->Word(kSection, "limits_share", {"loader", "hosts"}, &out->limits_share);
}

}  // namespace

// "<api key> @<file> <rights>", as loader/access/secrets.h has it.
std::vector<std::string> FilesOfSecrets(const AccessSettings& access) {
  std::vector<std::string> files;
  std::string text;
  if (access.hmac.file.empty() || !ReadRuleFile(access.hmac.file, &text).ok()) return files;
  (void)EachRule(text, text.size(), [&files](const std::vector<std::string_view>& words) {
    if (words.size() > 1 && words[1].starts_with('@')) files.emplace_back(words[1].substr(1));
    return Status::Ok();
  });
  return files;
}

void ReadAccess(KeyReader* keys, AccessSettings* out) {
  keys->Text(kSection, "keys_file", &out->keys_file);
  ReadJwt(keys, &out->jwt);
  ReadHmac(keys, &out->hmac);
  keys->Text(kSection, "certificates_file", &out->certificates_file);
  ReadShares(keys, out);
  keys->Text(kSection, "audit_log", &out->audit_log);
}

}  // namespace aiges
