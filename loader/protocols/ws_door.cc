// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/numbers.h"
#include "loader/front/websocket.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/door_link.h"
#include "loader/protocols/door_parts.h"

namespace aiges {
namespace {

constexpr const char* kKey = ":http";
constexpr int kSwitching = 101;
// RFC 6455, section 7.4.1, and its registry.
constexpr uint16_t kInternal = 1011, kRestart = 1012;
constexpr size_t kMostReason = 123;  // Bytes of a close frame.

// A WebSocket that the engine serves. Until it is accepted it is its exchange's; then the
// WebSocket's listener.
class WsDoor final : public WebSocket::Listener,
                     private DoorListener,
                     public std::enable_shared_from_this<WsDoor> {
 public:
  WsDoor(std::shared_ptr<Exchange> exchange, std::shared_ptr<const DoorTable> doors,
         const Door& door, GrpcServices* env)
      : exchange_(std::move(exchange)),
        doors_(std::move(doors)),
        env_(*env),
        link_(this, exchange_, &env->lane) {
    Payload head = DoorHead(kKey, *exchange_, RandomUuid());
    head.status = DataStatus::kBegin;
    // Among the pseudo-fields, which come first.
    const auto own = std::find_if(head.desc.begin(), head.desc.end(),
                                  [](const auto& field) { return !field.first.starts_with(':'); });
    head.desc.insert(own, {":websocket", "1"});
    Request request = DoorRequest(*exchange_, door, RandomUuid());
    request.no_limit = true;
    request.protocol = "websocket";
    link_.Submit(std::move(request), std::move(head));
  }

  void OnMessage(WebSocket::Kind kind, Bytes message) override {
    if (over_) return;
    Payload part = DoorPiece(kKey, DataStatus::kContinue, std::move(message));
    part.desc.emplace_back("opcode", kind == WebSocket::Kind::kText ? "text" : "binary");
    link_.Send(std::move(part));
    waits_ = link_.full();
    if (!waits_) socket_->Took();
  }
  void OnRoom() override { link_.OnRoom(); }
  // The engine hears why, and then that nobody waits.
  void OnOver(uint16_t code, std::string_view reason) override {
    if (std::exchange(over_, true)) return;
    Payload last = DoorPiece(kKey, DataStatus::kEnd, {});
    last.desc.emplace_back("code", std::to_string(code));
    last.desc.emplace_back("reason", std::string(reason));
    link_.Send(std::move(last));
  }

 private:
  void OnTaken() override {
    if (std::exchange(waits_, false) && !over_) socket_->Took();
  }

  void OnPart(Payload part) override {
    if (over_) return;
    if (socket_ != nullptr) return Say(part);
    const DoorAnswer answer = ReadDoorAnswer(part.desc, false, kSwitching);
    if (!answer.wrong.empty() || answer.status != kSwitching) {
      return Broken(answer.wrong.empty() ? "expected :status 101 first" : answer.wrong);
    }
    WebSocket::Terms terms{env_.lane.settings.limits.max_message_bytes, {}, {}};
    for (const Fields::Field f : answer.head) {
      if (f.name == "sec-websocket-protocol") {
        terms.subprotocol = std::string(f.value);
      } else {
        terms.fields.Add(f.name, f.value);
      }
    }
    socket_ = WebSocket::Accept(exchange_.get(), std::move(terms), &env_.lane);
    if (socket_ != nullptr) socket_->Start(shared_from_this());
  }

  void Say(const Payload& part) {
    const std::string* opcode = Find(part.desc, "opcode");
    const bool text = opcode != nullptr && *opcode == "text";
    const bool room =
        socket_->Send(text ? WebSocket::Kind::kText : WebSocket::Kind::kBinary, part.data);
    link_.Gave(part.data.size(), room);
  }

  void OnReply(Reply reply) override {
    if (over_) return;
    over_ = true;
    if (socket_ == nullptr) return Refuse(std::move(reply));
    if (!reply.status.ok()) {
      const bool gone = reply.status.kind == StatusKind::kDisconnected;
      return socket_->Close(gone ? kRestart : kInternal,
                            gone ? "service restart" : "internal error");
    }
    uint16_t code = WebSocket::kNormal;
    std::string reason;
    for (const Payload& last : reply.payloads) {
      if (const std::string* said = Find(last.desc, "code")) code = CodeIn(*said);
      if (const std::string* said = Find(last.desc, "reason")) reason = *said;
    }
    socket_->Close(code, CutUtf8(reason, kMostReason));
  }

  static uint16_t CodeIn(const std::string& text) {
    unsigned code = 0;
    const bool sound = ReadWhole(text, &code) && code >= 1000 && code < 5000 &&
                       code != WebSocket::kNoCode && code != WebSocket::kLost;
    return sound ? static_cast<uint16_t>(code) : kInternal;
  }

  // An answer instead of a WebSocket.
  void Refuse(Reply reply) {
    if (!reply.status.ok()) {
      return RefuseHttpDoor(exchange_.get(), doors_->refusal(), HttpStatusOf(reply.status),
                            reply.status.text);
    }
    if (reply.payloads.size() != 1) return Broken("expected one part at its end");
    Payload& whole = reply.payloads.front();
    DoorAnswer answer = ReadDoorAnswer(whole.desc, false);
    if (!answer.wrong.empty() || answer.status == 0) {
      return Broken(answer.wrong.empty() ? "expected a part with :status" : answer.wrong);
    }
    exchange_->Begin(answer.status, std::move(answer.head));
    if (!whole.data.empty()) exchange_->Send(std::move(whole.data));
    exchange_->End();
  }

  void Broken(const std::string& wrong) {
    over_ = true;
    LogWarn("http", "the engine's answer to ", exchange_->head().path(), ": ", wrong);
    RefuseHttpDoor(exchange_.get(), doors_->refusal(), 500,
                   StrCat("the engine's answer cannot be sent: ", wrong));
  }

  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<const DoorTable> doors_;
  GrpcServices& env_;
  DoorLink link_;
  std::shared_ptr<WebSocket> socket_;
  bool waits_ = false;  // The client does, until the engine has taken some.
  bool over_ = false;
};

// Of the exchange, until the door is a WebSocket.
class WsDoorBegin final : public Responder {
 public:
  explicit WsDoorBegin(std::shared_ptr<WsDoor> door) : door_(std::move(door)) {}
  void OnBody(std::string_view) override {}
  void OnBodyEnd(const Fields&) override {}
  void OnOver(Over) override {}

 private:
  const std::shared_ptr<WsDoor> door_;
};

}  // namespace

std::unique_ptr<Responder> MakeWsDoor(std::shared_ptr<Exchange> exchange,
                                      std::shared_ptr<const DoorTable> doors, const Door& door,
                                      GrpcServices* env) {
  return std::make_unique<WsDoorBegin>(
      std::make_shared<WsDoor>(std::move(exchange), std::move(doors), door, env));
}

}  // namespace aiges
