// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/ws_session.h"

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/front/http_exchange.h"
#include "loader/front/http_head.h"
#include "loader/front/websocket.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/http_call.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/json_codec.h"
#include "loader/protocols/once.h"
#include "loader/protocols/session_front.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Frozen numbers of the old WebSocket layer.
constexpr int kCodeParse = 10163;
constexpr int kCodeSessionTime = 10114;

class WsSession final : public WebSocket::Listener,
                        private SessionFront::Owner,
                        public std::enable_shared_from_this<WsSession> {
 public:
  WsSession(std::shared_ptr<WebSocket> socket, Caller caller, std::string service, FrontLane* lane)
      : ws_(std::move(socket)),
        caller_(std::move(caller)),
        service_(std::move(service)),
        lane_(*lane),
        read_timer_(lane->io),
        session_timer_(lane->io),
        session_(&lane->sessions, &lane->loop, this) {}

  void Start() {
    session_timer_.expires_after(
        std::chrono::seconds(lane_.settings.sessions.ws_session_timeout_s));
    session_timer_.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (ec || self == nullptr || self->ending_) return;
      self->End(kCodeSessionTime, StrCat("session timeout: longer than [ws] sessionTimeout = ",
                                         self->lane_.settings.sessions.ws_session_timeout_s, " s"));
    });
    SetReadTimer();
    ws_->Start(shared_from_this());
  }

 private:
  // While input is expected, a client that says nothing is waited for only so long.
  void SetReadTimer() {
    waiting_ = true;
    if (input_ended_) return;
    read_timer_.expires_after(std::chrono::seconds(lane_.settings.sessions.ws_read_timeout_s));
    read_timer_.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (ec || self == nullptr || self->ending_ || !self->waiting_) return;
      self->Abort();
      self->ws_->Close(WebSocket::kNormal, "time out");
    });
  }
  void ReadNext() {
    if (waiting_ || parsing_ || ending_ || !session_.has_room()) return;
    SetReadTimer();
    ws_->Took();
  }

  struct Frame {
    Status status;
    OnceCall call;
  };

  void OnMessage(WebSocket::Kind, Bytes text) override {
    waiting_ = false;
    read_timer_.cancel();
    if (ending_) return;
    const size_t size = text.size();
    if (size <= HttpWork::kBig) return OnParsed(Parsed(text));
    parsing_ = true;
    lane_.Run(size, [self = shared_from_this(), text = std::move(text)] {
      auto frame = std::make_shared<Frame>(self->Parsed(text));
      self->lane_.Run(0, [self, frame] {
        self->parsing_ = false;
        if (!self->ending_) self->OnParsed(std::move(*frame));
      });
    });
  }
  // Lane or codec thread.
  Frame Parsed(const Bytes& text) const {
    Frame frame;
    frame.status = ParseEnvelope(text, &lane_.buffers, &frame.call);
    return frame;
  }

  void OnParsed(Frame frame) {
    OnceCall& call = frame.call;
    Status status = std::move(frame.status);
    if (!status.ok()) {
      const bool json = status.code != kCodeBodyNotJson;
      return End(json ? status.code : kCodeParse,
                 json ? status.text : StrCat("parse request json error: ", status.text));
    }
    status = CheckSource(call);
    const DataStatus otherwise = HeaderStatus(call);
    if (status.ok() && session_.id() == 0) status = Open(&call);
    if (!status.ok()) return End(CodeOf(status), status.text);
    Write(std::move(call.request.payloads), otherwise);
    ReadNext();
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
    call->request.origin = caller_.origin;
    PassHeaders(lane_.settings.service, call);
    Status sound = CheckSource(*call);
    call->service_id = service_;
    if (sound.ok()) sound = FindModel(lane_.models, caller_, call);
    if (!sound.ok()) return sound;
    output_.emplace(std::move(call->expect));
    call->request.protocol = "websocket";
    const Status status = session_.Open(call, sid_);
    if (!status.ok()) return status;
    Send(WriteStreamEnvelope(StreamForm::kSocket, sid_, 0, nullptr, 0));
    return status;
  }

  void Write(std::vector<Payload> payloads, DataStatus otherwise) {
    if (payloads.empty()) return;
    const Status status = session_.Write(std::move(payloads), otherwise);
    input_ended_ = !session_.input_open();
    if (!status.ok()) End(CodeOf(status), status.text);
  }
  void OnInputRoom() override { ReadNext(); }

  struct Frames {
    Status status;
    std::vector<std::string> messages;
    bool last = false;
  };

  void Poll() {
    if (!encoding_ && !ending_ && ws_ != nullptr && ws_->pending() == 0) session_.Poll();
  }

  // Much of it is judged and encoded on a codec thread. Nothing else is polled meanwhile, so that
  // output_ and the order are safe.
  void OnOutput(SessionOutput output) override {
    if (ending_) return;
    size_t bytes = 0;
    for (const auto& batch : output.batches) {
      for (const Payload& p : batch) bytes += p.data.size();
    }
    if (bytes <= HttpWork::kBig) return OnFrames(Encoded(std::move(output)));
    encoding_ = true;
    lane_.Run(bytes, [self = shared_from_this(), output = std::move(output)]() mutable {
      auto frames = std::make_shared<Frames>(self->Encoded(std::move(output)));
      FrontLane& back = self->lane_;
      back.Run(0, [self = std::move(self), frames] {
        self->encoding_ = false;
        self->OnFrames(std::move(*frames));
      });
    });
  }

  Frames Encoded(SessionOutput output) {
    Frames frames;
    frames.status = std::move(output.status);
    frames.last = output.last;
    for (size_t i = 0; frames.status.ok() && i < output.batches.size(); ++i) {
      std::vector<Payload>& batch = output.batches[i];
      frames.status = output_->Check(&batch);
      if (!frames.status.ok()) break;
      size_t begin = 0;
      for (const size_t end : SplitByKey(batch)) {
        const bool last = output.last && i + 1 == output.batches.size() && end == batch.size();
        frames.messages.push_back(WriteStreamEnvelope(StreamForm::kSocket, sid_,
                                                      StatusOf(batch[end - 1], last),
                                                      batch.data() + begin, end - begin));
        begin = end;
      }
    }
    return frames;
  }

  void OnFrames(Frames frames) {
    if (ending_) return;
    for (std::string& message : frames.messages) Send(std::move(message));
    if (!frames.status.ok()) return End(CodeOf(frames.status), frames.status.text);
    if (!frames.last) return Poll();
    ending_ = true;
    ws_->Close(WebSocket::kNormal, "");
  }
  void OnRoom() override { Poll(); }

  // header.status: END only when the whole session has ended.
  static int StatusOf(const Payload& payload, bool last) {
    const bool end = payload.status == DataStatus::kEnd || payload.status == DataStatus::kOnce;
    if (last) return static_cast<int>(end ? payload.status : DataStatus::kEnd);
    return static_cast<int>(end ? DataStatus::kContinue : payload.status);
  }

  // Tells the client what is wrong, and closes.
  void End(int code, const std::string& text) {
    Abort();
    Send(WriteStreamError(sid_, code, text));
    ws_->Close(WebSocket::kNormal, "");
  }

  void Abort() {
    ending_ = true;
    session_.Abort();
  }

  void Send(std::string message) {
    ws_->Send(WebSocket::Kind::kText, Bytes::Own(std::move(message)));
  }

  void OnOver(uint16_t, std::string_view) override {
    if (!ending_) Abort();
    session_timer_.cancel();
    read_timer_.cancel();
    ws_ = nullptr;
  }

  std::shared_ptr<WebSocket> ws_;  // Until it is over.
  const Caller caller_;
  const std::string service_;  // That its path names.
  FrontLane& lane_;
  asio::steady_timer read_timer_, session_timer_;
  std::string sid_;
  SessionFront session_;
  std::optional<StreamOutput> output_;
  bool waiting_ = false;   // For a frame.
  bool parsing_ = false;   // The last frame is with a codec thread.
  bool encoding_ = false;  // Output is with a codec thread.
  bool input_ended_ = false;
  bool ending_ = false;  // Nothing more is taken from the session.
};

}  // namespace

void BeginWsSession(const std::shared_ptr<Exchange>& exchange, FrontLane* lane) {
  const HttpRequest request = HttpRequestOf(*exchange);
  std::optional<HttpResponse> refusal = lane->hooks.refuse_upgrade(request);
  if (!refusal && lane->stopping) refusal = ConnectionError(503, "the service stops");
  if (refusal) return Answer(exchange.get(), *std::move(refusal));
  std::shared_ptr<WebSocket> socket =
      WebSocket::Accept(exchange.get(), {lane->settings.limits.max_message_bytes, {}, {}}, lane);
  if (socket == nullptr) return;
  std::make_shared<WsSession>(std::move(socket), exchange->caller(), ServiceIdOf(request.path),
                              lane)
      ->Start();
}

}  // namespace aiges
