// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/front/http_exchange.h"
#include "loader/front/http_head.h"
#include "loader/front/json_string.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/door_link.h"
#include "loader/protocols/door_parts.h"
#include "loader/protocols/http_answer.h"

namespace aiges {
namespace {

constexpr const char* kKey = ":http";

std::string OwnOrNew(const std::string& id) { return id.empty() ? RandomUuid() : id; }

// "%s" and "%d" of the engine's own words.
std::string Worded(const std::string& form, int status, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < form.size(); ++i) {
    const std::string_view mark = std::string_view(form).substr(i, 2);
    if (mark == "%s") {
      AppendJsonString(&out, text);
    } else if (mark == "%d") {
      StrAppend(&out, status);
    } else {
      out.push_back(form[i]);
      continue;
    }
    ++i;
  }
  return out;
}

class HttpDoor final : public Responder, private DoorListener {
 public:
  HttpDoor(std::shared_ptr<Exchange> exchange, std::shared_ptr<const DoorTable> doors,
           const Door& door, GrpcServices* env)
      : exchange_(std::move(exchange)),
        doors_(std::move(doors)),
        door_(door),
        env_(*env),
        id_(OwnOrNew(RequestIdOf(exchange_->head()))),
        link_(this, exchange_, &env->lane) {
    const std::optional<uint64_t> length = exchange_->head().length;
    if (length == 0) return;  // Its end comes in this turn.
    if (length && *length <= kMostFirst) {
      const LimitSettings& limits = env_.lane.settings.limits;
      alarm_ = exchange_->lane().SetAlarm(
          exchange_->head().arrived + std::chrono::milliseconds(limits.read_timeout_ms),
          [this] { Refuse(408, "the request did not arrive in time"); });
      return;
    }
    exchange_->lane().Gather([this, exchange = exchange_] {
      if (!exchange->over() && !link_.submitted() && !ended_) Submit(DataStatus::kBegin);
    });
  }

 private:
  void OnBody(std::string_view piece) override {
    if (ended_ || link_.submitted()) return SendBody(piece);
    exchange_->Took(piece.size());
    if (!link_.Keep(piece)) return Refuse(429, env_.lane.budget.input.Text());
    if (link_.kept() >= kMostFirst) Submit(DataStatus::kBegin);
  }

  void SendBody(std::string_view piece) {
    const size_t size = piece.size();
    while (!ended_ && !piece.empty()) {
      const std::string_view now = piece.substr(0, kMostDoorPart);
      piece.remove_prefix(now.size());
      link_.Send(DoorPiece(kKey, DataStatus::kContinue, Bytes::Own(std::string(now))));
    }
    if (!ended_ && link_.full()) {
      untaken_ += size;
    } else {
      exchange_->Took(size);
    }
  }

  void OnBodyEnd(const Fields& trailers) override {
    if (ended_) return;
    if (!link_.submitted()) return Submit(DataStatus::kOnce);
    Payload last = DoorPiece(kKey, DataStatus::kEnd, {});
    for (const Fields::Field f : trailers) {
      last.desc.emplace_back(std::string(f.name), std::string(f.value));
    }
    link_.Send(std::move(last));
  }

  void OnRoom() override { link_.OnRoom(); }
  void OnOver(Over) override {}  // The link goes, and gives the call up.

  void Submit(DataStatus status) {
    alarm_ = nullptr;
    Payload first = DoorHead(kKey, *exchange_, id_);
    first.status = status;
    link_.Submit(DoorRequest(*exchange_, door_, RandomUuid()), std::move(first));
  }

  void OnTaken() override { exchange_->Took(std::exchange(untaken_, 0)); }

  void OnPart(Payload part) override {
    if (ended_ || exchange_->over()) return;
    Say(std::move(part), false);
  }

  void OnReply(Reply reply) override {
    if (ended_ || exchange_->over()) return;
    if (!reply.status.ok()) return Fail(reply.status);
    if (reply.payloads.size() != 1) return Broken("expected one part at its end");
    Say(std::move(reply.payloads.front()), true);
  }

  // A part of the answer. Refused where no client could be told.
  void Say(Payload part, bool last) {
    DoorAnswer answer = ReadDoorAnswer(part.desc, begun_);
    if (answer.wrong.empty() && !begun_ && answer.status == 0) {
      answer.wrong = "expected a first part with :status";
    }
    if (!answer.wrong.empty()) return Broken(answer.wrong);
    if (!std::exchange(begun_, true)) {
      AddOwn(&answer.head);
      // Of a whole answer it is counted; one without content has none to tell.
      if (answer.length && (!last || exchange_->head().method() == "HEAD") &&
          answer.status != 204) {
        answer.head.Add("content-length", std::to_string(*answer.length));
      }
      exchange_->Begin(answer.status, std::move(answer.head));
    }
    const size_t size = part.data.size();
    const bool room = size == 0 || exchange_->Send(std::move(part.data));  // HEAD: it only counts.
    if (!last) return link_.Gave(size, room);
    ended_ = true;
    exchange_->End(std::move(answer.trailers));
    TakeRest();
  }

  void AddOwn(Fields* head) {
    if (!head->Has(kRequestIdField)) head->Add(kRequestIdField, id_);
    if (!head->Has(LoadHeader::kHeader)) {
      head->Add(LoadHeader::kHeader, env_.load.Text(std::chrono::steady_clock::now()));
    }
  }

  void Fail(const Status& status) {
    if (begun_) return Reset();
    Refuse(HttpStatusOf(status), status.text);
  }
  void Broken(const std::string& wrong) {
    LogWarn("http", "the engine's answer to ", exchange_->head().path(), ": ", wrong);
    if (begun_) return Reset();
    Refuse(500, StrCat("the engine's answer cannot be sent: ", wrong));
  }
  void Reset() {
    ended_ = true;
    exchange_->Reset(ResetReason::kInternal);
  }

  void Refuse(int status, std::string_view text) {
    if (std::exchange(ended_, true)) return;
    alarm_ = nullptr;
    link_.Drop();
    RefuseHttpDoor(exchange_.get(), doors_->refusal(), status, text);
    TakeRest();
  }
  // Of a body that is not wanted any more.
  void TakeRest() {
    if (untaken_ > 0) exchange_->Took(std::exchange(untaken_, 0));
  }

  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<const DoorTable> doors_;
  const Door& door_;
  GrpcServices& env_;
  const std::string id_;
  DoorLink link_;
  std::unique_ptr<Lane::Alarm> alarm_;
  size_t untaken_ = 0;
  bool begun_ = false, ended_ = false;
};

}  // namespace

void RefuseHttpDoor(Exchange* exchange, const DoorRefusal& words, int status, std::string_view text,
                    const Pairs& more) {
  HttpResponse response = ConnectionError(status, text);
  if (!words.type.empty()) {
    response = HttpResponse::Text(status, words.type, Worded(words.body, status, text));
  }
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
  response.headers.insert(response.headers.end(), more.begin(), more.end());
  Answer(exchange, std::move(response));
}

std::unique_ptr<Responder> MakeHttpDoor(std::shared_ptr<Exchange> exchange,
                                        std::shared_ptr<const DoorTable> doors, const Door& door,
                                        GrpcServices* env) {
  const Flaw flaw = exchange->head().flaw;
  if (flaw == Flaw::kNone) {
    return std::make_unique<HttpDoor>(std::move(exchange), std::move(doors), door, env);
  }
  const bool large = flaw == Flaw::kHeadTooLarge;
  RefuseHttpDoor(exchange.get(), doors->refusal(), large ? 431 : 429,
                 large ? "the head of the request is too long" : env->lane.budget.input.Text());
  return nullptr;
}

}  // namespace aiges
