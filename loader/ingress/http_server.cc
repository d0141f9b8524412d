#include "loader/ingress/http_server.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <cstdio>
#include <limits>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "loader/base/log.h"
#include "loader/ingress/pooled_body.h"
#include "loader/ingress/ws_session.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::beast::error_code;

constexpr size_t kReadSize = 16 * 1024;
constexpr size_t kMostReadSize = 512 * 1024;
constexpr uint32_t kHeadLimit = 32 * 1024;
constexpr auto kSweep = std::chrono::milliseconds(100);

std::string Head(const HttpResponse& r, bool keep_alive, bool chunked) {
  size_t length = 0;
  for (const Bytes& piece : r.body) length += piece.size();
  const std::string size = r.stream == nullptr ? StrCat("Content-Length: ", length)
                           : chunked           ? "Transfer-Encoding: chunked"
                                               : "Connection: close";
  std::string head;
  head.reserve(256);
  head += StrCat("HTTP/1.1 ", r.status, ' ');
  const auto reason = http::obsolete_reason(static_cast<http::status>(r.status));
  head.append(reason.data(), reason.size());
  head += StrCat("\r\nContent-Type: ", r.content_type, "\r\n", size, "\r\n");
  for (const auto& [name, value] : r.headers) head += StrCat(name, ": ", value, "\r\n");
  const bool said = r.stream != nullptr && !chunked;
  head += keep_alive || said ? "\r\n" : "Connection: close\r\n\r\n";
  return head;
}

// One piece of a streamed body, as it goes over the wire (RFC 9112, section 7.1).
std::string Chunk(std::string_view piece, bool last, bool chunked) {
  if (!chunked) return std::string(piece);
  std::string out;
  if (!piece.empty()) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    out = StrCat(size, piece, "\r\n");
  }
  if (last) out += "0\r\n\r\n";
  return out;
}

std::string ErrorBody(int status, std::string_view message) {
  return StrCat("{\"header\":{\"code\":", status, ",\"message\":\"", message,
                "\"},\"payload\":null}");
}

}  // namespace

class Connection;

struct HttpServer::Impl {
  Impl(const Settings& s, BufferPool* b, Sessions* ss, HttpHooks h)
      : settings(s), buffers(*b), sessions(*ss), hooks(std::move(h)), acceptor(io), sweeper(io) {}

  const Settings& settings;
  BufferPool& buffers;
  Sessions& sessions;
  HttpHooks hooks;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer sweeper;
  std::thread lane;
  std::set<std::shared_ptr<Connection>> connections;  // Lane.
  size_t websockets = 0;                              // Lane. Open ones, connections no more.
  bool stopping = false;                              // Lane.

  void Accept();
  void Sweep();
};

// One client connection. Belongs to the lane; kept alive by the server's set and by its own
// outstanding operations.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, HttpServer::Impl* server)
      : socket_(std::move(socket)), server_(*server) {
    error_code ignored;
    from_loopback_ = socket_.remote_endpoint(ignored).address().is_loopback();
  }

  void Start() {
    NewRequest();
    Read();
  }

  // A limit has passed: answers 408 to half a request, closes what only idles, and clients that
  // take nothing of their answer.
  void CheckTime(TimePoint now) {
    if (writing_ && now >= give_up_writing_) return Close();
    if (writing_ && stream_ != nullptr && now >= stream_->until()) return Close();
    if (now < give_up_ || answering_) return;
    if (!started_) return Close();
    Reply(HttpResponse::Text(408, "application/json",
                             ErrorBody(408, "the request did not arrive in time")),
          true);
  }
  // True when there is nothing left to do for this connection.
  bool idle() const { return !answering_ && !started_; }
  void Close() {
    if (closed_) return;
    closed_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    if (call_ != 0) server_.hooks.abort(std::exchange(call_, 0));
    if (stream_ != nullptr) std::exchange(stream_, nullptr)->Abort();
    server_.connections.erase(shared_from_this());
  }

 private:
  using Parser = http::request_parser<PooledBody>;

  void NewRequest() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(kHeadLimit);
    parser_->body_limit(std::numeric_limits<uint64_t>::max());  // Checked below, with a text.
    parser_->get().body().pool = &server_.buffers;
    started_ = false;
    head_checked_ = false;
    give_up_ = Now() + std::chrono::milliseconds(server_.settings.limits.idle_timeout_ms);
  }
  static TimePoint Now() { return std::chrono::steady_clock::now(); }

  // One read at a time. While an answer is on its way it goes to a place of its own: it may still
  // be out when the next request is taken from in_, which moves what is in there.
  void Read() {
    if (reading_) return;
    reading_ = true;
    ahead_read_ = answering_;
    const size_t room =
        answering_ ? ahead_.size() : std::clamp(next_read_, kReadSize, kMostReadSize);
    const asio::mutable_buffer place = answering_ ? asio::buffer(ahead_) : in_.prepare(room);
    socket_.async_read_some(place, [self = shared_from_this(), room](error_code ec, size_t n) {
      self->OnRead(ec, n, room);
    });
  }

  void OnRead(error_code ec, size_t n, size_t room) {
    reading_ = false;
    if (closed_ || lingering_) return;
    if (ec) return Close();  // Also while a call runs: its client is gone.
    if (ahead_read_) asio::buffer_copy(in_.prepare(n), asio::buffer(ahead_.data(), n));
    in_.commit(n);
    next_read_ = n == room ? room * 2 : kReadSize;
    if (answering_) {
      // Pipelined ahead: kept until the answer is out, but not without bound.
      if (in_.size() < kMostReadSize) Read();
      return;
    }
    Parse();
  }

  void Parse() {
    if (in_.size() > 0 && !started_) {
      started_ = true;
      give_up_ = Now() + std::chrono::milliseconds(server_.settings.limits.read_timeout_ms);
    }
    error_code ec;
    while (in_.size() > 0 && !parser_->is_done()) {
      if (!head_checked_) parser_->eager(false);  // Stop behind the head: it may be refused.
      const size_t used = parser_->put(in_.data(), ec);
      in_.consume(used);
      if (ec == http::error::need_more) break;
      if (ec) return Malformed(ec);
      if (parser_->is_header_done() && !head_checked_) {
        head_checked_ = true;
        if (RefuseHead()) return;
        parser_->eager(true);
      }
      if (used == 0 && !parser_->is_done()) break;
      if (parser_->is_header_done() && TooLong()) return;
    }
    if (parser_->is_done()) return Dispatch();
    Read();
  }

  bool TooLong() {
    const uint64_t limit = server_.settings.limits.max_message_bytes;
    const auto length = parser_->content_length();
    const uint64_t seen = parser_->get().body().growing.size();
    if (!(length && *length > limit) && seen <= limit) return false;
    Reply(HttpResponse::Text(
              413, "application/json",
              ErrorBody(413, StrCat("the body is longer than [limits] max_message_bytes = ",
                                    limit))),
          true);
    return true;
  }

  void Malformed(error_code ec) {
    int status = 400;
    if (ec == http::error::header_limit) status = 431;
    if (ec == http::error::bad_version) status = 505;
    Reply(HttpResponse::Text(status, "application/json",
                             ErrorBody(status, StrCat("not a valid HTTP/1.1 request: ",
                                                      ec.message()))),
          true);
  }

  // Answers requests whose head already says that the body is not wanted.
  bool RefuseHead() {
    const auto& head = parser_->get();
    const bool has_body = parser_->content_length() || parser_->chunked();
    if (head.method() == http::verb::post && !has_body) {
      Reply(HttpResponse::Text(411, "application/json",
                               ErrorBody(411, "POST needs Content-Length or a chunked body")),
            true);
      return true;
    }
    if (TooLong()) return true;
    const auto expect = head[http::field::expect];
    if (!expect.empty() && boost::beast::iequals(expect, "100-continue")) {
      // Never waits: a client that does not read cannot hold the lane. It gets no "continue" then,
      // and has to send its body without.
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const ssize_t sent = ::send(socket_.native_handle(), kContinue.data(), kContinue.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0 && sent < static_cast<ssize_t>(kContinue.size())) {
        Close();  // Half a line cannot be taken back.
        return true;
      }
    }
    return false;
  }

  void Dispatch() {
    auto& message = parser_->get();
    HttpRequest request;
    request.arrived = Now();
    request.from_loopback = from_loopback_;
    request.method = std::string(message.method_string());
    SplitTarget({message.target().data(), message.target().size()}, &request);
    for (const auto& field : message) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      });
      if (field.name() == http::field::content_type) request.content_type = std::string(field.value());
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    keep_alive_ = message.keep_alive() && !server_.stopping;
    head_only_ = message.method() == http::verb::head;
    chunked_ = message.version() >= 11;
    if (boost::beast::websocket::is_upgrade(message)) return Upgrade(request);
    request.body = message.body().Take();
    answering_ = true;
    call_ = 0;
    const uint64_t sequence = ++sequence_;
    // The answer may come at once, on this thread, or later from another one.
    const uint64_t call = server_.hooks.handle(
        std::move(request),
        [self = shared_from_this(), sequence, lane = std::this_thread::get_id()](HttpResponse r) {
          if (std::this_thread::get_id() == lane) return self->OnAnswer(sequence, std::move(r));
          asio::post(self->socket_.get_executor(),
                     [self, sequence, r = std::move(r)]() mutable {
                       self->OnAnswer(sequence, std::move(r));
                     });
        });
    if (answering_ && sequence == sequence_) call_ = call;
    // Keeps an eye on the socket meanwhile: end-of-file is the notice that the client left.
    if (!closed_ && answering_) Read();
  }

  // Hands the socket to a WebSocket session; this connection ends.
  void Upgrade(const HttpRequest& request) {
    answering_ = true;
    if (std::optional<HttpResponse> refusal = server_.hooks.refuse_upgrade(request)) {
      return Reply(*std::move(refusal), true);
    }
    if (server_.stopping) {
      return Reply(HttpResponse::Text(503, "application/json", ErrorBody(503, "the service stops")),
                   true);
    }
    // What is read here, or is just being read, would be lost for the session.
    if (in_.size() > 0 || reading_) {
      return Reply(HttpResponse::Text(400, "application/json",
                                      ErrorBody(400, "expected the upgrade request after the last "
                                                     "answer, and nothing behind it")),
                   true);
    }
    const auto& message = parser_->get();
    http::request<http::empty_body> upgrade;
    upgrade.version(message.version());
    upgrade.method(message.method());
    upgrade.target(message.target());
    for (const auto& field : message) upgrade.insert(field.name_string(), field.value());
    ++server_.websockets;
    StartWsSession(std::move(socket_), upgrade,
                   {server_.settings, server_.sessions, server_.buffers,
                    [server = &server_] { --server->websockets; }});
    closed_ = true;
    server_.connections.erase(shared_from_this());
  }

  // What async_write asks before each piece (Asio, CompletionCondition): how much to send next.
  auto Progress() {
    writing_ = true;
    return [this](const error_code& ec, size_t) -> size_t {
      give_up_writing_ =
          Now() + std::chrono::milliseconds(server_.settings.limits.idle_timeout_ms);
      return ec ? 0 : kMostReadSize;
    };
  }

  void OnAnswer(uint64_t sequence, HttpResponse response) {
    if (closed_ || sequence != sequence_ || !answering_) return;
    call_ = 0;
    Reply(std::move(response), !keep_alive_);
  }

  void Reply(HttpResponse response, bool close) {
    answering_ = true;
    if (response.stream != nullptr) return BeginStream(std::move(response), close);
    head_ = Head(response, !close, chunked_);
    body_ = std::move(response.body);
    if (head_only_) body_.clear();
    std::vector<asio::const_buffer> out{asio::buffer(head_)};
    for (const Bytes& piece : body_) out.push_back(asio::buffer(piece.data(), piece.size()));
    asio::async_write(socket_, out, Progress(),
                      [self = shared_from_this(), close](error_code ec, size_t) {
                        self->writing_ = false;
                        self->OnWritten(ec, close);
                      });
  }

  void BeginStream(HttpResponse response, bool close) {
    close_after_ = close || !chunked_;
    head_ = Head(response, !close, chunked_);
    for (const Bytes& piece : response.body) head_ += Chunk(piece.view(), false, chunked_);
    stream_ = std::move(response.stream);
    WritePiece(false);
  }

  // head_, and then what the stream has next; the client's pace is ours.
  void WritePiece(bool last) {
    asio::async_write(socket_, asio::buffer(head_), Progress(),
                      [self = shared_from_this(), last](error_code ec, size_t) {
                        self->writing_ = false;
                        if (self->closed_) return;
                        if (ec) return self->Close();
                        if (!last) return self->NextPiece();
                        self->stream_ = nullptr;
                        self->OnWritten(ec, self->close_after_);
                      });
  }
  void NextPiece() {
    stream_->Next([self = shared_from_this(),
                   lane = std::this_thread::get_id()](std::string piece, bool last) {
      if (std::this_thread::get_id() == lane) return self->OnPiece(piece, last);
      asio::post(self->socket_.get_executor(), [self, piece = std::move(piece), last] {
        self->OnPiece(piece, last);
      });
    });
  }
  void OnPiece(const std::string& piece, bool last) {
    if (closed_ || stream_ == nullptr) return;
    head_ = Chunk(piece, last, chunked_);
    WritePiece(last);
  }

  void OnWritten(error_code ec, bool close) {
    if (closed_) return;
    answering_ = false;
    body_.clear();
    if (ec) return Close();
    if (close || server_.stopping) return Linger();
    head_only_ = false;
    NewRequest();
    if (in_.size() > 0) {
      Parse();
    } else {
      Read();
    }
  }

  // Sends our end of file and lets the client read the answer before the socket goes: closing with
  // unread bytes would reset the connection and destroy it.
  void Linger() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    in_.consume(in_.size());
    started_ = false;
    give_up_ = Now() + std::chrono::seconds(2);
    lingering_ = true;
    Drain();
  }
  void Drain() {
    if (reading_) socket_.cancel();
    auto room = std::make_shared<std::vector<char>>(kReadSize);
    socket_.async_read_some(asio::buffer(*room),
                            [self = shared_from_this(), room](error_code ec, size_t) {
                              if (self->closed_) return;
                              if (ec && ec != asio::error::operation_aborted) return self->Close();
                              self->Drain();
                            });
  }

  tcp::socket socket_;
  HttpServer::Impl& server_;
  boost::beast::flat_buffer in_;
  std::optional<Parser> parser_;
  std::string head_;
  std::vector<Bytes> body_;
  std::array<char, 4096> ahead_;  // What comes while an answer is on its way.
  bool ahead_read_ = false;       // The read that is out goes there.
  TimePoint give_up_, give_up_writing_;
  bool writing_ = false;
  uint64_t call_ = 0;
  uint64_t sequence_ = 0;
  size_t next_read_ = kReadSize;
  bool reading_ = false, started_ = false, head_checked_ = false, answering_ = false;
  bool keep_alive_ = true, head_only_ = false, closed_ = false;
  bool lingering_ = false;
  bool chunked_ = true, close_after_ = false;
  bool from_loopback_ = false;
  std::shared_ptr<HttpStream> stream_;  // Of the answer that is being written.
};

void HttpServer::Impl::Accept() {
  acceptor.async_accept([this](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || stopping) return;
    if (!ec && connections.size() + websockets < settings.limits.max_connections) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto connection = std::make_shared<Connection>(std::move(socket), this);
      connections.insert(connection);
      connection->Start();
    }  // Else: closed at once. Out of descriptors or of connections, the others go on.
    Accept();
  });
}

void HttpServer::Impl::Sweep() {
  sweeper.expires_after(kSweep);
  sweeper.async_wait([this](error_code ec) {
    if (ec) return;
    const TimePoint now = std::chrono::steady_clock::now();
    const std::vector<std::shared_ptr<Connection>> all(connections.begin(), connections.end());
    for (const auto& connection : all) {
      if (stopping && connection->idle()) {
        connection->Close();
      } else {
        connection->CheckTime(now);
      }
    }
    Sweep();
  });
}

HttpServer::HttpServer(const Settings& settings, BufferPool* buffers, Sessions* sessions,
                       HttpHooks hooks)
    : impl_(std::make_unique<Impl>(settings, buffers, sessions, std::move(hooks))) {}

HttpServer::~HttpServer() {
  if (impl_->lane.joinable()) Stop(std::chrono::steady_clock::now());
}

Status HttpServer::Start(uint16_t* port) {
  const ServiceSettings& s = impl_->settings.service;
  const std::string host = s.http_host.empty() ? "0.0.0.0" : s.http_host;
  const auto failed = [&](const error_code& ec) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot listen on ", host, ":", s.http_port,
                                " for HTTP (http_listen): ", ec.message()));
  };
  error_code ec;
  tcp::resolver resolver(impl_->io);
  const auto found = resolver.resolve(host, std::to_string(s.http_port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, ec);
  if (ec) return failed(ec);
  const tcp::endpoint endpoint = *found.begin();
  impl_->acceptor.open(endpoint.protocol(), ec);
  if (!ec) impl_->acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) impl_->acceptor.bind(endpoint, ec);
  if (!ec) impl_->acceptor.listen(1024, ec);
  if (ec) return failed(ec);
  *port = impl_->acceptor.local_endpoint().port();
  impl_->Accept();
  impl_->Sweep();
  impl_->lane = std::thread([this] {
    ::prctl(PR_SET_NAME, "http-lane");
    impl_->io.run();
  });
  return Status::Ok();
}

void HttpServer::Stop(TimePoint until) {
  if (!impl_->lane.joinable()) return;
  std::atomic<bool> empty{false};
  asio::post(impl_->io, [this] {
    impl_->stopping = true;
    error_code ignored;
    impl_->acceptor.close(ignored);
  });
  while (!empty && std::chrono::steady_clock::now() < until) {
    asio::post(impl_->io, [this, &empty] {
      empty = impl_->connections.empty() && impl_->websockets == 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  impl_->io.stop();
  impl_->lane.join();
  impl_->connections.clear();
}

}  // namespace aiges
