// SPDX-License-Identifier: Apache-2.0
// loader/front/newcomer.h: a connection whose protocol is not known yet.
//
// Its first bytes tell: the preface of HTTP/2, "PRPC" of baidu_std, or else HTTP/1.1, which answers
// also what is none of them. Where a port has TLS the first bytes come after its handshake, and who
// says anything else is refused, unless the port takes plain text, too. Whoever serves the
// connection is handed the stream with the bytes that were read, and takes its place among the
// lane's clients. Belongs to the lane; kept alive by the lane's set and by what it waits for.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "loader/front/byte_stream.h"
#include "loader/front/front_lane.h"
#include "loader/front/h1_connection.h"
#include "loader/front/h2_connection.h"
#include "loader/front/prpc_connection.h"
#include "loader/front/tls_context.h"
#include "loader/front/tls_stream.h"

namespace aiges {

class Newcomer;

// What connections of each protocol share. Outlives them.
struct Transports {
  H1Connection::Env h1;
  H2Connection::Env h2;
  PrpcConnection::Env prpc;
  TlsContext* tls = nullptr;         // Where any port has it.
  std::list<Newcomer*> handshaking;  // The longest first.
  TimePoint said{};                  // When one that failed was last in the log.
};
// `handler` is given all exchanges. The limits are those of the settings, and of `streams`.
Transports MakeTransports(FrontLane* lane, Handler* handler, uint32_t streams);

// What a port speaks.
struct PortRules {
  bool tls = false;
  bool plain = true;
};

class Newcomer : public LaneConnection, public std::enable_shared_from_this<Newcomer> {
 public:
  Newcomer(std::unique_ptr<ByteStream> stream, Peer peer, const PortRules& rules, FrontLane* lane,
           Transports* transports);

  void Start();
  // Instead: answers before it has said anything, and ends.
  void Refuse(const HttpResponse& response);
  void Close() override;
  // Closes who says nothing; who says half a preface is told 408.
  void CheckTime(TimePoint now) override;
  bool idle() const override { return true; }

 private:
  void Wait();
  void OnReadable();
  bool Decide(std::string_view bytes);  // False: more of them are needed.
  bool DecideSecurity(std::string_view bytes);
  void BeginTls(std::string_view bytes);
  bool MakeRoom();
  void EndHandshake();
  void Step();
  void OnStep(TlsStream::Progress progress);
  void LogFailure();
  template <class Connection>
  void Become(typename Connection::Env* env, std::string_view bytes);
  std::shared_ptr<H1Connection> MakeHttp1();  // It has the stream then.
  void End();

  std::unique_ptr<ByteStream> stream_;
  Peer peer_;
  const PortRules rules_;
  Transports& transports_;
  TlsStream* tls_ = nullptr;  // As which stream_ is one.
  bool handshaking_ = false;
  std::list<Newcomer*>::iterator place_;  // While handshaking_.
  bool waits_turn_ = false;               // To begin the handshake, with begun_.
  std::string begun_;                     // What has been read.
  TimePoint since_;
  bool over_ = false;
};

}  // namespace aiges
