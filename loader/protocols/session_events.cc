// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/session_events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "loader/protocols/session_front.h"

namespace aiges {
namespace {

// Proxies drop connections that say nothing.
constexpr std::chrono::seconds kSilence{15};

// Of its session one poll at a time is out: the answer takes what that brings before it asks for
// more. Output is judged and encoded where `work` says.
class EventStream : public HttpStream,
                    private SessionFront::Owner,
                    public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Sessions* sessions, Lane* lane, HttpWork* work, TimePoint limit,
              std::unique_ptr<EventWords> words)
      : work_(*work), limit_(limit), words_(std::move(words)), session_(sessions, lane, this) {}

  // The id of the session, or 0: then it is answered.
  SessionId Begin(OnceCall call, std::string sid, HttpDone done) {
    Status status = session_.Open(&call, std::move(sid));
    if (status.ok()) {
      status = session_.WriteOnce(std::move(call.request.payloads));
      if (!status.ok()) session_.Abort();
    }
    if (!status.ok()) {
      done(words_->Refuse(status));
      return 0;
    }
    done_ = std::move(done);
    Poll();
    return session_.id();
  }

  void Next(Take take) override {
    if (over_) return take("", true);
    take_ = std::move(take);
    Poll();
  }

  void Abort() override { session_.Abort(); }
  TimePoint until() const override { return limit_; }

 private:
  void Poll() {
    const TimePoint until = std::min(limit_, std::chrono::steady_clock::now() + kSilence);
    session_.Poll(until, shared_from_this());
  }

  void OnOutput(SessionOutput output) override {
    size_t bytes = 0;
    for (const auto& batch : output.batches) {
      for (const Payload& p : batch) bytes += p.data.size();
    }
    work_.Run(bytes, [self = shared_from_this(), output = std::move(output)]() mutable {
      self->Tell(std::move(output));
    });
  }

  // Lane or codec thread; only one piece is on its way.
  void Tell(SessionOutput output) {
    std::string events;
    const Status status = Judge(&output, &events);
    if (const HttpDone done = std::exchange(done_, nullptr)) {
      if (!status.ok()) return done(words_->Refuse(status));
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
      response.body.push_back(Bytes::Own(std::move(events)));
      over_ = output.last;
      response.stream = shared_from_this();
      return done(std::move(response));
    }
    const Take take = std::exchange(take_, nullptr);
    if (!status.ok()) return take(words_->Fail(status), true);
    over_ = output.last;
    take(std::move(events), output.last);
  }

  // The session's status, and what the protocol says about its output.
  Status Judge(SessionOutput* output, std::string* events) {
    if (!output->status.ok()) return output->status;
    if (output->batches.empty() && !output->last) {
      if (std::chrono::steady_clock::now() < limit_) {
        *events = ": keep-alive\n\n";
        return Status::Ok();
      }
      session_.Abort();
      return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
    }
    const Status status = words_->Write(output, events);
    if (!status.ok()) session_.Abort();
    return status;
  }

  HttpWork& work_;
  const TimePoint limit_;
  const std::unique_ptr<EventWords> words_;
  SessionFront session_;
  HttpDone done_;  // Until the answer has begun; then
  Take take_;      // who waits for the next piece.
  bool over_ = false;
};

}  // namespace

SessionId StartSessionEvents(Sessions* sessions, Lane* lane, HttpWork* work, OnceCall call,
                             std::string sid, TimePoint limit, std::unique_ptr<EventWords> words,
                             HttpDone done) {
  return std::make_shared<EventStream>(sessions, lane, work, limit, std::move(words))
      ->Begin(std::move(call), std::move(sid), std::move(done));
}

}  // namespace aiges
