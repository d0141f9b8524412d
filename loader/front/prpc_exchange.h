// SPDX-License-Identifier: Apache-2.0
// loader/front/prpc_exchange.h: a call of a baidu_std connection, as the Exchange of a unary gRPC
// call.
//
// The answer is held until it is whole, as its frame begins with its length. Belongs to the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/front/exchange.h"
#include "loader/front/grpc_status.h"
#include "loader/front/prpc_connection.h"

namespace aiges {

class PrpcExchange final : public Exchange {
 public:
  PrpcExchange(PrpcConnection* connection, RequestHead head, int64_t correlation_id);

  const RequestHead& head() const override { return head_; }
  const Peer& peer() const override { return *peer_; }
  Lane& lane() const override { return lane_; }
  void Took(size_t n) override;
  void Begin(int status, Fields fields) override;
  bool Send(Bytes piece) override;
  void End(Fields trailers) override;
  void Reset(ResetReason reason) override;
  std::unique_ptr<ByteStream> TakeOver(std::string*) override { return nullptr; }
  size_t pending() const override { return held_; }
  bool over() const override { return connection_ == nullptr || reset_; }

 private:
  friend class PrpcConnection;

  void Note();
  bool done() const { return ended_ || reset_; }
  void PassOn(OutQueue* out);
  GrpcStatus Outcome() const;

  PrpcConnection* connection_;  // Null: over.
  const std::shared_ptr<const Peer> peer_;
  Lane& lane_;
  const RequestHead head_;
  const int64_t correlation_id_;

  int status_ = 0;
  Fields answer_, trailers_;
  std::vector<Bytes> pieces_;
  size_t held_ = 0;  // Bytes of pieces_.
  bool begun_ = false, ended_ = false, reset_ = false;
};

}  // namespace aiges
