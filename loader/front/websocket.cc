// SPDX-License-Identifier: Apache-2.0
#include "loader/front/websocket.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "loader/front/asio_stream.h"
#include "loader/front/out_queue.h"
#include "loader/front/pace.h"

namespace aiges {

// What Beast asks of a transport.
void beast_close_socket(AsioStream& stream) { stream.Close(); }
void teardown(boost::beast::role_type, AsioStream& stream, boost::system::error_code&) {
  stream.Close();
}
template <class Handler>
void async_teardown(boost::beast::role_type, AsioStream& stream, Handler&& handler) {
  stream.StartTeardown([handler = std::forward<Handler>(handler)](boost::system::error_code ec,
                                                                  size_t) mutable { handler(ec); });
}

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using beast::error_code;
using UpgradeRequest = beast::http::request<beast::http::empty_body>;

// Of a message, read and written at a time.
constexpr size_t kPiece = 64 * 1024;
// For the client to take what is left to say, and to close.
constexpr std::chrono::seconds kFarewell{10};
constexpr std::chrono::seconds kHandshake{10};
// A peer that does not answer pings for so long is gone.
constexpr std::chrono::seconds kDeadPeer{30};
constexpr size_t kMostReason = 123;  // RFC 6455, section 5.5: what a control frame has room for.

beast::string_view View(std::string_view text) { return {text.data(), text.size()}; }

websocket::close_reason Reason(uint16_t code, std::string_view text) {
  websocket::close_reason reason(static_cast<websocket::close_code>(code));
  const std::string_view cut = text.substr(0, kMostReason);
  reason.reason.assign(cut.data(), cut.size());
  return reason;
}

// For Beast, which checks it once more and answers it.
UpgradeRequest RequestOf(const RequestHead& head) {
  UpgradeRequest request(beast::http::verb::get, View(head.target()), 11);
  for (const Fields::Field f : head.fields) {
    if (!f.name.starts_with(':')) request.insert(View(f.name), View(f.value));
  }
  request.set(beast::http::field::host, View(head.fields.Find(":authority")));
  request.set(beast::http::field::connection, "upgrade");
  request.set(beast::http::field::upgrade, "websocket");
  return request;
}

class BeastSocket final : public WebSocket,
                          public LaneConnection,
                          public std::enable_shared_from_this<BeastSocket> {
 public:
  BeastSocket(std::unique_ptr<ByteStream> stream, std::string begun, UpgradeRequest request,
              Terms terms, FrontLane* lane)
      : LaneConnection(lane),
        ws_(std::move(stream), std::move(begun), &lane->io),
        request_(std::move(request)),
        terms_(std::move(terms)),
        input_(&lane->budget.input),
        output_(&lane->budget.output) {
    lane_.websockets.insert(this);
  }
  ~BeastSocket() override { lane_.websockets.erase(this); }

  void Start(std::shared_ptr<Listener> listener) override {
    listener_ = std::move(listener);
    HeedSilence(true);
    ws_.read_message_max(terms_.longest);
    ws_.set_option(websocket::stream_base::decorator([this](websocket::response_type& answer) {
      if (!terms_.subprotocol.empty()) {
        answer.set(beast::http::field::sec_websocket_protocol, terms_.subprotocol);
      }
      for (const Fields::Field f : terms_.fields) answer.insert(View(f.name), View(f.value));
    }));
    ws_.async_accept(request_, [self = shared_from_this()](error_code ec) {
      if (ec) return self->OnGone(ec);
      self->open_ = true;
      self->request_ = {};
      self->Read();
      self->Pump();
    });
  }

  void Took() override {
    if (!std::exchange(untaken_, false) || in_message_ || over()) return;
    Read();
  }

  bool Send(Kind kind, Bytes message) override {
    if (over() || close_) return true;
    pending_ += message.size();
    output_.Set(pending_);
    outbox_.emplace_back(kind, std::move(message));
    Pump();
    return pending_ < kEnoughOut;
  }

  void Close(uint16_t code, std::string_view reason) override {
    if (over() || close_) return;
    close_ = Reason(code, reason);
    leave_by_ = std::chrono::steady_clock::now() + kFarewell;
    if (open_ && !reading_) Read();  // For the client's close frame.
    Pump();
  }

  size_t pending() const override { return pending_; }

  // Of the lane's clients.
  void Close() override {
    ws_.next_layer().Close();
    Lose();
  }
  bool idle() const override { return false; }
  // Closes the socket of a client that takes nothing, or does not leave when all is said.
  void CheckTime(TimePoint now) override {
    const Duration window = std::chrono::milliseconds(lane_.settings.limits.idle_timeout_ms);
    const bool slow = writing_ && pace_.TooSlow(now, written_, window, lane_.budget.output.Short());
    if (!slow && now < leave_by_) return;
    leave_by_ = TimePoint::max();
    slow ? ws_.next_layer().Reset() : ws_.next_layer().Close();
    Lose();
  }

 private:
  bool over() const { return listener_ == nullptr; }

  // The connection is closed, by us. Nothing need be under way that would tell.
  void Lose() {
    asio::post(lane_.io,
               [self = shared_from_this()] { self->OnGone(asio::error::operation_aborted); });
  }

  // Pongs are seen by reading only: who is not read cannot be told from who is gone.
  void HeedSilence(bool heeds) {
    if (heeds_ == heeds) return;
    heeds_ = heeds;
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = kHandshake;
    limits.idle_timeout = heeds ? Duration(kDeadPeer) : websocket::stream_base::none();
    limits.keep_alive_pings = heeds;
    ws_.set_option(limits);
  }

  void Read() {
    reading_ = true;
    HeedSilence(true);
    ReadPiece();
  }

  // A message comes in pieces, so that its memory is counted as it grows.
  void ReadPiece() {
    ws_.async_read_some(message_, kPiece, [self = shared_from_this()](error_code ec, size_t) {
      if (!ec && self->close_) self->message_.clear();
      if (!ec && !self->input_.TrySet(self->message_.capacity())) return self->OnNoRoom();
      if (!ec && !self->ws_.is_message_done()) return self->ReadPiece();
      self->reading_ = false;
      if (ec) return self->OnGone(ec);
      self->OnMessage();
    });
  }

  // What is left of the message cannot be skipped: the client is told by the reason alone.
  void OnNoRoom() {
    reading_ = false;
    message_ = {};
    input_.Set(0);
    const std::string text = lane_.budget.input.Text();
    outbox_.erase(outbox_.begin() + (writing_ ? 1 : 0), outbox_.end());
    close_ = Reason(kTryAgainLater, text);
    leave_by_ = std::chrono::steady_clock::now() + kFarewell;
    Pump();
    End(kTryAgainLater, text);
  }

  void OnMessage() {
    if (close_) return Read();  // Only for the close frame.
    // The memory goes along: nothing is copied, and none is kept for messages to come.
    struct Held {
      beast::flat_buffer message;
      Share share;
    };
    auto held = std::make_shared<Held>(
        Held{std::exchange(message_, {}), std::exchange(input_, Share(&lane_.budget.input))});
    const auto data = held->message.cdata();
    const Bytes message({static_cast<const char*>(data.data()), data.size()}, std::move(held));
    untaken_ = in_message_ = true;
    listener_->OnMessage(ws_.got_text() ? Kind::kText : Kind::kBinary, message);
    in_message_ = false;
    if (reading_ || over()) return;
    if (!untaken_ || close_) return Read();
    HeedSilence(false);
  }

  // Writes what is there; then says goodbye, or that there is room.
  void Pump() {
    if (writing_ || closing_ || !open_) return;
    if (!outbox_.empty()) {
      writing_ = true;
      written_ = 0;
      pace_.Begin(std::chrono::steady_clock::now());
      ws_.text(outbox_.front().first == Kind::kText);
      return WritePiece();
    }
    if (!close_) return;
    closing_ = true;
    ws_.async_close(*close_, [self = shared_from_this()](error_code ec) { self->OnGone(ec); });
  }

  void WritePiece() {
    const Bytes& message = outbox_.front().second;
    const size_t size = std::min(kPiece, message.size() - written_);
    const bool last = written_ + size == message.size();
    ws_.async_write_some(last, asio::buffer(message.data() + written_, size),
                         [self = shared_from_this(), size, last](error_code ec, size_t) {
                           self->OnWritten(ec, size, last);
                         });
  }

  void OnWritten(error_code ec, size_t size, bool last) {
    written_ += size;
    if (!ec && !last) return WritePiece();
    writing_ = false;
    if (ec) return OnGone(ec);
    pending_ -= outbox_.front().second.size();
    output_.Set(pending_);
    outbox_.pop_front();
    const bool said = outbox_.empty() && !close_ && !over();
    if (said) listener_->OnRoom();
    Pump();
  }

  // The connection is lost, the client has closed it, or has broken the protocol (Beast has told
  // it).
  void OnGone(error_code ec) {
    outbox_.clear();
    pending_ = 0;
    output_.Set(0);
    closing_ = true;
    if (ec == websocket::error::message_too_big) return End(kTooBig, ec.message());
    const websocket::close_reason& said = ws_.reason();
    const bool told =
        !ec || ec == websocket::error::closed || said.code != websocket::close_code::none;
    if (!told) return End(kLost, ec.message());
    End(said.code == websocket::close_code::none ? kNoCode : said.code,
        {said.reason.data(), said.reason.size()});
  }

  void End(uint16_t code, std::string_view reason) {
    if (over()) return;
    const std::shared_ptr<Listener> listener = std::move(listener_);
    listener_ = nullptr;
    listener->OnOver(code, reason);
  }

  websocket::stream<AsioStream> ws_;
  UpgradeRequest request_;  // Until open_.
  const Terms terms_;
  std::shared_ptr<Listener> listener_;  // Until it is over.
  beast::flat_buffer message_;          // That comes.
  Share input_;                         // Its memory.
  std::deque<std::pair<Kind, Bytes>> outbox_;
  size_t pending_ = 0;  // Bytes of outbox_.
  Share output_;        // The same.
  size_t written_ = 0;  // Of its first.
  Pace pace_;           // While writing_.
  bool open_ = false, reading_ = false, writing_ = false;
  bool untaken_ = false;     // The listener has a message.
  bool in_message_ = false;  // And is being told of it.
  bool heeds_ = false;
  bool closing_ = false;  // The close frame is on its way, or the connection is gone.
  std::optional<websocket::close_reason> close_;  // What to say at the end.
  TimePoint leave_by_ = TimePoint::max();         // Set when close_ is.
};

}  // namespace

std::shared_ptr<WebSocket> WebSocket::Accept(Exchange* exchange, Terms terms, FrontLane* lane) {
  UpgradeRequest request = RequestOf(exchange->head());
  std::string begun;
  std::unique_ptr<ByteStream> stream = exchange->TakeOver(&begun);
  if (stream == nullptr) return nullptr;
  return std::make_shared<BeastSocket>(std::move(stream), std::move(begun), std::move(request),
                                       std::move(terms), lane);
}

}  // namespace aiges
