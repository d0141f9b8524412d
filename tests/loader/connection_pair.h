// SPDX-License-Identifier: Apache-2.0
// tests/loader/connection_pair.h: one of the front's connections on one end of a socket pair. One
// thread; nothing sleeps: Until() turns both ends until something holds.
#pragma once

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "loader/base/fd.h"
#include "loader/front/loop_lane.h"
#include "tests/loader/exchange_recorder.h"

namespace aiges {

template <class Connection>
class ConnectionPair {
 public:
  bool Until(const std::function<bool()>& holds) {
    for (int i = 0; i < 2000; ++i) {
      if (holds()) return true;
      Turn();
    }
    return holds();
  }
  // Nothing more happens.
  void Settle() {
    for (int i = 0; i < 50; ++i) Turn();
  }
  // The client's end goes, without a word.
  void Hang() { fd_.Reset(); }
  virtual void Turn() = 0;

  LoopLane lane;
  Budget budget;
  typename Connection::Env env{};
  std::shared_ptr<Connection> server;
  int writes = 0;

 protected:
  template <class Limits>
  ConnectionPair(Handler* handler, const Limits& limits, const LimitSettings& all) : budget(all) {
    env.lane = &lane;
    env.handler = handler;
    env.budget = &budget;
    env.limits = limits;
    env.scratch = scratch_.data();
    env.scratch_size = scratch_.size();
    env.closed = [this](Connection*) { server = nullptr; };
    int fds[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) return;
    fd_ = Fd(fds[1]);
    using Protocol = boost::asio::generic::stream_protocol;
    Protocol::socket socket(lane.io, Protocol(AF_UNIX, 0), fds[0]);
    auto stream = std::make_unique<CountedStream>(MakeSocketStream(std::move(socket)), &writes);
    server = std::make_shared<Connection>(std::move(stream), Peer{}, &env);
  }
  ~ConnectionPair() = default;
  // First thing in a destructor: what the connection tells then is heard by all of the pair.
  void End() {
    if (server != nullptr) std::shared_ptr<Connection>(server)->Close();
    TurnLane();
  }

  void TurnLane() {
    lane.io.restart();
    lane.io.poll();
  }
  int client_fd() const { return fd_.get(); }

 private:
  std::vector<char> scratch_ = std::vector<char>(64 * 1024);
  Fd fd_;
};

}  // namespace aiges
