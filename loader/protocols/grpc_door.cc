// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/numbers.h"
#include "loader/front/grpc_frames.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/door_link.h"
#include "loader/protocols/door_parts.h"

namespace aiges {
namespace {

constexpr const char* kKey = ":grpc";
constexpr unsigned kMostCode = static_cast<unsigned>(GrpcCode::kUnauthenticated);

GrpcStatus Told(const Status& status) {
  switch (status.kind) {
    case StatusKind::kOk:
      return {};
    case StatusKind::kInvalid:
      return {GrpcCode::kInvalidArgument, status.text};
    case StatusKind::kOverloaded:
      return {GrpcCode::kResourceExhausted, status.text};
    case StatusKind::kDeadline:
      return {GrpcCode::kDeadlineExceeded, status.text};
    case StatusKind::kCancelled:
      return {GrpcCode::kCancelled, status.text};
    case StatusKind::kDisconnected:
      return {GrpcCode::kUnavailable, status.text};
    case StatusKind::kUnimplemented:
      return {GrpcCode::kUnimplemented, status.text};
    case StatusKind::kUnsupported:
      return {GrpcCode::kUnimplemented, status.text};
    case StatusKind::kNotFound:
      return {GrpcCode::kNotFound, status.text};
    case StatusKind::kExists:
      return {GrpcCode::kAlreadyExists, status.text};
    case StatusKind::kUnknown:
      return {GrpcCode::kUnknown, status.text};
    case StatusKind::kInternal:
      break;
  }
  return {GrpcCode::kInternal, status.text};
}

// What the protocol itself says in a head or trailers.
bool IsGrpcs(std::string_view name) {
  return name.starts_with("grpc-") || name == "content-type" || name == "user-agent";
}

Fields Metadata(const Fields& said) {
  Fields out;
  for (const Fields::Field f : said) {
    if (!IsGrpcs(f.name) || f.name == "grpc-status-details-bin") out.Add(f.name, f.value);
  }
  return out;
}

class GrpcDoor final : public GrpcCall, private DoorListener {
 public:
  GrpcDoor(std::shared_ptr<Exchange> exchange, const Door& door, GrpcServices* env)
      : GrpcCall(std::move(exchange), Kind::kStream, &env->grpc),
        door_(door),
        env_(*env),
        link_(this, this->exchange(), &env->lane) {
    if (door_.gzip || SendsGzip(head())) PackAnswers();
    this->exchange()->lane().Gather([this, exchange = this->exchange()] {
      if (!exchange->over() && !link_.submitted() && !ended_) Submit(DataStatus::kBegin);
    });
  }

 private:
  void OnMessage(Bytes message) override {
    if (ended_) return;
    const Bytes head = FrameHead(message.size(), false);
    std::string frame;
    frame.reserve(head.size() + message.size());
    frame.append(head.view()).append(message.view());
    message = {};
    if (link_.submitted()) return Keep(std::move(frame));
    if (!link_.Keep(frame)) {
      return End({GrpcCode::kResourceExhausted, env_.lane.budget.input.Text()}, {});
    }
    if (link_.kept() >= kMostFirst) Submit(DataStatus::kBegin);
  }

  void OnMessagesEnd() override {
    if (ended_) return;
    if (!link_.submitted()) return Submit(DataStatus::kOnce);
    link_.Send(DoorPiece(kKey, DataStatus::kEnd, Bytes::Own(std::exchange(more_, {}))));
  }

  // What a turn of the lane brings goes as one part: many small messages are no many parts.
  void Keep(std::string frame) {
    if (more_.empty()) {
      more_ = std::move(frame);
      this->exchange()->lane().Gather([this, exchange = this->exchange()] {
        if (!exchange->over() && !ended_) SendMore();
      });
    } else {
      more_.append(frame);
    }
    if (more_.size() >= kMostFirst) SendMore();
  }
  void SendMore() {
    if (more_.empty()) return;
    Bytes data = Bytes::Own(std::exchange(more_, {}));
    link_.Send(DoorPiece(kKey, DataStatus::kContinue, std::move(data)));
    if (link_.full()) Pause();
  }

  void OnTaken() override { Resume(); }
  void OnWritable() override { link_.OnRoom(); }
  void OnOver(Over) override { ended_ = true; }

  void Submit(DataStatus status) {
    std::string id = RandomUuid();
    Payload first = DoorHead(kKey, *exchange(), id);
    first.status = status;
    Request request = DoorRequest(*exchange(), door_, std::move(id));
    request.deadline = deadline();
    request.protocol = "grpc";
    link_.Submit(std::move(request), std::move(first));
  }

  void OnPart(Payload part) override {
    if (!ended_ && !exchange()->over()) Say(part, false);
  }

  void OnReply(Reply reply) override {
    if (ended_ || exchange()->over()) return;
    if (!reply.status.ok()) return End(Told(reply.status), {});
    if (reply.payloads.size() != 1) return Broken("expected one part at its end");
    Say(reply.payloads.front(), true);
  }

  void Say(const Payload& part, bool last) {
    DoorAnswer answer = ReadDoorAnswer(part.desc, begun_);
    if (!answer.wrong.empty()) return Broken(answer.wrong);
    if (!std::exchange(begun_, true)) AddMetadata(Metadata(answer.head));
    const size_t size = part.data.size();
    bool room = true;
    if (!SendFrames(part.data, &room)) return Broken("expected whole messages in each part");
    if (!last) {
      SendHead();  // Clients may wait for it, also where no message follows yet.
      return link_.Gave(size, room);
    }
    const std::optional<GrpcStatus> status = StatusIn(answer.trailers);
    if (!status) return Broken("expected a number from 0 to 16 as grpc-status");
    Fields trailers = Metadata(answer.trailers);
    AddLoad(&env_, &trailers);
    End(*status, trailers);
  }

  bool SendFrames(const Bytes& data, bool* room) {
    // Before any is sent: half an answer would be no answer.
    std::string_view rest = data.view();
    std::vector<std::string_view> messages;
    while (!rest.empty()) {
      if (rest.size() < kGrpcFrameHead || rest[0] != 0) return false;
      const uint64_t length = GrpcFrameLength(rest.data());
      rest.remove_prefix(kGrpcFrameHead);
      if (length > rest.size()) return false;
      messages.push_back(rest.substr(0, length));
      rest.remove_prefix(length);
    }
    for (const std::string_view message : messages) {
      std::vector<Bytes> pieces;
      pieces.emplace_back(message, data.owner());
      *room = Send(std::move(pieces));
    }
    return true;
  }

  static std::optional<GrpcStatus> StatusIn(const Fields& trailers) {
    const std::string_view code = trailers.Find("grpc-status");
    unsigned number = 0;
    if (!code.empty() && (!ReadWhole(code, &number) || number > kMostCode)) return {};
    return GrpcStatus{static_cast<GrpcCode>(number), std::string(trailers.Find("grpc-message"))};
  }

  void Broken(const std::string& wrong) {
    LogWarn("grpc", "the engine's answer to ", head().path(), ": ", wrong);
    End({GrpcCode::kInternal, StrCat("the engine's answer cannot be sent: ", wrong)}, {});
  }

  void End(const GrpcStatus& status, const Fields& trailers) {
    if (std::exchange(ended_, true)) return;
    link_.Drop();
    Resume();
    Finish(status, trailers);
  }

  const Door door_;  // The engine's table may be another one by then.
  GrpcServices& env_;
  DoorLink link_;
  std::string more_;  // Messages behind those of the first part, of this turn.
  bool begun_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Responder> MakeGrpcDoor(std::shared_ptr<Exchange> exchange, const Door& door,
                                        GrpcServices* env) {
  return std::make_unique<GrpcDoor>(std::move(exchange), door, env);
}

}  // namespace aiges
