// loader/ingress/ws_session.h: one WebSocket, one session of the engine.
//
// Each text frame from the client is a JSON envelope (json_codec.h): the first one opens the
// session, all are input. Each frame to the client is one, too; the socket is closed (1000) after
// the last. Flow control: the next frame is read only while few writes wait for the engine, and
// output is polled for only when the last frame has been written.
// Belongs to the HTTP lane from its start; keeps itself alive until the socket is closed.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <functional>

#include "loader/api/buffers.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"

namespace aiges {

struct WsContext {
  const Settings& settings;
  Sessions& sessions;
  BufferPool& buffers;
  std::function<void()> gone;  // Called on the lane, once, when the socket is closed.
};

// Lane. Answers the upgrade request, and serves.
void StartWsSession(
    boost::asio::ip::tcp::socket socket,
    const boost::beast::http::request<boost::beast::http::empty_body>& upgrade, WsContext context);

}  // namespace aiges
