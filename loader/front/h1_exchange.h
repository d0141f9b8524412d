// SPDX-License-Identifier: Apache-2.0
// loader/front/h1_exchange.h: a request of an HTTP/1.1 connection, as an Exchange.
//
// Notes what its protocol says, for the connection to pass on (h1_connection.h). An answer that is
// whole when it is passed on has a length; else it comes in chunks, or, for HTTP/1.0, up to the end
// of the connection. Belongs to the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/front/exchange.h"
#include "loader/front/h1_connection.h"

namespace aiges {

class H1Exchange final : public Exchange {
 public:
  H1Exchange(H1Connection* connection, RequestHead head, const H1Reader::Manner& manner);

  const RequestHead& head() const override { return head_; }
  const Peer& peer() const override { return *peer_; }
  Lane& lane() const override { return lane_; }
  void Took(size_t n) override;
  void Begin(int status, Fields fields) override;
  bool Send(Bytes piece) override;
  void End(Fields trailers) override;
  void Reset(ResetReason reason) override;
  std::unique_ptr<ByteStream> TakeOver(std::string* begun) override;
  size_t pending() const override;
  bool over() const override { return connection_ == nullptr || reset_; }

 private:
  friend class H1Connection;

  void Note();
  // What there is, to the connection's queue. False: the answer cannot be gone on with.
  bool PassOn(OutQueue* out, bool* keep_alive);
  void PassHead(OutQueue* out, bool* keep_alive);
  void PassPieces(OutQueue* out);

  H1Connection* connection_;  // Null: over.
  const std::shared_ptr<const Peer> peer_;
  Lane& lane_;
  const RequestHead head_;
  const bool http_1_0_, takes_trailers_, bodiless_;

  int status_ = 0;
  Fields answer_, trailers_;
  std::vector<Bytes> pieces_;
  size_t held_ = 0;               // Bytes of pieces_.
  uint64_t sent_ = 0;             // By the protocol, in all.
  std::optional<uint64_t> left_;  // Of the length that the protocol has announced.
  bool begun_ = false, ended_ = false;
  bool head_passed_ = false, chunked_ = false;
  bool wants_room_ = false, reset_ = false;
};

}  // namespace aiges
