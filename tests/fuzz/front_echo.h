// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/front_echo.h: a connection of the front with protocols that echo, for the fuzzers.
//
// Whatever comes over it: it answers or ends, holds no more than it may, and everything goes back
// when it is over.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/front/byte_stream.h"
#include "loader/front/grpc_call.h"
#include "loader/front/loop_lane.h"

namespace aiges {

inline void Check(bool good) {
  if (!good) std::abort();
}

class HeapPool final : public BufferPool {
 public:
  Buffer Allocate(size_t size) override {
    std::shared_ptr<char[]> memory(new char[size]);
    return {memory.get(), size, memory};
  }
};

inline int g_open = 0;  // Responders that have not heard of the end.

// Path "/g..": gRPC; else the body comes back, some of it at once and some at the end.
class Echo final : public Responder {
 public:
  explicit Echo(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) { ++g_open; }
  ~Echo() override { Check(over_); }
  void OnBody(std::string_view piece) override {
    Check(!over_ && !ended_);
    if (!begun_) exchange_->Begin(200, {{"x", "y"}});
    begun_ = true;
    if (exchange_->Send(Bytes::Own(std::string(piece) + std::string(3000, 'z')))) {
      exchange_->Took(piece.size());
    } else {
      untaken_ += piece.size();
    }
    if (piece.size() > 20) exchange_->Reset(ResetReason::kCancel);
  }
  void OnBodyEnd(const Fields& trailers) override {
    Check(!over_ && !ended_);
    ended_ = true;
    if (!begun_) exchange_->Begin(404, {});
    exchange_->End(trailers);
  }
  void OnRoom() override { exchange_->Took(std::exchange(untaken_, 0)); }
  void OnOver(Over) override {
    Check(!over_);
    over_ = true;
    --g_open;
    exchange_->Send(Bytes::Own("to nobody"));
    exchange_->End();
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
  size_t untaken_ = 0;
  bool begun_ = false, ended_ = false, over_ = false;
};

// Path "/gu..": a unary call. "..p": answers are packed.
class GrpcEcho final : public GrpcCall {
 public:
  GrpcEcho(std::shared_ptr<Exchange> exchange, Kind kind, const GrpcEnv* env)
      : GrpcCall(std::move(exchange), kind, env), unary_(kind == Kind::kUnary) {
    if (head().path().ends_with("p")) PackAnswers();
  }

 private:
  void OnMessage(Bytes message) override {
    Check(!finished_);
    // Long enough to be worth it.
    Send({std::move(message), Bytes::Own(std::string(3000, 'z'))});
    if (unary_) Finish({GrpcCode::kInternal, "said"});
    finished_ = unary_;
  }
  void OnMessagesEnd() override {
    if (!unary_) Finish({});
  }
  void OnOver(Over) override {}

  const bool unary_;
  bool finished_ = false;
};

constexpr size_t kMostHead = 40 * 1024;  // Of any version of HTTP.

class EchoHandler : public Handler {
 public:
  explicit EchoHandler(const GrpcEnv* env) : env_(env) {}
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    const RequestHead& head = exchange->head();
    Check(head.fields.cost() <= kMostHead);
    Check(!head.method().empty() || head.flaw == Flaw::kHeadTooLarge);
    if (!head.path().starts_with("/g")) return std::make_unique<Echo>(std::move(exchange));
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    using Kind = GrpcCall::Kind;
    const Kind kind = head.path().starts_with("/gu") ? Kind::kUnary : Kind::kStream;
    return std::make_unique<GrpcEcho>(std::move(exchange), kind, env_);
  }

 private:
  const GrpcEnv* env_;
};

inline void Turn(LoopLane* lane, int fd) {
  char sink[16384];
  for (int i = 0; i < 3; ++i) {
    lane->io.restart();
    lane->io.poll();
    while (::recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0) {
    }
  }
}

// A connection of one version of HTTP on a socket pair. `begin` is there already; a 0xFF 0xFE in
// `rest` is where a turn of the lane ends, so that what comes later meets answers that are under
// way. `leave` is called behind all of it.
template <typename Connection, typename Protocols = EchoHandler>
void Drive(std::string_view begin, std::string_view rest, void (*leave)(Connection&)) {
  LoopLane lane;
  HeapPool pool;
  LimitSettings limits;
  limits.max_input_bytes = 200'000;
  Budget budget(limits);
  const GrpcEnv grpc{64 * 1024, &pool, &budget};
  Protocols handler(&grpc);
  std::vector<char> scratch(16384);
  bool closed = false;
  typename Connection::Env env{&lane, &handler, &budget, {}, scratch.data(), scratch.size(), {}};
  env.closed = [&closed](Connection*) { closed = true; };
  int fds[2] = {-1, -1};
  Check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
  using Protocol = boost::asio::generic::stream_protocol;
  auto connection = std::make_shared<Connection>(
      MakeSocketStream(Protocol::socket(lane.io, Protocol(AF_UNIX, 0), fds[0])), Peer{}, &env);
  connection->Start(begin);
  while (!rest.empty() && !closed) {
    const std::string_view part = rest.substr(0, rest.find("\xff\xfe"));
    rest.remove_prefix(std::min(rest.size(), part.size() + 2));
    // What does not fit is not sent: the input goes on from somewhere else.
    (void)!::send(fds[1], part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    Turn(&lane, fds[1]);
    connection->CheckTime(std::chrono::steady_clock::now());
  }
  if (leave != nullptr) leave(*connection);
  Turn(&lane, fds[1]);
  ::close(fds[1]);
  Turn(&lane, fds[1]);
  connection->Close();
  connection = nullptr;
  Turn(&lane, fds[1]);
  Check(closed && g_open == 0);
  Check(budget.input.used() == 0 && budget.output.used() == 0);
}

}  // namespace aiges
