// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/rest_infer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/oip/generate.h"
#include "loader/protocols/oip/inference.h"
#include "loader/protocols/oip/rest_body.h"
#include "loader/protocols/oip/rest_codec.h"

namespace aiges::oip {
namespace {

bool IsInfer(InferVerb verb) { return verb == InferVerb::kInfer; }
bool IsPredict(InferVerb verb) {
  return verb == InferVerb::kPredict || verb == InferVerb::kExplain;
}

// One request of infer, generate, predict or explain. It lives until it is answered: its inference
// and what runs elsewhere hold it. Lane, but for Read and Write.
class RestInfer : public std::enable_shared_from_this<RestInfer>, protected Inference::Owner {
 public:
  RestInfer(FrontLane* lane, Server* server, InferPath path, HttpRequest request, HttpDone done)
      : lane_(*lane),
        server_(*server),
        path_(std::move(path)),
        request_(std::move(request)),
        done_(std::move(done)) {}
  virtual ~RestInfer() = default;

  uint64_t Start() {
    const std::optional<Coding> coding = CodingOf(request_);
    if (!coding) {
      HttpResponse r = RestError(501, "Unsupported compression type");
      r.headers.emplace_back("Accept-Encoding", "gzip, deflate");
      return Refuse(std::move(r));
    }
    const std::string* length = Find(request_.headers, kHeaderLength);
    uint64_t number = 0;
    if (IsInfer(path_.verb) && length != nullptr) {
      if (!ReadWhole(*length, &number)) {
        return Refuse(RestError(
            400, StrCat("Inference-Header-Content-Length: expected a number, got ", *length)));
      }
      json_length_ = number;
    }
    Status status = FindTarget(server_.models(), path_.model, path_.version, &target_);
    if (status.ok()) status = CheckRoom(&lane_.budget.output);
    if (!status.ok()) return Refuse(RestError(status));
    infer_.model = target_.name;
    infer_.version = path_.version;
    if (*coding != Coding::kIdentity) {  // How much there is to read, nobody knows.
      packed_ = coding;
      return ReadElsewhere(HttpWork::kBig + 1);
    }
    const size_t bytes = IsInfer(path_.verb) ? BytesToRead(request_) : request_.body.size();
    if (bytes > HttpWork::kBig) return ReadElsewhere(bytes);
    return Begin(Read());
  }

 protected:
  // The answer is ready.
  void Finish(HttpResponse response) {
    const Coding coding = WantedCoding(request_);
    if (coding == Coding::kIdentity || response.body.empty()) return done_(std::move(response));
    lane_.Run(HttpWork::kBig + 1,
              [me = shared_from_this(), coding, response = std::move(response)]() mutable {
                Pack(coding, &me->lane_.buffers, &me->lane_.budget.output, &response);
                me->done_(std::move(response));
              });
  }

  void OnResponse(InferResponse response, const StageTimes& times) override {
    if (responses_++ > 0) return;
    response_ = std::move(response);
    times_ = times;
  }
  void OnError(Status status) override {
    if (responses_++ == 0) error_ = std::move(status);
  }
  void OnBatch() override { inference_->Next(); }
  void OnEnd(Status status) override {
    const std::shared_ptr<Inference> over = std::move(inference_);
    if (status.ok() && responses_ != 1) {
      status = Status::Error(
          StatusKind::kUnsupported,
          path_.verb == InferVerb::kGenerate
              ? "generate expects model to produce exactly 1 response, use generate stream for "
                "model that generates various number of responses"
              : "HTTP end point doesn't support models with decoupled transaction policy, unless "
                "they produce exactly 1 response");
    }
    if (status.ok()) status = std::move(error_);
    if (!status.ok()) return done_(RestError(status));
    const size_t bytes =
        IsInfer(path_.verb) ? BytesToWrite(response_, form_) : BytesToWrite(response_, RestForm());
    if (bytes <= HttpWork::kBig) return Finish(Write());
    lane_.Run(bytes, [me = shared_from_this()] { me->Finish(me->Write()); });
  }

  FrontLane& lane_;
  Server& server_;
  const InferPath path_;
  HttpRequest request_;
  HttpDone done_;
  Target target_;
  std::shared_ptr<Inference> inference_;

 private:
  Memory memory() const { return {&lane_.buffers, &lane_.budget.input}; }

  uint64_t Refuse(HttpResponse response) {
    done_(std::move(response));
    return 0;
  }

  uint64_t ReadElsewhere(size_t bytes) {
    lane_.Run(bytes, [me = shared_from_this()] {
      Status status = me->Read();
      me->lane_.Run(0, [me, status = std::move(status)]() mutable {
        const uint64_t id = me->Begin(std::move(status));
        if (id != 0) me->request_.caller->Began(me->request_.number, id);
      });
    });
    return 0;
  }

  // Lane or codec thread.
  Status Read() {
    Bytes body = std::move(request_.body);
    if (packed_ && !IsInfer(path_.verb) && !IsPredict(path_.verb)) {
      return Invalid("Unsupported content-encoding, only 'identity' is supported.");
    }
    if (packed_) {
      const Bytes packed = std::move(body);
      const Status status =
          Unpack(*packed_, packed, lane_.settings.limits.max_message_bytes, memory(), &body);
      if (!status.ok()) return status;
    }
    if (IsInfer(path_.verb)) {
      return ParseRest(body, json_length_, *target_.card, memory(), &infer_, &form_);
    }
    std::vector<EngineSchema::Field> fields;
    if (!target_.card->has_tensors()) fields = InputFieldsOf(target_.model->Schema());
    return IsPredict(path_.verb)
               ? ParsePredict(body.view(), *target_.card, fields, memory(), &infer_)
               : ParseGenerate(body.view(), *target_.card, fields, memory(), &infer_);
  }

  Asker Who() {
    Asker asker;
    asker.caller = request_.asker;
    asker.headers = request_.headers;
    asker.id = RandomUuid();
    return asker;
  }

  uint64_t Begin(Status status) {
    OnceCall call;
    TimePoint until;
    Wish wish;
    if (status.ok()) {
      wish = Wish(infer_, target_);
      until = DeadlineOf(infer_.params, request_.arrived, TimePoint::max());
      if (infer_.id.empty() && request_.own_id) infer_.id = request_.id;
      status =
          MakeCall(&infer_, target_, lane_.settings.service, server_.shm(), memory(), Who(), &call);
    }
    if (!status.ok()) return Refuse(RestError(status));
    if (path_.verb == InferVerb::kExplain) call.request.params.emplace_back(":verb", "explain");
    infer_ = {};
    inference_ = std::make_shared<Inference>(
        Inference::Rooms{&lane_.service, &lane_.sessions, &lane_.loop, &server_},
        static_cast<Inference::Owner*>(this), shared_from_this());
    const uint64_t id = inference_->Start(std::move(call), std::move(wish), until);
    lane_.FlushSoon();
    return id;
  }

  // Lane or codec thread.
  HttpResponse Write() {
    HttpResponse response;
    if (IsInfer(path_.verb)) {
      response = WriteRest(response_, form_);
    } else if (IsPredict(path_.verb)) {
      response = HttpResponse::Text(
          200, "application/json",
          WritePredict(response_, *target_.card,
                       path_.verb == InferVerb::kPredict ? "predictions" : "explanations"));
    } else {
      response = HttpResponse::Text(200, "application/json", WriteGenerate(response_));
    }
    if (!target_.card->decoupled()) {
      response.headers.emplace_back("Server-Timing", ServerTiming(times_));
    }
    return response;
  }

  std::optional<Coding> packed_;
  std::optional<uint64_t> json_length_;
  InferRequest infer_;
  RestForm form_;
  InferResponse response_;  // The first, or
  Status error_;            // what came in its place.
  StageTimes times_;
  uint64_t responses_ = 0;
};

// generate_stream: an event for each response. The status is that of the first thing that comes.
class RestStream final : public RestInfer, public HttpStream {
 public:
  using RestInfer::RestInfer;

  void Next(Take take) override {
    if (over_ || !text_.empty()) return take(std::exchange(text_, {}), over_);
    take_ = std::move(take);
    if (std::exchange(waits_, false)) inference_->Next();
  }
  void Abort() override {
    if (inference_ != nullptr) std::exchange(inference_, nullptr)->Leave();
  }
  TimePoint until() const override {
    return request_.arrived + std::chrono::seconds(lane_.settings.sessions.ws_session_timeout_s);
  }

 private:
  void OnResponse(InferResponse response, const StageTimes&) override {
    StrAppend(&text_, "data: ", WriteGenerate(response), "\n\n");
  }
  void OnError(Status status) override {
    if (done_ && text_.empty()) {
      const auto me = shared_from_this();  // Whom the inference keeps until now.
      if (inference_ != nullptr) inference_->Leave();
      return OnEnd(std::move(status));
    }
    StrAppend(&text_, "data: ", RestErrorText(status.text), "\n\n");
  }
  void OnBatch() override {
    waits_ = true;
    Flush();
    // Nothing has come yet that the client could take.
    if (waits_ && (take_ || done_)) {
      waits_ = false;
      inference_->Next();
    }
  }
  void OnEnd(Status status) override {
    const std::shared_ptr<Inference> over = std::move(inference_);
    over_ = true;
    if (!status.ok() && done_ && text_.empty()) {
      return std::exchange(done_, nullptr)(RestError(status));
    }
    if (!status.ok()) StrAppend(&text_, "data: ", RestErrorText(status.text), "\n\n");
    Flush();
  }

  void Flush() {
    if (text_.empty() && !over_) return;
    if (const HttpDone done = std::exchange(done_, nullptr)) {
      HttpResponse response;
      response.content_type = "text/event-stream; charset=utf-8";
      response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
      response.body.push_back(Bytes::Own(std::exchange(text_, {})));
      response.stream = std::shared_ptr<HttpStream>(shared_from_this(), this);
      return done(std::move(response));
    }
    if (const Take take = std::exchange(take_, nullptr)) {
      take(std::exchange(text_, {}), over_);
    }
  }

  std::string text_;    // Events that the client has not got.
  Take take_;           // Who waits for them.
  bool waits_ = false;  // For the client, before the engine is asked for more.
  bool over_ = false;
};

}  // namespace

uint64_t StartRestInfer(FrontLane* lane, Server* server, InferPath path, HttpRequest request,
                        HttpDone done) {
  if (path.verb == InferVerb::kGenerateStream) {
    return std::make_shared<RestStream>(lane, server, std::move(path), std::move(request),
                                        std::move(done))
        ->Start();
  }
  return std::make_shared<RestInfer>(lane, server, std::move(path), std::move(request),
                                     std::move(done))
      ->Start();
}

}  // namespace aiges::oip
