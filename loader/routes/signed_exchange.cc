// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/signed_exchange.h"

#include <openssl/evp.h>

#include <utility>

#include "loader/access/sha256.h"
#include "loader/access/signature.h"
#include "loader/api/codes.h"
#include "loader/base/secret.h"
#include "loader/front/http_exchange.h"
#include "loader/protocols/http_answer.h"
#include "loader/routes/passed_exchange.h"

namespace aiges {
namespace {

class StrippedExchange final : public PassedExchange {
 public:
  explicit StrippedExchange(std::shared_ptr<Exchange> client)
      : PassedExchange(client), head_(client->head()) {
    Fields fields;
    for (const Fields::Field f : client->head().fields) {
      if (f.name == ":path") {
        fields.Add(f.name, WithoutSignature(f.value));
      } else {
        fields.Add(f.name, f.value);
      }
    }
    head_.fields = std::move(fields);
  }
  const RequestHead& head() const override { return head_; }

 private:
  RequestHead head_;
};

Status OtherDigest() {
  return Status::Error(StatusKind::kInvalid,
                       "HMAC signature does not match: the body has another digest",
                       kCodeUnauthenticated);
}

struct FreeDigest {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

class DigestedExchange final : public PassedExchange {
 public:
  using PassedExchange::PassedExchange;
  void Begin(int status, Fields fields) override {
    begun_ = true;
    PassedExchange::Begin(status, std::move(fields));
  }
  bool begun() const { return begun_; }

 private:
  bool begun_ = false;
};

class DigestedResponder final : public Responder {
 public:
  DigestedResponder(std::shared_ptr<DigestedExchange> exchange, std::string digest,
                    std::unique_ptr<Responder> inner)
      : exchange_(std::move(exchange)),
        digest_(std::move(digest)),
        inner_(std::move(inner)),
        hash_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr);
  }

  void OnBody(std::string_view piece) override {
    EVP_DigestUpdate(hash_.get(), piece.data(), piece.size());
    inner_->OnBody(piece);
  }
  void OnBodyEnd(const Fields& trailers) override {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(hash_.get(), hash, &size);
    if (IsSameSecret({reinterpret_cast<const char*>(hash), size}, digest_)) {
      return inner_->OnBodyEnd(trailers);
    }
    const Status wrong = OtherDigest();
    if (const AuditRef& audit = exchange_->caller().audit; audit != nullptr) {
      audit->Tell({"", "refused", wrong.code, wrong.text});
    }
    if (exchange_->begun()) return exchange_->Reset(ResetReason::kCancel);
    Answer(exchange_.get(), Refusal(wrong, ""));  // Its owner may be gone by now.
  }
  void OnRoom() override { inner_->OnRoom(); }
  void OnOver(Over how) override { inner_->OnOver(how); }

 private:
  const std::shared_ptr<DigestedExchange> exchange_;
  const std::string digest_;
  const std::unique_ptr<Responder> inner_;
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> hash_;
};

}  // namespace

std::shared_ptr<Exchange> WithoutSignatureInUrl(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<StrippedExchange>(std::move(exchange));
}

Status CheckDigestOfNone(const RequestHead& head, std::string_view digest) {
  if (digest.empty() || head.length != 0) return Status::Ok();
  return IsSameSecret(Sha256(""), digest) ? Status::Ok() : OtherDigest();
}

std::unique_ptr<Responder> BeginDigested(std::shared_ptr<Exchange> exchange, std::string digest,
                                         const BeginExchange& begin) {
  auto passed = std::make_shared<DigestedExchange>(std::move(exchange));
  std::unique_ptr<Responder> inner = begin(passed);
  if (inner == nullptr) return nullptr;
  return std::make_unique<DigestedResponder>(std::move(passed), std::move(digest),
                                             std::move(inner));
}

}  // namespace aiges
