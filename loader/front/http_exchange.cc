// SPDX-License-Identifier: Apache-2.0
#include "loader/front/http_exchange.h"

#include <algorithm>
#include <string>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/gzip.h"
#include "loader/front/pace.h"
#include "loader/front/request_id.h"

namespace aiges {
namespace {

void Say(Exchange* exchange, HttpResponse response) {
  Fields fields;
  if (response.status != 204) fields.Add("content-type", response.content_type);
  for (const auto& [name, value] : response.headers) fields.Add(Lowered(name), value);
  const std::string_view id = exchange->head().fields.Find(kRequestIdField);
  if (!fields.Has(kRequestIdField) && IsRequestId(id)) fields.Add(kRequestIdField, id);
  exchange->Begin(response.status, std::move(fields));
  for (Bytes& piece : response.body) exchange->Send(std::move(piece));
}

HttpResponse TooLong(uint64_t most, HttpRefusal refuse) {
  return refuse(413, StrCat("the body is longer than [limits] max_message_bytes = ", most), 0);
}

class HttpExchange final : public Responder, private LaneClient {
 public:
  HttpExchange(std::shared_ptr<Exchange> exchange, FrontLane* lane, HttpRefusal refuse)
      : exchange_(std::move(exchange)),
        lane_(*lane),
        refuse_(refuse),
        link_(std::make_shared<Link>(this)),
        body_(&lane->buffers, &lane->budget.input) {
    const RequestHead& head = exchange_->head();
    const uint64_t most = lane->settings.limits.max_message_bytes;
    most_ = std::min(most, head.length.value_or(most));
    if (head.length == 0) return;
    body_.Announce(head.length.value_or(0));
    pace_.Begin(head.arrived);
    upload_ = lane->uploads.insert(lane->uploads.end(), this);
    comes_ = true;
  }
  ~HttpExchange() override {
    EndUpload();
    link_->me = nullptr;
  }

 private:
  // What answers hold: who asked may be gone by then. `me` is the lane's.
  struct Link final : HttpCaller, std::enable_shared_from_this<Link> {
    explicit Link(HttpExchange* e) : me(e), lane(e->lane_) {}
    void Began(uint64_t, uint64_t call) override {
      if (me == nullptr) return lane.hooks.abort(call);  // The client left before it began.
      if (!me->answered_) me->call_ = call;
    }
    // Any thread: `work` is done on the lane, with the exchange, if that is not over by then.
    template <class Work>
    void Tell(Work work) {
      if (lane.on_lane()) return me == nullptr ? void() : work(me);
      lane.loop.Post([link = shared_from_this(), work = std::move(work)]() mutable {
        if (link->me != nullptr) work(link->me);
      });
    }
    HttpExchange* me;
    FrontLane& lane;
  };

  void OnBody(std::string_view piece) override {
    exchange_->Took(piece.size());
    if (answered_) return;
    received_ += piece.size();
    if (body_.size() + piece.size() > most_) {
      return Answer(TooLong(lane_.settings.limits.max_message_bytes, refuse_));
    }
    if (!body_.Append(piece, most_)) {
      Answer(refuse_(429, lane_.budget.input.Text(), kCodeNoLicence));
    }
  }

  void OnBodyEnd(const Fields&) override {
    EndUpload();
    if (answered_) return;
    const uint64_t call =
        lane_.hooks.handle(Request(), [link = link_](HttpResponse response) mutable {
          link->Tell([response = std::move(response)](HttpExchange* me) mutable {
            me->Answer(std::move(response));
          });
        });
    if (call != 0 && !answered_) call_ = call;
  }

  void OnRoom() override {
    if (std::exchange(full_, false)) NextPiece();
  }

  void OnOver(Over) override {
    if (call_ != 0) lane_.hooks.abort(std::exchange(call_, 0));
    if (stream_ != nullptr) std::exchange(stream_, nullptr)->Abort();
  }

  HttpRequest Request() {
    HttpRequest request = HttpRequestOf(*exchange_);
    request.body = body_.Take();
    request.work = &lane_;
    request.caller = link_;
    return request;
  }

  void Answer(HttpResponse response) {
    if (std::exchange(answered_, true)) return;
    call_ = 0;
    EndUpload();
    stream_ = std::move(response.stream);
    Say(exchange_.get(), std::move(response));
    if (stream_ == nullptr) return exchange_->End();
    if (stream_->until() != TimePoint::max()) {
      alarm_ = exchange_->lane().SetAlarm(stream_->until(), [this] {
        if (full_) exchange_->Reset(ResetReason::kSlow);
      });
    }
    NextPiece();
  }

  void NextPiece() {
    if (stream_ == nullptr || exchange_->over()) return;
    stream_->Next([link = link_](std::string piece, bool last) {
      link->Tell([piece = std::move(piece), last](HttpExchange* me) mutable {
        me->OnPiece(std::move(piece), last);
      });
    });
  }

  // The client's pace is ours.
  void OnPiece(std::string piece, bool last) {
    if (stream_ == nullptr) return;
    const bool room = piece.empty() || exchange_->Send(Bytes::Own(std::move(piece)));
    if (last) {
      stream_ = nullptr;
      return exchange_->End();
    }
    full_ = !room;
    if (room) NextPiece();
  }

  void EndUpload() {
    if (std::exchange(comes_, false)) lane_.uploads.erase(upload_);
  }

  // Is the body late, or too slow?
  void CheckTime(TimePoint now) override {
    const auto most = std::chrono::milliseconds(lane_.settings.limits.read_timeout_ms);
    if (now - exchange_->head().arrived >= most) {
      return Answer(refuse_(408, "the request did not arrive in time", 0));
    }
    if (pace_.TooSlow(now, received_, most, lane_.budget.input.Short())) {
      Answer(refuse_(408, "the request came too slowly: most of [limits] max_input_bytes is in use",
                     0));
    }
  }

  const std::shared_ptr<Exchange> exchange_;
  FrontLane& lane_;
  const HttpRefusal refuse_;
  const std::shared_ptr<Link> link_;
  std::unique_ptr<Lane::Alarm> alarm_;       // Of a stream.
  std::list<LaneClient*>::iterator upload_;  // While comes_.
  bool comes_ = false;
  uint64_t most_ = 0, received_ = 0;  // Bytes of the body.
  GrowingBytes body_;
  Pace pace_;
  uint64_t call_ = 0;  // To abort; 0: none.
  std::shared_ptr<HttpStream> stream_;
  bool answered_ = false;
  bool full_ = false;  // The client is to take some of the stream.
};

}  // namespace

HttpRequest HttpRequestOf(const Exchange& exchange) {
  const RequestHead& head = exchange.head();
  HttpRequest request;
  request.arrived = std::chrono::steady_clock::now();
  request.from_loopback = exchange.peer().loopback;
  request.tls = exchange.peer().tls;
  request.asker = exchange.caller();
  request.owner = exchange.owner();
  request.method = std::string(head.method());
  SplitTarget(head.target(), &request);
  request.headers.reserve(head.fields.size());
  for (const Fields::Field f : head.fields) {
    if (f.name.starts_with(':')) {
      if (f.name == ":authority") request.headers.emplace_back("host", std::string(f.value));
      continue;
    }
    if (f.name == "content-type") request.content_type = std::string(f.value);
    request.headers.emplace_back(std::string(f.name), std::string(f.value));
  }
  return request;
}

void Answer(Exchange* exchange, HttpResponse response) {
  Say(exchange, std::move(response));
  exchange->End();
}

std::unique_ptr<Responder> MakeHttpExchange(std::shared_ptr<Exchange> exchange, FrontLane* lane,
                                            HttpRefusal refuse) {
  const RequestHead& head = exchange->head();
  const uint64_t most = lane->settings.limits.max_message_bytes;
  if (head.flaw == Flaw::kHeadTooLarge) {
    Answer(exchange.get(), refuse(431, "the head of the request is too long", 0));
  } else if (head.flaw == Flaw::kNoRoom) {
    Answer(exchange.get(), refuse(429, lane->budget.input.Text(), kCodeNoLicence));
  } else if (head.length.value_or(0) > most) {
    Answer(exchange.get(), TooLong(most, refuse));
  } else {
    return std::make_unique<HttpExchange>(std::move(exchange), lane, refuse);
  }
  return nullptr;
}

}  // namespace aiges
