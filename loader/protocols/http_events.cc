// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_events.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/plain_json.h"
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
  EventStream(Sessions* sessions, Lane* lane, HttpWork* work, std::string sid, TimePoint limit,
              AnswerWish wish)
      : work_(*work),
        sid_(std::move(sid)),
        limit_(limit),
        wish_(std::move(wish)),
        session_(sessions, lane, this) {}

  // The id of the session, or 0: then it is answered.
  SessionId Begin(OnceCall call, HttpDone done) {
    output_.emplace(std::move(call.expect));
    Status status = session_.Open(&call, sid_);
    if (status.ok()) {
      status = session_.WriteOnce(std::move(call.request.payloads));
      if (!status.ok()) session_.Abort();
    }
    if (!status.ok()) {
      done(Refusal(status, sid_, wish_.route));
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
    const Status status = Judge(&output);
    if (const HttpDone done = std::exchange(done_, nullptr)) {
      if (!status.ok()) return done(Refusal(status, sid_, wish_.route));
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
      response.body.push_back(Bytes::Own(Events(&output)));
      over_ = output.last;
      response.stream = shared_from_this();
      return done(std::move(response));
    }
    const Take take = std::exchange(take_, nullptr);
    if (!status.ok()) return take(StrCat("event: error\ndata: ", Error(status), "\n\n"), true);
    over_ = output.last;
    take(Events(&output), output.last);
  }

  // The session's status, and what the client's rules say about its output.
  Status Judge(SessionOutput* output) {
    if (!output->status.ok()) return output->status;
    if (output->batches.empty() && !output->last && std::chrono::steady_clock::now() >= limit_) {
      session_.Abort();
      return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
    }
    for (std::vector<Payload>& batch : output->batches) {
      const Status status = output_->Check(&batch);
      if (status.ok()) continue;
      session_.Abort();
      return status;
    }
    return Status::Ok();
  }

  bool plain() const { return wish_.route == CallRoute::kPlain; }

  std::string Error(const Status& status) const {
    return plain() ? WritePlainError(CodeOf(status), status.text)
                   : WriteStreamError(sid_, CodeOf(status), status.text);
  }

  static bool IsBareEnd(const std::vector<Payload>& batch, size_t begin, size_t end) {
    return std::all_of(batch.begin() + static_cast<std::ptrdiff_t>(begin),
                       batch.begin() + static_cast<std::ptrdiff_t>(end), [](const Payload& p) {
                         return p.status == DataStatus::kEnd && p.data.size() == 0;
                       });
  }

  std::string Event(DataStatus status, const Payload* payloads, size_t count) const {
    if (plain()) return WritePlainLine(payloads, count, *wish_.schema);
    return WriteStreamEnvelope(StreamForm::kEvents, sid_, static_cast<int>(status), payloads,
                               count);
  }

  std::string Events(SessionOutput* output) {
    if (output->batches.empty() && !output->last) return ": keep-alive\n\n";
    std::string out;
    bool ended = false;
    for (size_t i = 0; i < output->batches.size(); ++i) {
      const std::vector<Payload>& batch = output->batches[i];
      size_t begin = 0;
      for (const size_t end : SplitByKey(batch)) {
        const DataStatus own = batch[end - 1].status;
        const bool ends = own == DataStatus::kEnd || own == DataStatus::kOnce;
        const bool last = output->last && i + 1 == output->batches.size() && end == batch.size();
        const DataStatus status = ends && !last ? DataStatus::kContinue : own;
        ended = last && ends;
        // Plain JSON says that it is the end in another way.
        if (!plain() || !IsBareEnd(batch, begin, end)) {
          Append(&out, Event(status, batch.data() + begin, end - begin));
        }
        begin = end;
      }
    }
    if (output->last && plain()) {
      out += "event: end\ndata: {}\n\n";
    } else if (output->last && !ended) {
      Append(&out, Event(DataStatus::kEnd, nullptr, 0));
    }
    return out;
  }

  // The envelope has no line breaks: JSON escapes them.
  void Append(std::string* out, const std::string& envelope) {
    *out += StrCat("id: ", ++number_, "\ndata: ", envelope, "\n\n");
  }

  HttpWork& work_;
  const std::string sid_;
  const TimePoint limit_;
  const AnswerWish wish_;
  SessionFront session_;
  std::optional<StreamOutput> output_;
  HttpDone done_;  // Until the answer has begun; then
  Take take_;      // who waits for the next piece.
  uint64_t number_ = 0;
  bool over_ = false;
};

}  // namespace

SessionId StartEvents(Sessions* sessions, Lane* lane, HttpWork* work, OnceCall call,
                      std::string sid, TimePoint limit, AnswerWish wish, HttpDone done) {
  return std::make_shared<EventStream>(sessions, lane, work, std::move(sid), limit, std::move(wish))
      ->Begin(std::move(call), std::move(done));
}

}  // namespace aiges
