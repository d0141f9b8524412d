// SPDX-License-Identifier: Apache-2.0
// tests/loader/h1_peer.h: the front's HTTP/1.1 connection on one end of a socket pair, and bytes on
// the other.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

#include "loader/front/h1_connection.h"
#include "tests/loader/connection_pair.h"

namespace aiges {

class H1Pair : public ConnectionPair<H1Connection> {
 public:
  explicit H1Pair(Handler* handler, const H1Limits& limits = {}, const LimitSettings& all = {})
      : ConnectionPair(handler, limits, all) {
    env.resting = [this](H1Connection*, bool rests) { resting = rests; };
    if (server != nullptr) server->Start({});
  }

  ~H1Pair() { End(); }

  void Say(std::string_view bytes) { unsent_.append(bytes); }
  void Turn() override {
    if (!unsent_.empty()) {
      const ssize_t n = ::send(client_fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (n > 0) unsent_.erase(0, static_cast<size_t>(n));
    }
    TurnLane();
    char in[16384];
    while (reads) {
      const ssize_t n = ::recv(client_fd(), in, sizeof in, 0);
      if (n == 0) ended = true;
      if (n <= 0) break;
      got.append(in, static_cast<size_t>(n));
    }
  }
  std::string Take() { return std::exchange(got, {}); }

  std::string got;
  bool reads = true, ended = false, resting = false;

 private:
  std::string unsent_;
};

}  // namespace aiges
