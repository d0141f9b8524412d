// SPDX-License-Identifier: Apache-2.0
// bench/front_echo.cc: a server that is nothing but loader/front: it answers every unary gRPC call,
// and every other request, with the bytes it got. What it carries is what the front leaves to a
// host; the counterpart is grpc_limit_server.
//
//   front_echo [PORT]
//
// Port 0 (the default): any free one. Prints the port on stdout; ends with SIGTERM.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/front/grpc_call.h"
#include "loader/front/h2_connection.h"
#include "loader/front/loop_lane.h"

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

class HeapPool : public aiges::BufferPool {
 public:
  aiges::Buffer Allocate(size_t size) override {
    std::shared_ptr<char[]> memory(new char[size]);
    return {memory.get(), size, memory};
  }
};

class Echo final : public aiges::GrpcCall {
 public:
  using GrpcCall::GrpcCall;

 private:
  void OnMessage(aiges::Bytes message) override {
    Send({std::move(message)});
    Finish({});
  }
  void OnOver(aiges::Over) override {}
};

// A request that is no gRPC: its body comes back when it is whole.
class PlainEcho final : public aiges::Responder {
 public:
  explicit PlainEcho(std::shared_ptr<aiges::Exchange> exchange) : exchange_(std::move(exchange)) {}

 private:
  void OnBody(std::string_view piece) override {
    body_.append(piece);
    exchange_->Took(piece.size());
  }
  void OnBodyEnd(const aiges::Fields&) override {
    exchange_->Begin(200, {{"content-type", "application/octet-stream"}});
    exchange_->Send(aiges::Bytes::Own(body_.empty() ? "nothing to say again" : std::move(body_)));
    exchange_->End();
  }
  void OnOver(aiges::Over) override {}

  const std::shared_ptr<aiges::Exchange> exchange_;
  std::string body_;
};

class EchoHandler final : public aiges::Handler {
 public:
  explicit EchoHandler(const aiges::GrpcEnv* env) : env_(env) {}
  std::unique_ptr<aiges::Responder> Begin(std::shared_ptr<aiges::Exchange> exchange) override {
    if (!aiges::IsGrpc(exchange->head().fields.Find("content-type"))) {
      return std::make_unique<PlainEcho>(std::move(exchange));
    }
    if (!aiges::CheckGrpcHead(exchange.get())) return nullptr;
    return std::make_unique<Echo>(std::move(exchange), aiges::GrpcCall::Kind::kUnary, env_);
  }

 private:
  const aiges::GrpcEnv* env_;
};

struct Server {
  aiges::LoopLane lane;
  HeapPool pool;
  aiges::LimitSettings limits;
  aiges::Budget budget{limits};
  aiges::GrpcEnv grpc{limits.max_message_bytes, &pool, &budget};
  EchoHandler handler{&grpc};
  std::vector<char> scratch = std::vector<char>(256 * 1024);
  aiges::H2Connection::Env env;
  std::set<std::shared_ptr<aiges::H2Connection>> all;
  tcp::acceptor acceptor{lane.io};
  boost::asio::steady_timer timer{lane.io};

  unsigned short Start(unsigned short port) {
    env.lane = &lane;
    env.handler = &handler;
    env.budget = &budget;
    env.scratch = scratch.data();
    env.scratch_size = scratch.size();
    env.closed = [this](aiges::H2Connection* c) { all.erase(c->shared_from_this()); };
    acceptor.open(tcp::v4());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind({boost::asio::ip::address_v4::loopback(), port});
    acceptor.listen();
    Accept();
    Sweep();
    return acceptor.local_endpoint().port();
  }
  void Accept() {
    acceptor.async_accept([this](error_code ec, tcp::socket socket) {
      if (!ec) {
        auto connection = std::make_shared<aiges::H2Connection>(
            aiges::MakeSocketStream(std::move(socket)), aiges::Peer{}, &env);
        all.insert(connection);
        connection->Start({});
      }
      Accept();
    });
  }
  void Sweep() {
    timer.expires_after(std::chrono::milliseconds(100));
    timer.async_wait([this](error_code) {
      const auto now = std::chrono::steady_clock::now();
      const std::vector<std::shared_ptr<aiges::H2Connection>> some(all.begin(), all.end());
      for (const auto& connection : some) connection->CheckTime(now);
      Sweep();
    });
  }
};

}  // namespace

int main(int argc, char** argv) {
  Server server;
  std::printf("%d\n", server.Start(static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0)));
  std::fflush(stdout);
  server.lane.io.run();
}
