// SPDX-License-Identifier: Apache-2.0
// tests/loader/byte_peer.h: one of the front's connections on one end of a socket pair, and bytes
// on the other.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

#include "tests/loader/connection_pair.h"

namespace aiges {

template <class Connection, class Limits>
class BytePair : public ConnectionPair<Connection> {
 public:
  explicit BytePair(Handler* handler, const Limits& limits = {}, const LimitSettings& all = {})
      : ConnectionPair<Connection>(handler, limits, all) {
    this->env.resting = [this](Connection*, bool rests) { resting = rests; };
    if (this->server != nullptr) this->server->Start({});
  }

  ~BytePair() { this->End(); }

  void Say(std::string_view bytes) { unsent_.append(bytes); }
  void Turn() override {
    if (!unsent_.empty()) {
      const ssize_t n = ::send(this->client_fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (n > 0) unsent_.erase(0, static_cast<size_t>(n));
    }
    this->TurnLane();
    char in[16384];
    while (reads) {
      const ssize_t n = ::recv(this->client_fd(), in, sizeof in, 0);
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
