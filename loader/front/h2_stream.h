// SPDX-License-Identifier: Apache-2.0
// loader/front/h2_stream.h: a stream of an HTTP/2 connection, as an Exchange.
//
// Notes what its protocol says, for the connection to pass on (h2_connection.h). Belongs to the
// lane.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <utility>
#include <vector>

#include "loader/api/budget.h"
#include "loader/front/exchange.h"
#include "loader/front/h2_connection.h"

namespace aiges {

class H2Stream final : public Exchange, public std::enable_shared_from_this<H2Stream> {
 public:
  static constexpr size_t kUsualPieces = 4;  // Of an answer.

  H2Stream(H2Connection* connection, int32_t id, size_t index, Budget* budget)
      : connection_(connection),
        peer_(connection->peer_),
        lane_(*connection->env_.lane),
        id_(id),
        index_(index),
        head_share_(&budget->input),
        output_(&budget->output) {}

  const RequestHead& head() const override { return head_; }
  const Peer& peer() const override { return *peer_; }
  Lane& lane() const override { return lane_; }
  void Took(size_t n) override;
  void Begin(int status, Fields fields) override;
  bool Send(Bytes piece) override;
  void End(Fields trailers) override;
  void Reset(ResetReason reason) override;
  std::unique_ptr<ByteStream> TakeOver(std::string*) override { return nullptr; }
  size_t pending() const override { return pending_; }
  bool over() const override { return connection_ == nullptr || reset_; }

 private:
  friend class H2Connection;
  friend struct H2Callbacks;

  void Continue();                        // Tells a client that waits for it to go on.
  void Note();                            // There is something for nghttp2.
  void PassOn(nghttp2_session* session);  // It.
  void Submit(nghttp2_session* session);
  // For nghttp2's data provider: how much of `most` there is now.
  ssize_t Offer(nghttp2_session* session, size_t most, uint32_t* flags);
  void Move(size_t n, OutQueue* out);  // So much of it.

  H2Connection* connection_;  // Null: over.
  const std::shared_ptr<const Peer> peer_;
  Lane& lane_;
  const int32_t id_;
  size_t index_;  // Of the connection's list.

  RequestHead head_;
  Fields trailers_;  // Of the request.
  std::unique_ptr<Responder> responder_;
  Share head_share_;
  bool head_came_ = false;
  bool client_ended_ = false;
  size_t head_cost_ = 0;  // With what is not kept.
  size_t took_ = 0;       // To be told to nghttp2.

  int status_ = 0;
  Fields answer_, end_;  // Head and trailers.
  std::vector<Bytes> pieces_;
  size_t first_ = 0, offset_ = 0;  // Of the first piece that is not out, and within it.
  size_t pending_ = 0;
  Share output_;     // Of pending_.
  TimePoint moved_;  // When something of it last was.
  bool noted_ = false;
  bool continue_ = false;
  bool bodiless_ = false;                      // The answer to a HEAD.
  bool begun_ = false, ended_ = false;         // By the protocol.
  bool submitted_ = false, deferred_ = false;  // To nghttp2.
  bool wants_room_ = false;
  bool reset_ = false, slow_ = false, all_sent_ = false;
  uint32_t reset_code_ = 0;
};

}  // namespace aiges
