// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/access/jwk_set.h"
#include "loader/access/token.h"
#include "loader/access/tokens.h"
#include "tests/loader/access_signer.h"

namespace aiges {
namespace {

constexpr int64_t kNow = 1'800'000'000;

std::string KeysOf(const std::vector<std::string>& keys) {
  return StrCat("{\"keys\":[", Join(keys, ","), "]}");
}
std::string Claims(std::string_view more = "", int64_t expires = kNow + 100) {
  return StrCat("{\"sub\":\"alice\",\"exp\":", expires, more, '}');
}

// Tokens by a file of keys of its own.
class TokensTest : public ::testing::Test {
 protected:
  TokensTest() {
    path_ = StrCat(testing::TempDir(), "/jwks_", static_cast<int>(::getpid()));
    Write(KeysOf({rsa_.Jwk(), ec_.Jwk(), ed_.Jwk()}));
    settings_.jwks = path_;
  }
  ~TokensTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }
  Tokens& tokens() {
    if (tokens_ == nullptr) {
      tokens_ = std::make_unique<Tokens>(settings_);
      EXPECT_EQ(tokens_->Load().text, "");
    }
    return *tokens_;
  }
  // Empty: it is somebody's.
  std::string Problem(const std::string& token, int64_t now = kNow) {
    return tokens().Check(token, now, &grant_, &until_).text;
  }

  const TokenSigner rsa_{"RS256", "r"}, ec_{"ES256", "e"}, ed_{"EdDSA", "d"};
  std::string path_;
  JwtSettings settings_;
  std::unique_ptr<Tokens> tokens_;
  GrantRef grant_;
  int64_t until_ = 0;
};

TEST_F(TokensTest, EachOfTheThreeAlgorithmsProvesWhoItIs) {
  for (const TokenSigner* signer : {&rsa_, &ec_, &ed_}) {
    const std::string token = signer->Sign(Claims(",\"scope\":\"openid call:svc admin\""));
    EXPECT_TRUE(LooksLikeToken(token));
    ASSERT_EQ(Problem(token), "");
    EXPECT_EQ(grant_->id, "alice");
    EXPECT_TRUE(grant_->admin);
    EXPECT_TRUE(grant_->MayCall("svc"));
    EXPECT_FALSE(grant_->MayCall("other"));
    std::string forged = token;
    char& one = forged[token.rfind('.') + 5];
    one = one == 'A' ? 'B' : 'A';
    EXPECT_EQ(Problem(forged), "the signature of the token is wrong");
    const std::string other =
        StrCat(token.substr(0, token.find('.')), '.', Base64Url(Claims(",\"scope\":\"call\"")),
               token.substr(token.rfind('.')));
    EXPECT_EQ(Problem(other), "the signature of the token is wrong");
  }
}

TEST_F(TokensTest, NoOtherAlgorithmIsTakenAndNoneWithAKeyForAnotherOne) {
  const std::string said =
      "expected a token signed by RS256, ES256 or EdDSA, as its key is meant for";
  for (const char* algorithm : {"none", "None", "HS256", "RS384", "PS256", "ES384", "ES256K", ""}) {
    const std::string header = StrCat("{\"alg\":\"", algorithm, "\",\"kid\":\"r\"}");
    EXPECT_EQ(Problem(rsa_.SignAs(header, Claims())), said) << algorithm;
    const std::string unsigned_token = StrCat(Base64Url(header), '.', Base64Url(Claims()), '.');
    EXPECT_EQ(Problem(unsigned_token), said) << algorithm;
  }
  // The public key as the secret of an HMAC.
  const std::string text =
      StrCat(Base64Url("{\"alg\":\"HS256\",\"kid\":\"r\"}"), '.', Base64Url(Claims()));
  const std::string jwk = rsa_.Jwk();
  unsigned char hash[32];
  unsigned size = 0;
  ::HMAC(EVP_sha256(), jwk.data(), static_cast<int>(jwk.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash, &size);
  EXPECT_EQ(Problem(StrCat(text, '.', Base64Url({reinterpret_cast<char*>(hash), size}))), said);
  EXPECT_EQ(Problem(ec_.SignAs("{\"alg\":\"ES256\",\"kid\":\"r\"}", Claims())), said);
}

TEST_F(TokensTest, AnEmptySignatureOfZerosIsNone) {
  const std::string text =
      StrCat(Base64Url("{\"alg\":\"ES256\",\"kid\":\"e\"}"), '.', Base64Url(Claims()));
  EXPECT_EQ(Problem(StrCat(text, '.', Base64Url(std::string(64, '\0')))),
            "the signature of the token is wrong");
  EXPECT_EQ(Problem(StrCat(text, '.')), "the signature of the token is wrong");
}

TEST_F(TokensTest, WithoutAKeyIdTheOnlyKeyOfItsKindIsMeant) {
  EXPECT_EQ(Problem(ec_.SignAs("{\"alg\":\"ES256\"}", Claims())), "");
  const TokenSigner second("ES256", "e2");
  Write(KeysOf({ec_.Jwk(), second.Jwk()}));
  tokens().Look();
  EXPECT_EQ(Problem(ec_.SignAs("{\"alg\":\"ES256\"}", Claims(",\"a\":1"))),
            "expected a token that names its key (\"kid\"), as there are several");
  EXPECT_EQ(Problem(second.Sign(Claims())), "");
  EXPECT_EQ(Problem(rsa_.Sign(Claims())),
            "the token is signed with a key that [access] jwks does not have");
}

TEST_F(TokensTest, TimesHoldWithTheLeeway) {
  settings_.leeway_s = 10;
  EXPECT_EQ(Problem(ed_.Sign(Claims("", kNow - 9))), "");
  EXPECT_EQ(Problem(ed_.Sign(Claims("", kNow - 10))), "the token has expired 10 s ago");
  EXPECT_EQ(Problem(ed_.Sign(Claims(StrCat(",\"nbf\":", kNow + 10)))), "");
  EXPECT_EQ(Problem(ed_.Sign(Claims(StrCat(",\"nbf\":", kNow + 11)))),
            "the token begins to hold in 11 s only");
  EXPECT_EQ(Problem(ed_.Sign("{\"sub\":\"alice\"}")),
            "expected a token that expires (\"exp\"), got one for ever");
  EXPECT_EQ(Problem(ed_.Sign("{\"sub\":\"alice\",\"exp\":\"never\"}")),
            "the token is none: expected numbers for \"exp\" and \"nbf\"");
  EXPECT_EQ(Problem(ed_.Sign("{\"sub\":\"alice\",\"exp\":1e400}")),
            "the token is none: expected a JSON object as its claims");
}

TEST_F(TokensTest, WhatWasFoundOutHoldsUntilItExpiresOrTheKeysChange) {
  settings_.leeway_s = 0;
  const std::string token = ed_.Sign(Claims());
  ASSERT_EQ(Problem(token), "");
  const GrantRef first = grant_;
  ASSERT_EQ(Problem(token), "");
  EXPECT_EQ(grant_, first) << "without looking at the signature again";
  EXPECT_EQ(Problem(token, kNow + 99), "");
  EXPECT_EQ(Problem(token, kNow + 100), "the token has expired 0 s ago");
  ASSERT_EQ(Problem(token), "");
  Write(KeysOf({rsa_.Jwk()}));
  tokens().Look();
  EXPECT_EQ(Problem(token), "the token is signed with a key that [access] jwks does not have");
}

TEST_F(TokensTest, IssuerAndAudienceAreThoseThatAreNamed) {
  settings_.issuers = {"https://a", "https://b"};
  settings_.audience = {"asr", "tts"};
  const auto with = [&](std::string_view more) { return Problem(ed_.Sign(Claims(more))); };
  EXPECT_EQ(with(",\"iss\":\"https://b\",\"aud\":\"asr\""), "");
  EXPECT_EQ(with(",\"iss\":\"https://a\",\"aud\":[\"x\",\"tts\"]"), "");
  const std::string issuer = "the token is not of an issuer that [access] jwt_issuers names";
  EXPECT_EQ(with(",\"iss\":\"https://c\",\"aud\":\"asr\""), issuer);
  EXPECT_EQ(with(",\"aud\":\"asr\""), issuer);
  const std::string audience = "the token is not for this service: none of [access] jwt_audience";
  EXPECT_EQ(with(",\"iss\":\"https://a\",\"aud\":[\"x\"]"), audience);
  EXPECT_EQ(with(",\"iss\":\"https://a\""), audience);
  EXPECT_NE(with(",\"iss\":\"https://a\",\"aud\":{}").find("for \"aud\""), std::string::npos);
}

TEST_F(TokensTest, RightsAreOfTheClaimAndWithoutItOfTheSettings) {
  settings_.id_claim = "client_id";
  settings_.rights_claim = "roles";
  settings_.rights = "call:svc";
  const auto take = [&](std::string_view more) {
    return Problem(ed_.Sign(StrCat("{\"client_id\":\"c1\",\"exp\":", kNow + 9, more, '}')));
  };
  ASSERT_EQ(take(""), "");
  EXPECT_EQ(grant_->id, "c1");
  EXPECT_TRUE(grant_->MayCall("svc"));
  EXPECT_FALSE(grant_->MayCall("x") || grant_->admin);
  ASSERT_EQ(take(",\"roles\":[\"reader\",\"call:x\"]"), "");
  EXPECT_TRUE(grant_->MayCall("x"));
  EXPECT_FALSE(grant_->MayCall("svc")) << "the claim's alone";
  ASSERT_EQ(take(",\"roles\":[]"), "");
  EXPECT_FALSE(grant_->calls_all || grant_->admin || !grant_->models.empty());
  ASSERT_EQ(take(",\"scope\":\"admin\""), "");
  EXPECT_FALSE(grant_->admin) << "another claim";
  EXPECT_NE(take(",\"roles\":7").find("expected words or a list of them"), std::string::npos);
}

TEST_F(TokensTest, AnIdCanStandInALog) {
  for (const char* id : {"", "a b", "a\\nb", "a\\\"b", "\\u00e4"}) {
    const std::string problem =
        Problem(ed_.Sign(StrCat("{\"sub\":\"", id, "\",\"exp\":", kNow + 9, '}')));
    EXPECT_NE(problem.find("expected an id of at most 128 visible characters"), std::string::npos)
        << id;
  }
  EXPECT_EQ(Problem(ed_.Sign(StrCat("{\"sub\":\"auth0|1/2\",\"exp\":", kNow + 9, '}'))), "");
  EXPECT_NE(Problem(ed_.Sign(StrCat("{\"exp\":", kNow + 9, '}'))), "");
}

TEST_F(TokensTest, WhatIsNoTokenIsRefusedInWordsWithoutIt) {
  const std::string header = Base64Url("{\"alg\":\"EdDSA\",\"kid\":\"d\"}");
  for (const std::string& text :
       {std::string("ey"), std::string("ey.."), StrCat("ey", std::string(9000, 'a'), ".b.c"),
        StrCat(header, ".!!.c"), StrCat(header, '.', Base64Url("[]"), ".YQ"),
        StrCat(header, '.', Base64Url("{\"exp\":1,\"exp\":2}"), ".YQ"),
        StrCat(Base64Url("{\"alg\":\"EdDSA\",\"crit\":[\"b64\"]}"), '.', Base64Url(Claims()),
               ".YQ"),
        StrCat(Base64Url("{\"alg\":7}"), '.', Base64Url(Claims()), ".YQ"),
        StrCat(header, '.', Base64Url(StrCat("{\"a\":", std::string(100, '['), "]}")), ".YQ"),
        StrCat(header, '.', Base64Url(Claims()), ".YQ=="), StrCat(header, ".a.b.c")}) {
    const std::string problem = Problem(text);
    EXPECT_TRUE(problem.starts_with("the token is none: ")) << problem << " of " << text;
    EXPECT_TRUE(text.size() < 8 || problem.find(text.substr(2, 6)) == std::string::npos);
  }
}

// A signature is not checked again with each call.
TEST_F(TokensTest, WhatWasFoundOutIsFoundAgain) {
  const std::string token = ed_.Sign(Claims());
  ASSERT_EQ(Problem(token), "");
  const GrantRef first = grant_;
  const int64_t until = std::exchange(until_, 0);
  ASSERT_EQ(Problem(token), "");
  EXPECT_EQ(grant_, first);
  EXPECT_EQ(until_, until);
}

TEST_F(TokensTest, TheCacheIsBounded) {
  TokenCache cache;
  const auto grant = std::make_shared<const Grant>();
  for (int i = 0; i < 20'000; ++i) {
    cache.Keep(std::to_string(i), {grant, kNow});
    ASSERT_EQ(cache.Find("0", kNow - 1).grant, grant) << "in use: it stays";
  }
  EXPECT_LE(cache.size(), 2 * TokenCache::kMost);
  EXPECT_EQ(cache.Find("0", kNow).grant, nullptr) << "over";
  EXPECT_EQ(cache.Find("5", kNow - 1).grant, nullptr) << "gone";
}

std::string JwksProblem(const std::string& text) {
  std::shared_ptr<const JwkSet> set;
  return JwkSet::Parse(text, &set).text;
}

TEST(JwkSetTest, KeysOfOtherKindsAreLeftOut) {
  const TokenSigner ed("EdDSA", "d"), small("RS256", "s", 1024);
  std::shared_ptr<const JwkSet> set;
  ASSERT_EQ(
      JwkSet::Parse(
          KeysOf({ed.Jwk(",\"use\":\"sig\",\"alg\":\"EdDSA\""), ed.Jwk(",\"use\":\"enc\""),
                  ed.Jwk(",\"alg\":\"RS256\""), small.Jwk(), "{\"kty\":\"EC\",\"crv\":\"P-521\"}",
                  "{\"kty\":\"new\"}", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
                  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}"}),
          &set)
          .text,
      "");
  EXPECT_EQ(set->size(), 1u);
}

TEST(JwkSetTest, SaysWhatIsWrongAndNeverTakesAPrivateKey) {
  const TokenSigner ed("EdDSA", "d");
  EXPECT_EQ(JwksProblem(KeysOf({ed.Jwk(",\"d\":\"c2VjcmV0\"")})),
            "expected public keys, got a secret one: whoever reads it signs as it does");
  EXPECT_NE(JwksProblem(KeysOf({"{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}"})).find("a secret one"),
            std::string::npos);
  for (const char* text : {"", "[]", "{", "{\"keys\":{}}", "{\"keys\":[7]}", "{\"a\":1}"}) {
    EXPECT_TRUE(JwksProblem(text).starts_with("expected ")) << text;
  }
  EXPECT_NE(JwksProblem("{\"keys\":[]}").find("none that can be used among 0"), std::string::npos);
  EXPECT_NE(JwksProblem(KeysOf(std::vector<std::string>(101, ed.Jwk()))).find("at most 100 keys"),
            std::string::npos);
}

TEST(DecodeBase64UrlTest, TakesThatFormAlone) {
  EXPECT_EQ(DecodeBase64Url("-_8"), "\xfb\xff");
  EXPECT_EQ(DecodeBase64Url(""), "");
  for (const char* wrong : {"+/8", "-_8=", "a", "a b", "a\n"}) {
    EXPECT_EQ(DecodeBase64Url(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace aiges
