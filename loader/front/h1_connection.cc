// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h1_connection.h"

#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/front/h1_exchange.h"
#include "loader/front/http_head.h"
#include "loader/front/pace.h"

namespace aiges {
namespace {

// Reads in one turn, and requests begun in one: others of the lane want their turn, too.
constexpr int kReads = 4;
constexpr int kRequests = 64;
constexpr size_t kMostAhead = 64 * 1024;  // Of requests that come before the answer is out.
constexpr std::chrono::seconds kLinger{2};

}  // namespace

H1Connection::H1Connection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env)
    : stream_(std::move(stream)),
      peer_(std::make_shared<const Peer>(std::move(peer))),
      env_(*env),
      reader_(env->limits.head_bytes, this),
      input_(&env->budget->input),
      output_(&env->budget->output),
      age_limit_(WithJitter(env->limits.age)),
      since_(Now()) {}

H1Connection::~H1Connection() = default;

void H1Connection::Start(std::string_view begun) {
  SayResting();
  turning_ = true;
  if (!begun.empty()) Receive(begun);
  turning_ = false;
  Turn();
}

void H1Connection::Refuse(const HttpResponse& response) {
  out_.Copy(LastAnswer(response));
  ending_ = true;
  Turn();
}

void H1Connection::Wake() {
  if (wakes_ || turning_ || state_ != State::kOpen) return;
  wakes_ = true;
  env_.lane->Gather([self = shared_from_this()] {
    self->wakes_ = false;
    self->Turn();
  });
}

void H1Connection::WaitToRead() {
  if (waits_read_ || state_ == State::kClosed || RoomToRead() == 0) return;
  waits_read_ = true;
  stream_->WaitReadable([self = shared_from_this()] {
    self->waits_read_ = false;
    self->OnReadable();
  });
}

// 0: not before something else has happened.
size_t H1Connection::RoomToRead() const {
  if (state_ == State::kLingering) return env_.scratch_size;
  const bool in_body = exchange_ != nullptr && !received_ && !ending_;
  const size_t most = in_body
                          ? env_.limits.window - std::min(env_.limits.window, untaken_ + in_.size())
                          : kMostAhead - std::min(kMostAhead, in_.size());
  return std::min(most, env_.scratch_size);
}

void H1Connection::OnReadable() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kLingering) return Discard();
  turning_ = true;
  bool more = true;
  for (int i = 0; i < kReads && more && state_ == State::kOpen; ++i) {
    const size_t room = RoomToRead();
    if (room == 0 || !ReadSome(room, &more)) break;
  }
  turning_ = false;
  Turn();
}

// False: there is nothing now, or no more.
bool H1Connection::ReadSome(size_t room, bool* more) {
  const ByteStream::Moved got = stream_->Read(env_.scratch, room);
  if (got.result == ByteStream::Result::kAgain) return false;
  if (got.result != ByteStream::Result::kDone) {
    Close();  // Half of a connection is none. Also while a call runs: its client is gone.
    return false;
  }
  *more = got.n == room;
  Receive({env_.scratch, got.n});
  return true;
}

void H1Connection::Discard() {
  const ByteStream::Moved got = stream_->Read(env_.scratch, env_.scratch_size);
  const bool open =
      got.result == ByteStream::Result::kDone || got.result == ByteStream::Result::kAgain;
  return open ? WaitToRead() : Close();
}

void H1Connection::Receive(std::string_view bytes) {
  if (ending_) return;
  if (in_.empty()) {
    Read(&bytes);
    if (!bytes.empty()) Hold(bytes);
  } else if (Hold(bytes)) {
    std::string_view all = in_;
    Read(&all);
    in_.erase(0, in_.size() - all.size());
  }
  if (in_.empty() || ending_ || state_ != State::kOpen) {
    in_ = {};
    input_.Set(0);
  }
}

// Keeps them until they can be read.
bool H1Connection::Hold(std::string_view bytes) {
  if (ending_ || state_ != State::kOpen) return false;
  if (!input_.TrySet(in_.size() + bytes.size())) {
    Refuse(429, env_.budget->input.Text(), kCodeNoLicence);
    return false;
  }
  in_.append(bytes);
  return true;
}

// As much of `bytes` as can be now.
void H1Connection::Read(std::string_view* bytes) {
  while (!bytes->empty() && state_ == State::kOpen && !ending_ && !received_ &&
         out_.size() < kReady) {
    if (!requested_) {
      requested_ = true;
      since_ = Now();
    }
    const H1Reader::Step step = reader_.Take(bytes);
    switch (step) {
      case H1Reader::Step::kMore:
        break;
      case H1Reader::Step::kHead:
        OnHead(bytes->empty());
        break;
      case H1Reader::Step::kEnd:
        OnEnd();
        break;
      case H1Reader::Step::kBroken:
        Refuse(reader_.error().status, reader_.error().text);
        break;
    }
    const bool unwanted = exchange_ != nullptr && !received_ &&
                          (responder_ == nullptr || exchange_->ended_ || exchange_->reset_);
    if (unwanted) {
      // The rest of the body is not read, and whatever is behind it neither.
      keep_alive_ = false;
      bytes->remove_prefix(bytes->size());
    }
    if (step == H1Reader::Step::kMore) break;
  }
  held_back_ = exchange_ != nullptr && !received_ && !bytes->empty() && out_.size() >= kReady;
}

void H1Connection::OnHead(bool nothing_behind) {
  RequestHead head = reader_.TakeHead(peer_->tls);
  const H1Reader::Manner& manner = reader_.manner();
  head.arrived = Now();
  keep_alive_ = manner.keep_alive && !leaving_;
  if (head.websocket && RefuseUpgrade(head, nothing_behind)) return;
  exchange_ = std::make_shared<H1Exchange>(this, std::move(head), manner);
  const std::shared_ptr<H1Exchange> exchange = exchange_;
  std::unique_ptr<Responder> responder = env_.handler->Begin(exchange);
  if (exchange_ == nullptr) {  // It has been taken over.
    if (responder != nullptr) responder->OnOver(Over::kTaken);
    return;
  }
  responder_ = std::move(responder);
  if (reader_.done()) return OnEnd();
  if (manner.expects_continue && responder_ != nullptr && !exchange->begun_) {
    out_.Copy("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

// Of a request for a WebSocket, what cannot become one (RFC 6455, section 4.2).
bool H1Connection::RefuseUpgrade(const RequestHead& head, bool nothing_behind) {
  const std::string_view version = head.fields.Find("sec-websocket-version");
  const std::string_view key = head.fields.Find("sec-websocket-key");
  std::string text;
  if (!nothing_behind) {
    text = "expected the upgrade request after the last answer, and nothing behind it";
  } else if (version != "13") {
    HttpResponse refusal =
        ConnectionError(426, StrCat("Sec-WebSocket-Version: expected 13, got ", version));
    refusal.headers.emplace_back("Sec-WebSocket-Version", "13");
    Refuse(refusal);
  } else if (key.size() != 24 || !key.ends_with("==")) {  // The base64 of 16 bytes.
    text = StrCat("Sec-WebSocket-Key: expected 24 characters of base64, got ", key);
  } else {
    return false;
  }
  if (!text.empty()) Refuse(400, text);
  return true;
}

void H1Connection::OnPiece(std::string_view piece) {
  if (responder_ == nullptr || exchange_->over()) return;
  untaken_ += piece.size();
  responder_->OnBody(piece);
}

void H1Connection::OnEnd() {
  received_ = true;
  if (responder_ != nullptr && !exchange_->over()) responder_->OnBodyEnd(reader_.trailers());
}

void H1Connection::Refuse(int status, std::string_view text, int code) {
  const bool begun = exchange_ != nullptr && exchange_->begun_;
  if (exchange_ != nullptr) Finish(Over::kGone);
  if (state_ != State::kOpen || begun) return Close();
  out_.Copy(LastAnswer(ConnectionError(status, text, code)));
  ending_ = true;
}

// What has been brought leaves; and what follows from that.
void H1Connection::Turn() {
  if (turning_ || state_ != State::kOpen) return;
  const std::shared_ptr<H1Connection> self = shared_from_this();
  turning_ = true;
  for (int requests = 0;;) {
    noted_ = false;
    const bool next = Advance();
    if (state_ != State::kOpen) break;
    if (next && ++requests < kRequests) continue;
    if (!Write()) break;
    TellRoom();
    if (next || ((ahead() || held_back_) && out_.size() < kReady)) noted_ = true;
    if (!noted_ || requests >= kRequests || out_.size() >= kReady) break;
  }
  turning_ = false;
  if (state_ == State::kOpen) Settle();
}

// Passes on what the exchange has. True: it is over, and another request is here.
bool H1Connection::Advance() {
  if (exchange_ == nullptr) {
    if (!ahead()) return false;
  } else {
    // Who has the whole answer need not go on with the request, but cannot ask anything else.
    if (leaving_ || (exchange_->ended_ && !received_)) keep_alive_ = false;
    if (exchange_->reset_ || !exchange_->PassOn(&out_, &keep_alive_)) {
      Finish(Over::kReset);
      Reset();
      return false;
    }
    if (!exchange_->ended_) return held_back_ && out_.size() < kReady && ReadHeld();
    const bool last = !keep_alive_ || !received_;
    Finish(Over::kAnswered);
    if (state_ != State::kOpen) return false;
    if (last) {
      ending_ = true;
      in_ = {};
      input_.Set(0);
      return false;
    }
    reader_.Next();
    requested_ = received_ = false;
    since_ = Now();
    if (in_.empty()) return false;
  }
  return out_.size() < kReady && ReadHeld();
}

// True: an exchange has something to say to that.
bool H1Connection::ReadHeld() {
  const std::string held = std::exchange(in_, {});
  input_.Set(0);
  held_back_ = false;
  Receive(held);
  return exchange_ != nullptr && noted_;
}

void H1Connection::Finish(Over how) {
  const std::shared_ptr<H1Exchange> exchange = std::move(exchange_);
  const std::unique_ptr<Responder> responder = std::move(responder_);
  exchange->connection_ = nullptr;
  exchange->pieces_.clear();
  exchange->held_ = 0;
  untaken_ = 0;
  exchange_ = nullptr;
  if (responder != nullptr) responder->OnOver(how);
}

// False: the connection is lost.
bool H1Connection::Write() {
  const bool paced = writer_.pacing();
  if (!writer_.Write(stream_.get(), &out_, [self = shared_from_this()] { self->Turn(); })) {
    Close();
    return false;
  }
  Count();
  if (paced && !writer_.pacing() && !requested_) since_ = Now();
  return true;
}

void H1Connection::Count() {
  output_.Set(out_.size() + (exchange_ == nullptr ? 0 : exchange_->held_));
}

void H1Connection::TellRoom() {
  if (exchange_ == nullptr || !exchange_->wants_room_) return;
  if (exchange_->pending() > kRoomOut) return;
  exchange_->wants_room_ = false;
  if (responder_ != nullptr && !exchange_->over()) responder_->OnRoom();
}

// At the end of a turn: what is waited for now.
void H1Connection::Settle() {
  if (ending_ && out_.empty()) return Linger();
  if (noted_ && !writer_.waits()) Wake();
  SayResting();
  WaitToRead();
}

void H1Connection::SayResting() {
  const bool rests = !busy();
  if (rests == resting_) return;
  resting_ = rests;
  if (env_.resting) env_.resting(this, rests);
}

// Says our end, and lets the client read the answer before the socket goes: closing with unread
// bytes would reset the connection and destroy it.
void H1Connection::Linger() {
  state_ = State::kLingering;
  since_ = Now();
  in_ = {};
  input_.Set(0);
  stream_->ShutdownWrite();
  SayResting();
  WaitToRead();
}

void H1Connection::Reset() {
  if (state_ != State::kClosed) stream_->Reset();
  Close();
}

void H1Connection::Close() {
  if (state_ == State::kClosed) return;
  const std::shared_ptr<H1Connection> self = shared_from_this();
  state_ = State::kClosed;
  stream_->Close();
  if (exchange_ != nullptr) Finish(Over::kGone);
  in_ = {};
  out_ = {};
  input_.Set(0);
  output_.Set(0);
  env_.closed(this);
}

// The connection is somebody else's; this one ends.
std::unique_ptr<ByteStream> H1Connection::HandOver(std::string* begun) {
  const std::shared_ptr<H1Connection> self = shared_from_this();
  *begun = std::move(in_);
  std::unique_ptr<ByteStream> stream = std::move(stream_);
  state_ = State::kClosed;
  const std::shared_ptr<H1Exchange> exchange = std::move(exchange_);
  exchange->connection_ = nullptr;
  exchange_ = nullptr;
  input_.Set(0);
  if (responder_ != nullptr) {
    env_.lane->Post([self] { std::exchange(self->responder_, nullptr)->OnOver(Over::kTaken); });
  }
  env_.closed(this);
  return stream;
}

void H1Connection::CheckTime(TimePoint now) {
  const H1Limits& limits = env_.limits;
  if (state_ == State::kLingering && now - since_ >= kLinger) return Close();
  if (state_ != State::kOpen) return;
  if (limits.age > Duration::zero() && now - begun_ >= age_limit_) leaving_ = true;
  if (writer_.pacing()) {
    if (writer_.TooSlow(now, *stream_, limits.stall, env_.budget->output.Short())) Reset();
  } else if (!busy()) {
    if (now - since_ >= limits.idle) Close();
  } else if (exchange_ == nullptr && requested_ && now - since_ >= limits.read) {
    Refuse(408, "the request did not arrive in time");
    Turn();
  }
}

}  // namespace aiges
