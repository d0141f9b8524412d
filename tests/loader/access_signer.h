// SPDX-License-Identifier: Apache-2.0
// tests/loader/access_signer.h: somebody who signs tokens, made by OpenSSL for a test.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {

inline std::string Base64Url(std::string_view bytes) {
  std::string out;
  AppendBase64(&out, bytes);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  while (out.ends_with('=')) out.pop_back();
  return out;
}

// Its key is for one algorithm: "RS256", "ES256" or "EdDSA".
class TokenSigner {
 public:
  TokenSigner(std::string algorithm, std::string id, unsigned bits = 2048)
      : algorithm_(std::move(algorithm)), id_(std::move(id)) {
    EVP_PKEY* key = algorithm_ == "RS256" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{bits})
                    : algorithm_ == "ES256" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                            : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    key_ = {key, EVP_PKEY_free};
  }

  std::string Jwk(std::string_view more = "") const {
    std::string out = StrCat("{\"kid\":\"", id_, "\",");
    if (algorithm_ == "RS256") {
      StrAppend(&out, "\"kty\":\"RSA\",\"n\":\"", Number(OSSL_PKEY_PARAM_RSA_N), "\",\"e\":\"",
                Number(OSSL_PKEY_PARAM_RSA_E), '"');
    } else if (algorithm_ == "ES256") {
      StrAppend(&out, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"",
                Number(OSSL_PKEY_PARAM_EC_PUB_X, 32), "\",\"y\":\"",
                Number(OSSL_PKEY_PARAM_EC_PUB_Y, 32), '"');
    } else {
      unsigned char raw[32];
      size_t size = sizeof raw;
      EVP_PKEY_get_raw_public_key(key_.get(), raw, &size);
      StrAppend(&out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"",
                Base64Url({reinterpret_cast<char*>(raw), size}), '"');
    }
    return StrCat(out, more, '}');
  }

  std::string Sign(std::string_view claims) const {
    return SignAs(StrCat("{\"alg\":\"", algorithm_, "\",\"kid\":\"", id_, "\"}"), claims);
  }
  // With a header of the caller's.
  std::string SignAs(std::string_view header, std::string_view claims) const {
    const std::string text = StrCat(Base64Url(header), '.', Base64Url(claims));
    return StrCat(text, '.', Base64Url(Signature(text)));
  }

 private:
  std::string Number(const char* name, int size = 0) const {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &n);
    std::string bytes(static_cast<size_t>(std::max(size, BN_num_bytes(n))), '\0');
    BN_bn2binpad(n, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(n);
    return Base64Url(bytes);
  }
  std::string Signature(const std::string& text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const EVP_MD* digest = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
    EVP_DigestSignInit(context, nullptr, digest, nullptr, key_.get());
    unsigned char out[1024];
    size_t size = sizeof out;
    EVP_DigestSign(context, out, &size, reinterpret_cast<const unsigned char*>(text.data()),
                   text.size());
    EVP_MD_CTX_free(context);
    if (algorithm_ != "ES256") return {reinterpret_cast<char*>(out), size};
    const unsigned char* der = out;
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    unsigned char raw[64];
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
    ECDSA_SIG_free(pair);
    return {reinterpret_cast<char*>(raw), sizeof raw};
  }

  const std::string algorithm_, id_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace aiges
