// SPDX-License-Identifier: Apache-2.0
#include "loader/front/newcomer.h"

#include <utility>

#include "loader/base/log.h"
#include "loader/front/http_head.h"

namespace aiges {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113, section 3.4.
constexpr uint32_t kHeadBytes = 32 * 1024;

constexpr char kTlsRecord = 0x16;  // RFC 8446, section 5.1: a handshake.
// At a time: each holds some ten kilobytes, and more would only wait for the threads.
constexpr size_t kMostHandshakes = 256;
// One that has taken so long gives way to a new one when there are as many.
constexpr std::chrono::seconds kMayGo{1};
constexpr std::chrono::seconds kSayAgain{1};

Duration Ms(uint64_t ms) { return std::chrono::milliseconds(ms); }

void SayLeave(H1Connection* connection) { connection->Leave(); }
void SayLeave(H2Connection* connection) { connection->GoAway(); }
void SayLeave(PrpcConnection* connection) { connection->Leave(); }

bool IsIdle(const H1Connection& connection) { return connection.idle(); }
bool IsIdle(const H2Connection&) { return false; }  // It says goodbye, and closes by itself.
bool IsIdle(const PrpcConnection& connection) { return connection.idle(); }

// A connection of any protocol among the lane's clients.
template <class Connection>
class Client final : public LaneConnection, public Connection {
 public:
  Client(std::unique_ptr<ByteStream> stream, Peer peer, FrontLane* lane,
         typename Connection::Env* env)
      : LaneConnection(lane), Connection(std::move(stream), std::move(peer), env) {}

  void Close() override { Connection::Close(); }
  void Leave() override { SayLeave(this); }
  void CheckTime(TimePoint now) override { Connection::CheckTime(now); }
  bool idle() const override { return IsIdle(*this); }

  std::shared_ptr<LaneConnection> Shared() {
    return {Connection::shared_from_this(), static_cast<LaneConnection*>(this)};
  }
  void SayResting(bool resting) { SetResting(resting); }
  void Remove() {
    SetResting(false);
    lane_.clients.erase(Shared());
  }
};

template <class Connection>
Client<Connection>& ClientOf(Connection* connection) {
  return *static_cast<Client<Connection>*>(connection);
}

// What the environments of all have in common.
template <class Env>
void Fill(Env* env, FrontLane* lane, Handler* handler) {
  env->lane = &lane->loop;
  env->handler = handler;
  env->budget = &lane->budget;
  env->limits.head_bytes = kHeadBytes;
  env->limits.stall = Ms(lane->settings.limits.idle_timeout_ms);
  env->scratch = lane->scratch.data();
  env->scratch_size = lane->scratch.size();
  env->closed = [](auto* connection) { ClientOf(connection).Remove(); };
  env->resting = [](auto* connection, bool rests) { ClientOf(connection).SayResting(rests); };
}

}  // namespace

Transports MakeTransports(FrontLane* lane, Handler* handler, uint32_t streams) {
  Transports t{};
  Fill(&t.h1, lane, handler);
  t.h1.limits.idle = Ms(lane->settings.limits.idle_timeout_ms);
  t.h1.limits.read = Ms(lane->settings.limits.read_timeout_ms);
  Fill(&t.h2, lane, handler);
  t.h2.limits.streams = streams;
  Fill(&t.prpc, lane, handler);
  t.prpc.limits.idle = t.h1.limits.idle;
  t.prpc.limits.read = t.h1.limits.read;
  t.h1.limits.age = t.h2.limits.age = t.prpc.limits.age =
      std::chrono::seconds(lane->settings.limits.max_connection_age_s);
  return t;
}

Newcomer::Newcomer(std::unique_ptr<ByteStream> stream, Peer peer, const PortRules& rules,
                   FrontLane* lane, Transports* transports)
    : LaneConnection(lane),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      rules_(rules),
      transports_(*transports),
      since_(std::chrono::steady_clock::now()) {}

void Newcomer::Start() {
  SetResting(true);
  Wait();
}

void Newcomer::Refuse(const HttpResponse& response) {
  if (!rules_.plain && !peer_.tls) return Close();  // In words that it would not understand.
  MakeHttp1()->Refuse(response);
  End();
}

void Newcomer::Wait() {
  stream_->WaitReadable([self = shared_from_this()] { self->OnReadable(); });
}

void Newcomer::OnReadable() {
  if (over_) return;
  char* const scratch = lane_.scratch.data();
  if (handshaking_) {
    const TlsStream::Progress progress = tls_->Gather(scratch, lane_.scratch.size());
    if (progress == TlsStream::Progress::kDone) return Step();
    return progress == TlsStream::Progress::kAgain ? Wait() : Close();
  }
  const ByteStream::Moved got = stream_->Read(scratch, lane_.scratch.size());
  if (got.result == ByteStream::Result::kAgain) return Wait();
  if (got.result != ByteStream::Result::kDone) return Close();
  const std::string_view bytes(scratch, got.n);
  if (begun_.empty()) {
    since_ = std::chrono::steady_clock::now();
    if (Decide(bytes)) return;
    SetResting(false);
  } else if (Decide(begun_.append(bytes))) {
    return;
  }
  if (begun_.empty()) begun_ = bytes;
  Wait();
}

// Nobody gets past TLS by what they say first.
bool Newcomer::DecideSecurity(std::string_view bytes) {
  if (!rules_.tls || peer_.tls) return false;
  if (bytes.front() == kTlsRecord) {
    BeginTls(bytes);
    return true;
  }
  if (rules_.plain) return false;
  MakeHttp1()->Refuse(ConnectionError(400, "this port speaks TLS only: expected https://"));
  End();
  return true;
}

void Newcomer::BeginTls(std::string_view bytes) {
  if (transports_.handshaking.size() >= kMostHandshakes && !MakeRoom()) {
    if (!std::exchange(waits_turn_, true)) begun_ = bytes;
    return;
  }
  waits_turn_ = false;
  handshaking_ = true;
  since_ = std::chrono::steady_clock::now();
  place_ = transports_.handshaking.insert(transports_.handshaking.end(), this);
  auto stream = std::make_unique<TlsStream>(std::move(stream_), bytes, transports_.tls->Current(),
                                            &lane_.loop);
  begun_ = {};
  tls_ = stream.get();
  stream_ = std::move(stream);
  SetResting(false);
  Step();
}

// Who only begins a handshake must not keep others from theirs.
bool Newcomer::MakeRoom() {
  Newcomer& oldest = *transports_.handshaking.front();
  if (std::chrono::steady_clock::now() - oldest.since_ < kMayGo) return false;
  oldest.Close();
  return true;
}

void Newcomer::EndHandshake() {
  if (std::exchange(handshaking_, false)) transports_.handshaking.erase(place_);
}

// The arithmetic of a handshake would hold up everybody else.
void Newcomer::Step() {
  lane_.codec.Post([self = shared_from_this()] {
    const TlsStream::Progress progress = self->tls_->Step();
    self->lane_.loop.Post([self, progress] { self->OnStep(progress); });
  });
}

void Newcomer::OnStep(TlsStream::Progress progress) {
  if (over_) return;
  tls_->Send();
  if (progress == TlsStream::Progress::kAgain) return Wait();
  if (progress == TlsStream::Progress::kFailed) {
    LogFailure();
    return Close();
  }
  EndHandshake();
  peer_.tls = true;
  peer_.certificate = tls_->PeerName();
  peer_.names = tls_->PeerNames();
  since_ = std::chrono::steady_clock::now();
  SetResting(true);
  Wait();
}

void Newcomer::LogFailure() {
  const TimePoint now = std::chrono::steady_clock::now();
  if (now - transports_.said < kSayAgain) return;
  transports_.said = now;
  LogInfo("front", "no TLS with ", peer_.address, ": ", tls_->failure());
}

bool Newcomer::Decide(std::string_view bytes) {
  if (DecideSecurity(bytes)) return true;
  // Who has agreed on HTTP/2 speaks nothing else (RFC 9113, section 3.2).
  if (bytes.starts_with(kPreface) || (peer_.tls && tls_->agreed_http2())) {
    Become<H2Connection>(&transports_.h2, bytes);
  } else if (bytes.starts_with(kPrpcMagic)) {
    Become<PrpcConnection>(&transports_.prpc, bytes);
  } else if (!kPreface.starts_with(bytes) && !kPrpcMagic.starts_with(bytes)) {
    MakeHttp1()->Start(bytes);
    End();
  } else {
    return false;
  }
  return true;
}

template <class Connection>
void Newcomer::Become(typename Connection::Env* env, std::string_view bytes) {
  const auto client =
      std::make_shared<Client<Connection>>(std::move(stream_), std::move(peer_), &lane_, env);
  lane_.clients.insert(client->Shared());
  client->Start(bytes);
  End();
}

std::shared_ptr<H1Connection> Newcomer::MakeHttp1() {
  auto client = std::make_shared<Client<H1Connection>>(std::move(stream_), std::move(peer_), &lane_,
                                                       &transports_.h1);
  lane_.clients.insert(client->Shared());
  return client;
}

void Newcomer::Close() {
  if (stream_ != nullptr) stream_->Close();
  End();
}

void Newcomer::End() {
  if (std::exchange(over_, true)) return;
  EndHandshake();
  const auto self = shared_from_this();
  SetResting(false);
  lane_.clients.erase(self);
}

void Newcomer::CheckTime(TimePoint now) {
  const LimitSettings& limits = lane_.settings.limits;
  const bool silent = begun_.empty() && !handshaking_;
  const auto most = Ms(silent ? limits.idle_timeout_ms : limits.read_timeout_ms);
  if (now - since_ >= most) {
    if (silent || handshaking_ || waits_turn_) return Close();
    return Refuse(ConnectionError(408, "the request did not arrive in time"));
  }
  if (waits_turn_) BeginTls(std::string(begun_));
}

}  // namespace aiges
