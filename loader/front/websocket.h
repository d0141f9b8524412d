// SPDX-License-Identifier: Apache-2.0
// loader/front/websocket.h: a WebSocket (RFC 6455) of a client, whatever is spoken over it.
//
// Overview. Who answers an exchange whose head says `websocket` may accept it instead: the
// connection becomes a WebSocket, and its owner is told of messages, one at a time, until it is
// over. Boost.Beast has the protocol. The client has the pace of its owner, who says Took for each
// message before the next one is read; the owner has that of the client, as Send and OnRoom say.
//
// Bounds. A message that comes: `longest`, and while it comes its memory is in Budget::input, which
// its last holder gives back. What is sent: Budget::output, and the pace at which the client must
// take it. A client that answers no pings is gone, as long as it is read; one that does not leave
// when it is told to is closed. All of that ends in OnOver.
//
// Ownership: kept by the lane until it is over, and by its owner. It holds its listener until
// OnOver. Threads: the lane's, all of it. No method calls the listener.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/base/bytes.h"
#include "loader/front/exchange.h"
#include "loader/front/front_lane.h"

namespace aiges {

class WebSocket {
 public:
  // Of RFC 6455, section 7.4.1. kLost and kNoCode are never sent.
  static constexpr uint16_t kNormal = 1000, kGoingAway = 1001, kNoCode = 1005, kLost = 1006,
                            kTooBig = 1009, kTryAgainLater = 1013;
  enum class Kind { kText, kBinary };

  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnMessage(Kind kind, Bytes message) = 0;
    // Something was sent, and all of it is out.
    virtual void OnRoom() = 0;
    // Once, the last call: what the client closed it with, or why it was closed here. What has been
    // sent before may still be on its way then.
    virtual void OnOver(uint16_t code, std::string_view reason) = 0;
  };
  struct Terms {
    uint64_t longest;         // Bytes of a message that comes.
    std::string subprotocol;  // Of those that the client offers; empty: none.
    Fields fields;            // Of the answer that accepts it, beside those of the protocol.
  };

  // Nothing where the exchange is over, or its head does not say `websocket`.
  static std::shared_ptr<WebSocket> Accept(Exchange* exchange, Terms terms, FrontLane* lane);
  virtual ~WebSocket() = default;

  // Begins to read. Once, after Accept.
  virtual void Start(std::shared_ptr<Listener> listener) = 0;
  // The last message is dealt with: the next one may come.
  virtual void Took() = 0;
  // False: there is enough for now, wait for OnRoom.
  virtual bool Send(Kind kind, Bytes message) = 0;
  // Says goodbye when what was sent is out; messages that still come are nobody's.
  virtual void Close(uint16_t code, std::string_view reason) = 0;
  // Bytes that were sent and are not out.
  virtual size_t pending() const = 0;
};

}  // namespace aiges
