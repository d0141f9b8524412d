#include "loader/ingress/ws_session.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/ingress/handle.h"
#include "loader/ingress/json_codec.h"
#include "loader/ingress/once.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using beast::error_code;

// Writes that may wait for the engine before the client is made to wait.
constexpr int kMostWrites = 8;
constexpr size_t kMostBatches = 32;
constexpr unsigned kAhead = 128;
// Frozen numbers of the old WebSocket layer.
constexpr int kCodeParse = 10163;
constexpr int kCodeSessionTime = 10114;
// A peer that does not answer pings for so long is gone.
constexpr std::chrono::seconds kDeadPeer{30};

class WsSession : public std::enable_shared_from_this<WsSession> {
 public:
  WsSession(tcp::socket socket, WsContext context)
      : ws_(std::move(socket)), context_(std::move(context)), read_timer_(ws_.get_executor()),
        session_timer_(ws_.get_executor()) {}
  ~WsSession() { context_.gone(); }

  void Start(const beast::http::request<beast::http::empty_body>& upgrade) {
    SetDeadPeer(kDeadPeer);
    ws_.read_message_max(context_.settings.limits.max_message_bytes);
    ws_.text(true);
    ws_.async_accept(upgrade, [self = shared_from_this()](error_code ec) {
      if (!ec) self->OnOpen();
    });
  }

 private:
  void OnOpen() {
    session_timer_.expires_after(
        std::chrono::seconds(context_.settings.sessions.ws_session_timeout_s));
    session_timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->ending_) return;
      self->End(kCodeSessionTime,
                StrCat("session timeout: longer than [ws] sessionTimeout = ",
                       self->context_.settings.sessions.ws_session_timeout_s, " s"));
    });
    Read();
  }

  void Read() {
    reading_ = true;
    if (!heeds_silence_) SetDeadPeer(kDeadPeer);
    SetReadTimer();
    ws_.async_read(frame_, [self = shared_from_this()](error_code ec, size_t) {
      self->reading_ = false;
      self->read_timer_.cancel();
      if (ec) return self->OnGone(ec);
      self->OnFrame();
    });
  }

  // While input is expected, a client that says nothing is waited for only so long.
  void SetReadTimer() {
    if (input_ended_) return;
    read_timer_.expires_after(
        std::chrono::seconds(context_.settings.sessions.ws_read_timeout_s));
    read_timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->ending_ || !self->reading_) return;
      self->Abort();
      self->Close({websocket::close_code::normal, "time out"});
    });
  }

  void OnFrame() {
    const auto data = frame_.cdata();
    const Bytes text =
        Bytes::Own(std::string(static_cast<const char*>(data.data()), data.size()));
    frame_.consume(frame_.size());
    if (ending_) return Read();  // Only for the close frame.
    OnceCall call;
    Status status = ParseEnvelope(text, &context_.buffers, &call);
    if (!status.ok()) {
      const bool json = status.code != kCodeBodyNotJson;
      return End(json ? status.code : kCodeParse,
                 json ? status.text : StrCat("parse request json error: ", status.text));
    }
    status = CheckSource(call);
    const DataStatus otherwise = HeaderStatus(call);
    if (status.ok() && id_ == 0) status = Open(&call);
    if (!status.ok()) return End(CodeOf(status), status.text);
    Write(std::move(call.request.payloads), otherwise);
    if (reading_) return;
    if (untaken_ < kMostWrites) return Read();
    // The engine is busy with what it has. Answers to pings are not read meanwhile.
    SetDeadPeer(websocket::stream_base::none());
  }

  void SetDeadPeer(Duration limit) {
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = std::chrono::seconds(10);
    limits.idle_timeout = limit;
    limits.keep_alive_pings = limit != websocket::stream_base::none();
    ws_.set_option(limits);
    heeds_silence_ = limits.keep_alive_pings;
  }

  // header.status, for payloads without one of their own.
  static DataStatus HeaderStatus(const OnceCall& call) {
    const std::string* text = Find(call.headers, "status");
    if (text == nullptr || text->size() != 1 || *text < "0" || *text > "3") {
      return DataStatus::kContinue;
    }
    return static_cast<DataStatus>(text->front() - '0');
  }

  Status Open(OnceCall* call) {
    sid_ = RandomUuid();
    std::erase_if(call->headers, [](const auto& header) { return header.first == "sid"; });
    call->headers.emplace_back("sid", sid_);
    PassHeaders(context_.settings.service, call);
    SessionRequest open;
    open.handle = sid_;
    open.params = std::move(call->request.params);
    open.psr_ids = std::move(call->request.psr_ids);
    open.output_batches = kAhead;
    output_.emplace(std::move(call->expect));
    const Status status = context_.sessions.Open(std::move(open), &id_);
    if (!status.ok()) return status;
    Send(WriteStreamEnvelope(StreamForm::kSocket, sid_, 0, nullptr, 0));
    return status;
  }

  void Write(std::vector<Payload> payloads, DataStatus otherwise) {
    for (Payload& p : payloads) {
      p.status = StreamStatus(p, otherwise);
      const bool end = p.status == DataStatus::kEnd || p.status == DataStatus::kOnce;
      std::erase(open_, p.key);
      if (!end) open_.push_back(p.key);
    }
    if (payloads.empty()) return;
    input_ended_ = open_.empty();
    ++untaken_;
    const Status status = context_.sessions.Write(
        id_, 0, std::move(payloads), [weak = weak_from_this(), executor = ws_.get_executor()] {
          asio::post(executor, [weak] {
            if (const auto self = weak.lock()) self->OnTaken();
          });
        });
    if (!status.ok()) --untaken_;
    // Otherwise the session is over: the poll tells why.
    if (status.kind == StatusKind::kOverloaded) End(CodeOf(status), status.text);
  }

  void OnTaken() {
    --untaken_;
    if (!reading_ && !closing_ && untaken_ < kMostWrites) Read();
  }

  class Sink : public OutputSink {
   public:
    explicit Sink(std::shared_ptr<WsSession> session) : session_(std::move(session)) {}
    void Done(SessionOutput output) override {
      auto executor = session_->ws_.get_executor();
      asio::post(executor, [self = std::move(session_), output = std::move(output)]() mutable {
        self->OnOutput(std::move(output));
      });
    }

   private:
    std::shared_ptr<WsSession> session_;
  };

  void Poll() {
    if (polling_ || ending_ || id_ == 0) return;
    polling_ = true;
    context_.sessions.Poll(id_, kMostBatches, TimePoint::max(),
                           std::make_unique<Sink>(shared_from_this()));
  }

  void OnOutput(SessionOutput output) {
    polling_ = false;
    if (ending_) return;
    if (!output.status.ok()) return End(CodeOf(output.status), output.status.text);
    for (size_t i = 0; i < output.batches.size(); ++i) {
      std::vector<Payload>& batch = output.batches[i];
      const Status status = output_->Check(&batch);
      if (!status.ok()) return End(CodeOf(status), status.text);
      size_t begin = 0;
      for (const size_t end : SplitByKey(batch)) {
        const bool last = output.last && i + 1 == output.batches.size() && end == batch.size();
        Send(WriteStreamEnvelope(StreamForm::kSocket, sid_, StatusOf(batch[end - 1], last),
                                 batch.data() + begin, end - begin));
        begin = end;
      }
    }
    if (!output.last) return Pump();
    ending_ = true;
    Pump();
  }

  // header.status: END only when the whole session has ended.
  static int StatusOf(const Payload& payload, bool last) {
    const bool end = payload.status == DataStatus::kEnd || payload.status == DataStatus::kOnce;
    if (last) return static_cast<int>(end ? payload.status : DataStatus::kEnd);
    return static_cast<int>(end ? DataStatus::kContinue : payload.status);
  }

  // Tells the client what is wrong, and closes.
  void End(int code, const std::string& text) {
    Abort();
    ending_ = true;
    Send(WriteStreamError(sid_, code, text));
    if (!reading_) Read();  // For the client's close frame.
  }

  void Abort() {
    ending_ = true;
    if (id_ != 0) context_.sessions.Abort(id_);
  }

  void Send(std::string message) {
    outbox_.push_back(std::move(message));
    Pump();
  }

  // Writes what is there; then asks for more, or closes.
  void Pump() {
    if (writing_ || closing_) return;
    if (outbox_.empty()) {
      if (ending_) return Close(websocket::close_code::normal);
      return Poll();
    }
    writing_ = true;
    ws_.async_write(asio::buffer(outbox_.front()),
                    [self = shared_from_this()](error_code ec, size_t) {
                      self->writing_ = false;
                      if (ec) return self->OnGone(ec);
                      self->outbox_.pop_front();
                      self->Pump();
                    });
  }

  void Close(const websocket::close_reason& reason) {
    if (std::exchange(closing_, true)) return;
    session_timer_.cancel();
    read_timer_.cancel();
    ws_.async_close(reason, [self = shared_from_this()](error_code) {});
  }

  // The socket is closed, by whomever, or a frame broke the protocol (Beast has told the client).
  void OnGone(error_code) {
    if (!ending_) Abort();
    closing_ = true;
    session_timer_.cancel();
    read_timer_.cancel();
  }

  websocket::stream<beast::tcp_stream> ws_;
  const WsContext context_;
  asio::steady_timer read_timer_, session_timer_;
  beast::flat_buffer frame_;
  std::deque<std::string> outbox_;
  std::string sid_;
  SessionId id_ = 0;
  std::optional<StreamOutput> output_;
  std::vector<std::string> open_;  // Input streams that have not ended.
  int untaken_ = 0;
  bool reading_ = false, writing_ = false, polling_ = false;
  bool input_ended_ = false;
  bool heeds_silence_ = false;  // Whether a peer that does not answer pings is taken to be gone.
  bool ending_ = false;   // Nothing more is taken from the session; what is in outbox_ leaves.
  bool closing_ = false;  // The close frame is on its way, or the socket is gone.
};

}  // namespace

void StartWsSession(tcp::socket socket,
                    const beast::http::request<beast::http::empty_body>& upgrade,
                    WsContext context) {
  std::make_shared<WsSession>(std::move(socket), std::move(context))->Start(upgrade);
}

}  // namespace aiges
