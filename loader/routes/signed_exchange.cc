// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/signed_exchange.h"

#include <openssl/evp.h>

#include <utility>

#include "loader/access/signature.h"
#include "loader/api/codes.h"
#include "loader/base/secret.h"
#include "loader/front/byte_stream.h"
#include "loader/front/http_exchange.h"
#include "loader/protocols/http_answer.h"

namespace aiges {
namespace {

// Another exchange, which leads to this one.
class PassedExchange : public Exchange {
 public:
  explicit PassedExchange(std::shared_ptr<Exchange> client) : client_(std::move(client)) {
    SetCaller(client_->caller());
    SetMount(client_->mount());
    SetOwner(client_->owner());
  }

  const RequestHead& head() const override { return client_->head(); }
  const Peer& peer() const override { return client_->peer(); }
  Lane& lane() const override { return client_->lane(); }
  size_t pending() const override { return client_->pending(); }
  bool over() const override { return client_->over(); }
  void Took(size_t n) override { client_->Took(n); }
  void Begin(int status, Fields fields) override {
    begun_ = true;
    client_->Begin(status, std::move(fields));
  }
  bool Send(Bytes piece) override { return client_->Send(std::move(piece)); }
  void End(Fields trailers) override { client_->End(std::move(trailers)); }
  void Reset(ResetReason reason) override { client_->Reset(reason); }
  std::unique_ptr<ByteStream> TakeOver(std::string* begun) override {
    return client_->TakeOver(begun);
  }

  bool begun() const { return begun_; }

 private:
  const std::shared_ptr<Exchange> client_;
  bool begun_ = false;
};

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

class DigestedResponder final : public Responder {
 public:
  DigestedResponder(std::shared_ptr<PassedExchange> exchange, std::string digest,
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
  const std::shared_ptr<PassedExchange> exchange_;
  const std::string digest_;
  const std::unique_ptr<Responder> inner_;
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> hash_;
};

}  // namespace

std::shared_ptr<Exchange> WithoutSignatureInUrl(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<StrippedExchange>(std::move(exchange));
}

Status CheckDigestOfNone(const RequestHead& head, std::string_view digest) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (digest.empty() || head.length != 0) return Status::Ok();
  EVP_Digest("", 0, hash, &size, EVP_sha256(), nullptr);
  return IsSameSecret({reinterpret_cast<const char*>(hash), size}, digest) ? Status::Ok()
                                                                           : OtherDigest();
}

std::unique_ptr<Responder> BeginDigested(std::shared_ptr<Exchange> exchange, std::string digest,
                                         const BeginExchange& begin) {
  auto passed = std::make_shared<PassedExchange>(std::move(exchange));
  std::unique_ptr<Responder> inner = begin(passed);
  if (inner == nullptr) return nullptr;
  return std::make_unique<DigestedResponder>(std::move(passed), std::move(digest),
                                             std::move(inner));
}

}  // namespace aiges
