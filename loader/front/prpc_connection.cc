// SPDX-License-Identifier: Apache-2.0
#include "loader/front/prpc_connection.h"

#include <algorithm>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/prpc_exchange.h"

namespace aiges {
namespace {

// Reads in one turn: others of the lane want their turn, too.
constexpr int kReads = 4;
constexpr int kRounds = 4;
constexpr size_t kReady = 256 * 1024;  // What may wait to be written before more is read.

// A name that can stand in a path.
bool IsPlain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// As a field of HTTP may be.
bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

PrpcConnection::PrpcConnection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env)
    : stream_(std::move(stream)),
      peer_(std::make_shared<const Peer>(std::move(peer))),
      env_(*env),
      input_(&env->budget->input),
      output_(&env->budget->output),
      age_limit_(WithJitter(env->limits.age)),
      since_(Now()) {}

PrpcConnection::~PrpcConnection() = default;

void PrpcConnection::Start(std::string_view begun) {
  SayResting();
  turning_ = true;
  if (!begun.empty()) Receive(begun);
  turning_ = false;
  Turn();
}

void PrpcConnection::Leave() {
  leaving_ = true;
  Wake();
}

void PrpcConnection::Wake() {
  if (wakes_ || turning_ || closed_) return;
  wakes_ = true;
  env_.lane->Gather([self = shared_from_this()] {
    self->wakes_ = false;
    self->Turn();
  });
}

void PrpcConnection::WaitToRead() {
  if (waits_read_ || closed_ || RoomToRead() == 0) return;
  waits_read_ = true;
  stream_->WaitReadable([self = shared_from_this()] {
    self->waits_read_ = false;
    self->OnReadable();
  });
}

// 0: not before something else has happened. What is held back is read first.
size_t PrpcConnection::RoomToRead() const {
  if (!in_.empty() && part_ != Part::kHeader && part_ != Part::kMeta) return 0;
  if (out_.size() >= kReady || calls_.size() >= kMostCalls) return 0;
  const bool in_message = part_ == Part::kMessage && receiving_ != nullptr;
  const size_t most =
      in_message ? env_.limits.window - std::min(env_.limits.window, untaken_) : env_.scratch_size;
  return std::min(most, env_.scratch_size);
}

void PrpcConnection::OnReadable() {
  if (closed_) return;
  turning_ = true;
  for (int i = 0; i < kReads && !closed_; ++i) {
    const size_t room = RoomToRead();
    if (room == 0) break;
    const ByteStream::Moved got = stream_->Read(env_.scratch, room);
    if (got.result == ByteStream::Result::kAgain) break;
    if (got.result != ByteStream::Result::kDone) {
      Close();  // Half of a connection is none. Also while a call runs: its client is gone.
      break;
    }
    Receive({env_.scratch, got.n});
    if (got.n < room) break;
  }
  turning_ = false;
  Turn();
}

void PrpcConnection::Receive(std::string_view bytes) {
  std::string held;
  if (!in_.empty()) {
    in_.append(bytes);
    held = std::exchange(in_, {});
    bytes = held;
  }
  Read(&bytes);
  if (closed_) return;
  if (!bytes.empty() && !input_.TrySet(bytes.size())) return Close();
  in_ = bytes;
  if (in_.empty()) {
    in_ = {};
    input_.Set(0);
  }
}

void PrpcConnection::Read(std::string_view* bytes) {
  while (!bytes->empty() && !closed_) {
    if (part_ == Part::kHeader && left_ == 0) {
      if (leaving_ || calls_.size() >= kMostCalls || out_.size() >= kReady) return;
      left_ = kPrpcHeader;
      since_ = Now();
    }
    if (!ReadPart(bytes)) return;
  }
}

// False: more of them are needed, or it must wait.
bool PrpcConnection::ReadPart(std::string_view* bytes) {
  if (part_ == Part::kHeader || part_ == Part::kMeta) {
    if (bytes->size() < left_) return false;
    const std::string_view part = bytes->substr(0, left_);
    bytes->remove_prefix(left_);
    if (part_ == Part::kMeta) return BeginCall(part);
    const std::optional<PrpcSizes> sizes = ReadPrpcHeader(part);
    if (!sizes) {
      Close();
      return false;
    }
    sizes_ = *sizes;
    part_ = Part::kMeta;
    left_ = sizes_.meta;
    return left_ > 0 || BeginCall({});
  }
  const bool message = part_ == Part::kMessage;
  size_t most = std::min<uint64_t>(left_, bytes->size());
  if (message && receiving_ != nullptr) {
    most = std::min(most, env_.limits.window - std::min(env_.limits.window, untaken_));
    if (most == 0) return false;
    OnPiece(bytes->substr(0, most));
  }
  bytes->remove_prefix(most);
  left_ -= most;
  if (left_ == 0) OnPartEnd();
  return true;
}

// Of a message, or of the attachment behind one.
void PrpcConnection::OnPartEnd() {
  if (part_ == Part::kMessage) {
    OnMessageEnd();
    part_ = Part::kAttachment;
    left_ = attachment_;
    if (left_ > 0) return;
  }
  part_ = Part::kHeader;
  since_ = Now();
}

// True: it goes on with what is behind the meta.
bool PrpcConnection::BeginCall(std::string_view meta) {
  const std::optional<PrpcCall> call = ReadPrpcMeta(meta);
  const uint64_t rest = sizes_.body - sizes_.meta;
  if (!call || static_cast<uint64_t>(call->attachment_size) > rest) {
    Close();
    return false;
  }
  attachment_ = static_cast<uint64_t>(call->attachment_size);
  left_ = rest - attachment_;
  part_ = Part::kMessage;
  untaken_ = 0;
  receiving_ = nullptr;
  if (!IsPlain(call->service) || !IsPlain(call->method)) {
    Refuse(call->correlation_id,
           {GrpcCode::kUnimplemented, "expected the names of a service and a method"});
  } else if (call->compress_type != 0 && call->compress_type != 2 && call->compress_type != 3) {
    Refuse(call->correlation_id,
           {GrpcCode::kInvalidArgument, StrCat("compress_type: expected 0 (none), 2 (gzip) or 3 "
                                               "(zlib), got ",
                                               call->compress_type)});
  } else {
    RequestHead head;
    head.fields = {{":method", "POST"},
                   {":scheme", peer_->tls ? "https" : "http"},
                   {":authority", ""},
                   {":path", StrCat("/", call->service, "/", call->method)},
                   {"content-type", "application/grpc"},
                   {"te", "trailers"}};
    if (call->timeout_ms > 0) {
      head.fields.Add("grpc-timeout",
                      StrCat(std::min<uint64_t>(call->timeout_ms, 99'999'999), "m"));
    }
    if (call->compress_type != 0) {
      head.fields.Add("grpc-encoding", call->compress_type == 2 ? "gzip" : "deflate");
    }
    if (!call->authentication.empty() && IsPrintable(call->authentication)) {
      head.fields.Add("authorization", call->authentication);
    }
    head.arrived = Now();
    head.length = left_ + 5;
    const auto exchange =
        std::make_shared<PrpcExchange>(this, std::move(head), call->correlation_id);
    calls_.push_back({exchange, nullptr});
    std::unique_ptr<Responder> responder = env_.handler->Begin(exchange);
    if (closed_) return false;
    if (responder != nullptr) {
      receiving_ = &calls_.back();
      receiving_->responder = std::move(responder);
      // As gRPC has it: packed or not, and the length.
      std::string prefix(1, call->compress_type != 0 ? '\1' : '\0');
      for (int shift = 24; shift >= 0; shift -= 8) {
        prefix += static_cast<char>(left_ >> shift & 0xff);
      }
      OnPiece(prefix);
    }
  }
  if (left_ == 0) OnPartEnd();
  return true;
}

void PrpcConnection::Refuse(int64_t correlation_id, const GrpcStatus& status) {
  out_.Copy(WritePrpcAnswer(correlation_id, status, 0));
}

void PrpcConnection::OnPiece(std::string_view piece) {
  if (receiving_ == nullptr || receiving_->exchange->over()) return;
  untaken_ += piece.size();
  receiving_->responder->OnBody(piece);
}

void PrpcConnection::OnMessageEnd() {
  Call* const call = std::exchange(receiving_, nullptr);
  untaken_ = 0;
  if (call != nullptr && !call->exchange->over()) call->responder->OnBodyEnd({});
}

// What has been brought leaves; and what follows from that.
void PrpcConnection::Turn() {
  if (turning_ || closed_) return;
  const std::shared_ptr<PrpcConnection> self = shared_from_this();
  turning_ = true;
  size_t held = 0;
  int rounds = 0;
  do {
    Advance();
    if (closed_ || !Write()) break;
    held = in_.size();
    if (held > 0) Receive({});
  } while (!closed_ && in_.size() < held && ++rounds < kRounds);
  turning_ = false;
  if (closed_) return;
  if (rounds == kRounds) Wake();
  if (leaving_ && calls_.empty() && out_.empty() && part_ == Part::kHeader) return Close();
  SayResting();
  WaitToRead();
}

void PrpcConnection::Advance() {
  for (auto call = calls_.begin(); call != calls_.end() && !closed_;) {
    const auto next = std::next(call);
    if (call->exchange->done()) {
      const bool reset = call->exchange->reset_;
      call->exchange->PassOn(&out_);
      Finish(call, reset ? Over::kReset : Over::kAnswered);
    }
    call = next;
  }
}

void PrpcConnection::Finish(Calls::iterator call, Over how) {
  if (receiving_ == &*call) receiving_ = nullptr;
  Call over = std::move(*call);
  calls_.erase(call);
  over.exchange->connection_ = nullptr;
  over.exchange->pieces_.clear();
  over.exchange->held_ = 0;
  if (calls_.empty()) since_ = Now();
  if (over.responder != nullptr) over.responder->OnOver(how);
}

// False: the connection is lost.
bool PrpcConnection::Write() {
  if (!writer_.Write(stream_.get(), &out_, [self = shared_from_this()] { self->Turn(); })) {
    Close();
    return false;
  }
  Count();
  return true;
}

void PrpcConnection::Count() {
  size_t held = out_.size();
  for (const Call& call : calls_) held += call.exchange->held_;
  output_.Set(held);
}

void PrpcConnection::SayResting() {
  const bool rests = idle() && left_ == 0;
  if (rests == resting_) return;
  resting_ = rests;
  if (env_.resting) env_.resting(this, rests);
}

void PrpcConnection::Close() {
  if (closed_) return;
  const std::shared_ptr<PrpcConnection> self = shared_from_this();
  closed_ = true;
  stream_->Close();
  while (!calls_.empty()) Finish(calls_.begin(), Over::kGone);
  in_ = {};
  out_ = {};
  input_.Set(0);
  output_.Set(0);
  env_.closed(this);
}

void PrpcConnection::CheckTime(TimePoint now) {
  if (closed_) return;
  const PrpcLimits& limits = env_.limits;
  if (limits.age > Duration::zero() && now - begun_ >= age_limit_) Leave();
  if (writer_.pacing()) {
    if (writer_.TooSlow(now, *stream_, limits.stall, env_.budget->output.Short())) {
      stream_->Reset();
      Close();
    }
  } else if (calls_.empty()) {
    const bool begun = left_ > 0 || !in_.empty();
    if (now - since_ >= (begun ? limits.read : limits.idle)) Close();
  }
}

}  // namespace aiges
