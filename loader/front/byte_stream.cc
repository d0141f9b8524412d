// SPDX-License-Identifier: Apache-2.0
#include "loader/front/byte_stream.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace aiges {
namespace {

using Socket = boost::asio::generic::stream_protocol::socket;
using boost::system::error_code;

class SocketStream final : public ByteStream {
 public:
  SocketStream(Socket socket, Share share) : share_(std::move(share)), socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    const int on = 1;  // Fails for a unix socket, which needs none.
    ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  Moved Read(char* to, size_t room) override {
    ssize_t n = 0;
    do {
      n = ::recv(fd(), to, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0) return {Result::kEnd};
    return Came(n);
  }

  Moved Write(const iovec* pieces, size_t count) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = std::min<size_t>(count, IOV_MAX);
    ssize_t n = 0;
    do {
      n = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return Came(n);
  }

  void WaitReadable(Callback then) override { Wait(Socket::wait_read, std::move(then)); }
  void WaitWritable(Callback then) override { Wait(Socket::wait_write, std::move(then)); }

  void ShutdownWrite() override { ::shutdown(fd(), SHUT_WR); }
  void Close() override {
    error_code ignored;
    socket_.close(ignored);
  }
  void Reset() override {
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    Close();
  }
  size_t Unconfirmed() const override {
    int waiting = 0;
    if (::ioctl(const_cast<Socket&>(socket_).native_handle(), SIOCOUTQ, &waiting) != 0) return 0;
    return static_cast<size_t>(std::max(waiting, 0));
  }

 private:
  int fd() { return socket_.native_handle(); }

  static Moved Came(ssize_t n) {
    if (n >= 0) return {Result::kDone, static_cast<size_t>(n)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Result::kAgain};
    return {Result::kLost};
  }

  void Wait(Socket::wait_type what, Callback then) {
    socket_.async_wait(what, [then = std::move(then)](error_code ec) mutable {
      if (ec != boost::asio::error::operation_aborted) then();
    });
  }

  const Share share_;
  Socket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> MakeSocketStream(Socket socket, Share share) {
  return std::make_unique<SocketStream>(std::move(socket), std::move(share));
}

}  // namespace aiges
