// SPDX-License-Identifier: Apache-2.0
#include "loader/front/grpc_call.h"

#include <utility>

#include "loader/base/strings.h"
#include "loader/front/request_id.h"

namespace aiges {
namespace {

constexpr std::string_view kType = "application/grpc";
// Shorter messages are not worth the packing.
constexpr size_t kWorthPacking = 1024;

// The id of the request only where the client has one: gRPC's own clients look at none.
Fields AnswerFields(const RequestHead& head) {
  static const Fields kAlways{{"content-type", kType}, {"grpc-accept-encoding", kCodings}};
  Fields fields = kAlways;
  const std::string_view id = head.fields.Find(kRequestIdField);
  if (IsRequestId(id)) fields.Add(kRequestIdField, id);
  return fields;
}

void Say(Exchange* exchange, int status, std::string_view text) {
  exchange->Begin(status, {{"content-type", "text/plain"}});
  exchange->Send(Bytes::Own(std::string(text)));
  exchange->End();
}

size_t SizeOf(const std::vector<Bytes>& pieces) {
  size_t size = 0;
  for (const Bytes& piece : pieces) size += piece.size();
  return size;
}

TimePoint DeadlineOf(const RequestHead& head) {
  const std::optional<Duration> left = ParseTimeout(head.fields.Find("grpc-timeout"));
  return left ? head.arrived + *left : TimePoint::max();
}

}  // namespace

void RefuseGrpc(Exchange* exchange, const GrpcStatus& status) {
  Fields trailers;
  AddStatus(status, &trailers);
  exchange->Begin(200, AnswerFields(exchange->head()));
  exchange->End(std::move(trailers));
}

bool CheckGrpcHead(Exchange* exchange) {
  const RequestHead& head = exchange->head();
  const Fields& fields = head.fields;
  const std::string_view type = fields.Find("content-type");
  if (!IsGrpc(type)) {
    Say(exchange, 415, StrCat("content-type: expected application/grpc, got ", type));
    return false;
  }
  if (head.version < 2) {  // Its answers end with trailers, which would be lost.
    Say(exchange, 505, "gRPC needs HTTP/2, got HTTP/1.1");
    return false;
  }
  if (head.method() != "POST") {
    Say(exchange, 405, StrCat(":method: expected POST, got ", head.method()));
    return false;
  }
  if (head.flaw == Flaw::kHeadTooLarge) {
    RefuseGrpc(exchange, {GrpcCode::kResourceExhausted, "there is too much metadata"});
    return false;
  }
  if (head.flaw == Flaw::kNoRoom) {
    RefuseGrpc(exchange, {GrpcCode::kResourceExhausted, "[limits] max_input_bytes is reached"});
    return false;
  }
  const std::string_view coding = fields.Find("grpc-encoding");
  if (!ParseCoding(coding)) {
    RefuseGrpc(exchange, UnknownCoding(coding));
    return false;
  }
  for (const Fields::Field field : fields) {
    if (!field.name.ends_with("-bin") || DecodeBinary(field.value)) continue;
    RefuseGrpc(exchange, {GrpcCode::kInvalidArgument,
                          StrCat(field.name, ": expected base64, got something else")});
    return false;
  }
  return true;
}

GrpcCall::GrpcCall(std::shared_ptr<Exchange> exchange, Kind kind, const GrpcEnv* env)
    : exchange_(std::move(exchange)),
      kind_(kind),
      env_(*env),
      coding_(*ParseCoding(exchange_->head().fields.Find("grpc-encoding"))),
      deadline_(DeadlineOf(exchange_->head())),
      reader_(env->most, env->buffers, &env->budget->input),
      unsent_share_(&env->budget->output) {
  if (kind == Kind::kUnary || deadline_ == TimePoint::max()) return;
  alarm_ = exchange_->lane().SetAlarm(deadline_, [this] {
    if (!finished_ && !exchange_->over()) OnDeadline();
  });
}

void GrpcCall::OnDeadline() { Finish({GrpcCode::kDeadlineExceeded, "the deadline has passed"}); }

void GrpcCall::OnBody(std::string_view piece) {
  if (paused_) {
    untaken_ += piece.size();
  } else {
    exchange_->Took(piece.size());
  }
  if (finished_) return;
  Read(piece);
  received_ += piece.size();
  if (finished_ || !reader_.within()) {
    pace_alarm_ = nullptr;
  } else if (pace_alarm_ == nullptr) {
    pace_.Begin(std::chrono::steady_clock::now());
    received_ = 0;
    CheckPace();
  }
}

// Who has begun a message and does not go on holds what others could use.
void GrpcCall::CheckPace() {
  const TimePoint now = std::chrono::steady_clock::now();
  const bool is_short = env_.budget->input.Short() && !paused_;
  if (pace_.TooSlow(now, received_, Duration::max(), is_short)) {
    return Finish({GrpcCode::kResourceExhausted,
                   "the message came too slowly: most of [limits] max_input_bytes is in use"});
  }
  pace_alarm_ = exchange_->lane().SetAlarm(now + Pace::kShortWindow, [this] { CheckPace(); });
}

void GrpcCall::Read(std::string_view piece) {
  std::vector<GrpcMessage> messages;
  GrpcStatus status = reader_.Read(piece, &messages);
  for (GrpcMessage& message : messages) {
    if (finished_) return;
    if (message.packed && coding_ == Coding::kIdentity) {
      return Finish(
          {GrpcCode::kInternal, "the message is compressed, and grpc-encoding does not say how"});
    }
    if (!message.packed && waiting_.empty()) {
      Deliver(std::move(message.data));
    } else {
      waiting_.push_back(std::move(message));
    }
  }
  if (!status.ok()) return Finish(status);
  if (unpacker_ == nullptr && !waiting_.empty()) Step();
}

void GrpcCall::Step() {
  while (!finished_ && !waiting_.empty()) {
    GrpcMessage& message = waiting_.front();
    if (message.packed) {
      if (unpacker_ == nullptr) {
        unpacker_ = std::make_unique<Unpacker>(coding_, std::move(message.data), env_.most,
                                               env_.buffers, &env_.budget->input);
      }
      switch (unpacker_->Step()) {
        case Packing::kMore:
          return exchange_->lane().Post([this, exchange = exchange_] {
            if (!exchange->over()) Step();
          });
        case Packing::kDone:
          message.data = unpacker_->Take();
          break;
        case Packing::kBroken:
          return Finish({GrpcCode::kInternal, "the message cannot be unpacked"});
        case Packing::kTooLong:
          return Finish(TooLarge("unpacked, more than that", env_.most));
        case Packing::kNoRoom:
          return Finish({GrpcCode::kResourceExhausted, env_.budget->input.Text()});
      }
    }
    unpacker_ = nullptr;
    Bytes data = std::move(message.data);
    waiting_.pop_front();
    Deliver(std::move(data));
  }
  if (ended_ && !finished_) SayEnd();
}

void GrpcCall::Deliver(Bytes message) {
  if (kind_ == Kind::kStream) return OnMessage(std::move(message));
  if (only_) {
    return Finish({GrpcCode::kUnimplemented, "expected one request message, got more"});
  }
  only_ = std::move(message);
}

void GrpcCall::OnBodyEnd(const Fields&) {
  ended_ = true;
  if (finished_) return;
  const GrpcStatus status = reader_.End();
  if (!status.ok()) return Finish(status);
  if (waiting_.empty()) SayEnd();
}

void GrpcCall::SayEnd() {
  if (kind_ == Kind::kStream) return OnMessagesEnd();
  if (!only_) return Finish({GrpcCode::kInternal, "expected one request message, got none"});
  OnMessage(*std::exchange(only_, std::nullopt));
}

void GrpcCall::Resume() {
  paused_ = false;
  if (untaken_ > 0) exchange_->Took(std::exchange(untaken_, 0));
}

void GrpcCall::PackAnswers() {
  if (!head_sent_) packs_ = AcceptsGzip(head().fields.Find("grpc-accept-encoding"));
}

void GrpcCall::SendHead() {
  if (std::exchange(head_sent_, true)) return;
  if (!packs_ && metadata_.empty()) return exchange_->Begin(200, AnswerFields(head()));
  Fields fields = AnswerFields(head());
  if (packs_) fields.Add("grpc-encoding", "gzip");
  fields.Append(metadata_);
  exchange_->Begin(200, std::move(fields));
}

void GrpcCall::SendFrame(const std::vector<Bytes>& pieces, bool packed) {
  exchange_full_ = !exchange_->Send(FrameHead(SizeOf(pieces), packed));
  for (const Bytes& piece : pieces) exchange_full_ = !exchange_->Send(piece);
}

bool GrpcCall::Send(std::vector<Bytes> pieces) {
  if (finished_) return true;
  SendHead();
  const size_t size = SizeOf(pieces);
  if (unsent_.empty() && (!packs_ || size < kWorthPacking)) {
    SendFrame(pieces, false);
  } else {
    wants_room_ = false;  // Nothing is told from within.
    unsent_share_.Set(unsent_share_.held() + size);
    unsent_.push_back(std::move(pieces));
    if (unsent_.size() == 1) PackStep();
  }
  wants_room_ = !unsent_.empty() || exchange_full_;
  return !wants_room_;
}

void GrpcCall::PackStep() {
  while (!unsent_.empty()) {
    const size_t size = SizeOf(unsent_.front());
    if (size < kWorthPacking) {
      SendFrame(unsent_.front(), false);
    } else {
      if (packer_ == nullptr) {
        packer_ = std::make_unique<Packer>(unsent_.front(), env_.buffers, &env_.budget->output);
      }
      const Packing result = packer_->Step();
      if (result == Packing::kMore) {
        return exchange_->lane().Post([this, exchange = exchange_] {
          if (!exchange->over()) PackStep();
        });
      }
      if (result == Packing::kDone) {
        SendFrame({packer_->Take()}, true);
      } else {
        SendFrame(unsent_.front(), false);  // There is no room to pack it, and it is there already.
      }
      packer_ = nullptr;
    }
    unsent_.pop_front();
    unsent_share_.Set(unsent_share_.held() - size);
  }
  if (end_) return SendEnd(end_->first, end_->second);
  TellWritable();
}

void GrpcCall::OnRoom() {
  exchange_full_ = false;
  TellWritable();
}

void GrpcCall::TellWritable() {
  if (!unsent_.empty() || exchange_full_ || finished_) return;
  if (std::exchange(wants_room_, false)) OnWritable();
}

void GrpcCall::Finish(const GrpcStatus& status, const Fields& trailers) {
  if (std::exchange(finished_, true)) return;
  alarm_ = nullptr;
  pace_alarm_ = nullptr;
  waiting_.clear();
  unpacker_ = nullptr;
  SendHead();
  if (unsent_.empty()) return SendEnd(status, trailers);
  end_.emplace(status, trailers);
}

void GrpcCall::SendEnd(const GrpcStatus& status, const Fields& trailers) {
  Fields all;
  AddStatus(status, &all);
  all.Append(trailers);
  exchange_->End(std::move(all));
}

}  // namespace aiges
