// SPDX-License-Identifier: Apache-2.0
#include "loader/config/access_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace aiges {
namespace {

struct Read {
  explicit Read(const std::string& text) : file("aiges.toml", "[access]\n" + text, "") {
    KeyReader keys(&file, &effective);
    ReadAccess(&keys, &access);
  }
  bool Shows(const std::string& text) const {
    return std::any_of(effective.begin(), effective.end(), [&](const EffectiveValue& v) {
      return v.value.find(text) != std::string::npos;
    });
  }

  TomlFile file;
  std::vector<EffectiveValue> effective;
  AccessSettings access;
};

TEST(AccessKeysTest, EveryKeyReachesItsSetting) {
  const Read read(R"(
keys_file = "keys"
jwks = "https://login.example/keys"
jwt_ca_file = "ca.pem"
jwt_issuers = ["https://login.example"]
jwt_audience = ["asr", "tts"]
jwt_id_claim = "client_id"
jwt_rights_claim = "roles"
jwt_rights = "call"
jwt_leeway_s = 5
jwt_refresh_s = 6
hmac_file = "secrets"
hmac_hosts = ["API.example:8443"]
hmac_skew_s = 7
hmac_once = true
certificates_file = "names"
limits_file = "limits"
limits_share = "hosts"
audit_log = "audit.jsonl"
)");
  EXPECT_TRUE(read.file.errors().empty()) << read.file.errors()[0];
  const AccessSettings& a = read.access;
  EXPECT_EQ(a.keys_file, "keys");
  EXPECT_EQ(a.jwt.jwks, "https://login.example/keys");
  EXPECT_EQ(a.jwt.ca_file, "ca.pem");
  EXPECT_EQ(a.jwt.issuers, std::vector<std::string>{"https://login.example"});
  EXPECT_EQ(a.jwt.audience, (std::vector<std::string>{"asr", "tts"}));
  EXPECT_EQ(a.jwt.id_claim, "client_id");
  EXPECT_EQ(a.jwt.rights_claim, "roles");
  EXPECT_EQ(a.jwt.rights, "call");
  EXPECT_EQ(a.jwt.leeway_s, 5u);
  EXPECT_EQ(a.jwt.refresh_s, 6u);
  EXPECT_EQ(a.hmac.file, "secrets");
  EXPECT_EQ(a.hmac.hosts, std::vector<std::string>{"api.example:8443"}) << "as it is compared";
  EXPECT_EQ(a.hmac.skew_s, 7u);
  EXPECT_TRUE(a.hmac.once);
  EXPECT_EQ(a.certificates_file, "names");
  EXPECT_EQ(a.limits_file, "limits");
  EXPECT_EQ(a.limits_share, "hosts");
  EXPECT_EQ(a.audit_log, "audit.jsonl");
  EXPECT_TRUE(a.on());
  EXPECT_FALSE(Read("").access.on());
}

TEST(AccessKeysTest, SaysWhatIsWrong) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"jwks = \"ftp://a/keys\"", "[access] jwks: expected a file, or a URL as"},
           {"jwks = \"https://me:topsecret@a/keys\"", "[access] jwks: expected a file, or a URL"},
           {"jwks = \"https:///keys\"", "[access] jwks: expected a file, or a URL as"},
           {"jwt_id_claim = \"\"", "[access] jwt_id_claim: expected the name of a claim"},
           {"jwt_leeway_s = 3601", "[access] jwt_leeway_s"},
           {"jwt_refresh_s = 0", "[access] jwt_refresh_s"},
           {"hmac_skew_s = 0", "[access] hmac_skew_s"},
           {"limits_share = \"all\"", "[access] limits_share: expected one of loader, hosts"}}) {
    const Read read(text);
    ASSERT_EQ(read.file.errors().size(), 1u) << text;
    EXPECT_NE(read.file.errors()[0].find(expected), std::string::npos) << read.file.errors()[0];
    EXPECT_EQ(read.file.errors()[0].find("topsecret"), std::string::npos);
    EXPECT_FALSE(read.Shows("topsecret"));
  }
}

}  // namespace
}  // namespace aiges
