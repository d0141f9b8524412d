// SPDX-License-Identifier: Apache-2.0
// xtest/net_stream.h: a connection of the clients for HTTP and WebSocket, plain or by TLS. An
// AsyncStream of Boost.Asio. Belongs to one client thread.
#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/role.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aiges {

class NetStream {
 public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  using executor_type = tcp::socket::executor_type;

  // `tls`: null for plain text; must outlive this.
  NetStream(boost::asio::io_context* context, boost::asio::ssl::context* tls)
      : tls_(tls), socket_(*context) {}

  executor_type get_executor() { return socket_.get_executor(); }
  tcp::socket& socket() { return socket_; }
  bool is_open() const { return socket_.is_open(); }

  // Connects, and shakes hands where there is TLS. `host`: whose certificate is expected.
  template <class Handler>
  void Connect(const std::vector<tcp::endpoint>& endpoints, const std::string& host,
               Handler handler) {
    secure_.reset();
    boost::asio::async_connect(
        socket_, endpoints,
        [this, host, handler = std::move(handler)](error_code error, const tcp::endpoint&) mutable {
          if (error) return handler(error);
          error_code ignored;
          socket_.set_option(tcp::no_delay(true), ignored);
          if (tls_ == nullptr) return handler(error);
          Shake(host, std::move(handler));
        });
  }
  void Close() {
    error_code ignored;
    socket_.close(ignored);
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (secure_) return secure_->async_read_some(buffers, std::forward<Handler>(handler));
    socket_.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (secure_) return secure_->async_write_some(buffers, std::forward<Handler>(handler));
    socket_.async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  using Secure = boost::asio::ssl::stream<tcp::socket&>;

  template <class Handler>
  void Shake(const std::string& host, Handler handler) {
    secure_.emplace(socket_, *tls_);
    SSL_set_tlsext_host_name(secure_->native_handle(), host.c_str());
    secure_->set_verify_callback(boost::asio::ssl::host_name_verification(host));
    secure_->async_handshake(boost::asio::ssl::stream_base::client, std::move(handler));
  }

  boost::asio::ssl::context* const tls_;
  tcp::socket socket_;
  std::optional<Secure> secure_;
};

// What Beast does when a time of its own is over.
inline void beast_close_socket(NetStream& stream) { stream.Close(); }
// What Beast does at the end of a WebSocket: the connection is closed, and nothing is waited for.
inline void teardown(boost::beast::role_type, NetStream& stream, boost::system::error_code& error) {
  stream.Close();
  error = {};
}
template <class Handler>
void async_teardown(boost::beast::role_type, NetStream& stream, Handler&& handler) {
  stream.Close();
  boost::asio::post(stream.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
    handler(boost::system::error_code());
  });
}

}  // namespace aiges
