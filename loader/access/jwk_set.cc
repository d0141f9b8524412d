// SPDX-License-Identifier: Apache-2.0
#include "loader/access/jwk_set.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "loader/access/json_object.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;
using KeyRef = std::shared_ptr<evp_pkey_st>;

constexpr std::string_view kRs256 = "RS256", kEs256 = "ES256", kEdDsa = "EdDSA";
constexpr int kLeastRsaBits = 2048, kMostRsaBits = 8192;
constexpr size_t kCoordinate = 32;  // Of P-256.

struct Free {
  void operator()(BIGNUM* n) const { BN_free(n); }
  void operator()(OSSL_PARAM_BLD* b) const { OSSL_PARAM_BLD_free(b); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY_CTX* c) const { EVP_PKEY_CTX_free(c); }
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  void operator()(ECDSA_SIG* s) const { ECDSA_SIG_free(s); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* BytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
Owned<BIGNUM> NumberOf(std::string_view bytes) {
  return Owned<BIGNUM>(BN_bin2bn(BytesOf(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string TextOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::optional<std::string> BytesOf(const json& object, const char* name) {
  std::optional<std::string> bytes = DecodeBase64Url(TextOf(object, name));
  return bytes && !bytes->empty() ? bytes : std::nullopt;
}

KeyRef Made(const char* kind, OSSL_PARAM_BLD* build) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(build));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return {key, EVP_PKEY_free};
}

KeyRef RsaKey(const json& jwk) {
  const auto n = BytesOf(jwk, "n"), e = BytesOf(jwk, "e");
  if (!n || !e || n->size() > kMostRsaBits / 8 || e->size() > 8) return nullptr;
  const Owned<BIGNUM> modulus = NumberOf(*n), exponent = NumberOf(*e);
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  KeyRef key = Made("RSA", build.get());
  return key != nullptr && EVP_PKEY_get_bits(key.get()) >= kLeastRsaBits ? key : nullptr;
}

KeyRef EcKey(const json& jwk) {
  const auto x = BytesOf(jwk, "x"), y = BytesOf(jwk, "y");
  if (TextOf(jwk, "crv") != "P-256" || !x || !y) return nullptr;
  if (x->size() != kCoordinate || y->size() != kCoordinate) return nullptr;
  const std::string point = StrCat('\x04', *x, *y);  // Uncompressed.
  const Owned<OSSL_PARAM_BLD> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return Made("EC", build.get());  // A point that is not on the curve makes no key.
}

KeyRef EdKey(const json& jwk) {
  const auto x = BytesOf(jwk, "x");
  if (TextOf(jwk, "crv") != "Ed25519" || !x) return nullptr;
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, BytesOf(*x), x->size());
  return key == nullptr ? nullptr : KeyRef(key, EVP_PKEY_free);
}

// ECDSA's signature is two numbers here (RFC 7518, section 3.4), and DER for OpenSSL.
std::string DerOf(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return "";
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  Owned<BIGNUM> r = NumberOf(signature.substr(0, kCoordinate));
  Owned<BIGNUM> s = NumberOf(signature.substr(kCoordinate));
  if (pair == nullptr || r == nullptr || s == nullptr) return "";
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  std::string der(static_cast<size_t>(std::max(size, 0)), '\0');
  auto* to = reinterpret_cast<unsigned char*>(der.data());
  return size > 0 && i2d_ECDSA_SIG(pair.get(), &to) == size ? der : "";
}

bool IsSigned(EVP_PKEY* key, std::string_view algorithm, std::string_view text,
              std::string_view signature) {
  const std::string der = algorithm == kEs256 ? DerOf(signature) : std::string();
  if (algorithm == kEs256) signature = der;
  const EVP_MD* digest = algorithm == kEdDsa ? nullptr : EVP_sha256();
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool good = !signature.empty() &&
                    EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), BytesOf(signature), signature.size(),
                                     BytesOf(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

Status JwkSet::Parse(std::string_view text, std::shared_ptr<const JwkSet>* out) {
  json object;
  if (text.size() > kMostBytes || !ParseObject(text, &object)) {
    return WrongRule("expected a JSON object with \"keys\" (RFC 7517), got something else");
  }
  const auto list = object.find("keys");
  if (list == object.end() || !list->is_array()) {
    return WrongRule("expected a list \"keys\" (RFC 7517), got none");
  }
  if (list->size() > kMostKeys) {
    return WrongRule(StrCat("expected at most ", kMostKeys, " keys, got ", list->size()));
  }
  auto set = std::make_shared<JwkSet>();
  for (const json& jwk : *list) {
    if (!jwk.is_object()) return WrongRule("expected objects in \"keys\", got something else");
    const std::string kind = TextOf(jwk, "kty"), use = TextOf(jwk, "use");
    if (jwk.contains("d") || jwk.contains("k")) {
      return WrongRule("expected public keys, got a secret one: whoever reads it signs as it does");
    }
    if (!use.empty() && use != "sig") continue;
    Key key;
    key.id = TextOf(jwk, "kid");
    if (kind == "RSA") {
      key.algorithm = kRs256;
      key.key = RsaKey(jwk);
    } else if (kind == "EC") {
      key.algorithm = kEs256;
      key.key = EcKey(jwk);
    } else if (kind == "OKP") {
      key.algorithm = kEdDsa;
      key.key = EdKey(jwk);
    }
    ERR_clear_error();
    const std::string meant = TextOf(jwk, "alg");
    const bool fits =
        meant.empty() || meant == key.algorithm || (key.algorithm == kEdDsa && meant == "Ed25519");
    if (key.key != nullptr && fits) set->keys_.push_back(std::move(key));
  }
  if (set->keys_.empty()) {
    return WrongRule(
        StrCat("expected a key for RS256 (2048 bits or more), ES256 or EdDSA (Ed25519)"
               ", got none that can be used among ",
               list->size()));
  }
  *out = std::move(set);
  return Status::Ok();
}

const JwkSet::Key* JwkSet::Find(const Token& token, Verdict* why) const {
  const bool known =
      token.algorithm == kRs256 || token.algorithm == kEs256 || token.algorithm == kEdDsa;
  *why = known ? Verdict::kUnknownKey : Verdict::kForbidden;
  if (!known) return nullptr;
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    if (key.algorithm != token.algorithm) {
      if (!token.key_id.empty()) *why = Verdict::kForbidden;
      continue;
    }
    if (found != nullptr) {
      *why = Verdict::kUnclear;
      return nullptr;
    }
    found = &key;
  }
  return found;
}

JwkSet::Verdict JwkSet::Check(const Token& token) const {
  Verdict why{};
  const Key* const key = Find(token, &why);
  if (key == nullptr) return why;
  return IsSigned(key->key.get(), token.algorithm, token.signed_text, token.signature)
             ? Verdict::kGood
             : Verdict::kWrong;
}

}  // namespace aiges
