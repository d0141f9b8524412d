// SPDX-License-Identifier: Apache-2.0
// loader/routes/passed_exchange.h: an exchange in front of another, to which all leads: what sees
// or changes one thing of an exchange overrides that alone.
//
// Threads: as those of the other (exchange.h). Who asks, where and of whom is what the other knows
// when this one is made.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"

namespace aiges {

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
  void Begin(int status, Fields fields) override { client_->Begin(status, std::move(fields)); }
  bool Send(Bytes piece) override { return client_->Send(std::move(piece)); }
  void End(Fields trailers) override { client_->End(std::move(trailers)); }
  void Reset(ResetReason reason) override { client_->Reset(reason); }
  std::unique_ptr<ByteStream> TakeOver(std::string* begun) override {
    return client_->TakeOver(begun);
  }

 private:
  const std::shared_ptr<Exchange> client_;
};

}  // namespace aiges
