#include "loader/ingress/http_events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/ingress/json_codec.h"

namespace aiges {
namespace {

constexpr size_t kMostBatches = 32;
constexpr unsigned kAhead = 128;
// Proxies drop connections that say nothing.
constexpr std::chrono::seconds kSilence{15};

class EventStream : public HttpStream, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Sessions* sessions, SessionId id, std::string sid, std::vector<Expected> expect,
              TimePoint limit, HttpRefuse refuse)
      : sessions_(*sessions), id_(id), sid_(std::move(sid)), output_(std::move(expect)),
        limit_(limit), refuse_(std::move(refuse)) {}

  void Begin(HttpDone done) {
    Poll([self = shared_from_this(), done = std::move(done)](SessionOutput output) {
      Status status = self->Judge(&output);
      if (!status.ok()) return done(self->refuse_(status, self->sid_));
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.headers = {{"Cache-Control", "no-store"},
                          {"X-Accel-Buffering", "no"},
                          {"Access-Control-Allow-Origin", "*"}};
      response.body.push_back(Bytes::Own(self->Events(&output)));
      self->over_ = output.last;
      response.stream = self;
      done(std::move(response));
    });
  }

  void Next(Take take) override {
    if (over_) return take("", true);
    Poll([self = shared_from_this(), take = std::move(take)](SessionOutput output) {
      const Status status = self->Judge(&output);
      if (!status.ok()) {
        return take(StrCat("event: error\ndata: ",
                           WriteStreamError(self->sid_, CodeOf(status), status.text), "\n\n"),
                    true);
      }
      self->over_ = output.last;
      take(self->Events(&output), output.last);
    });
  }

  void Abort() override { sessions_.Abort(id_); }
  TimePoint until() const override { return limit_; }

 private:
  using Got = std::function<void(SessionOutput)>;
  class Sink : public OutputSink {
   public:
    explicit Sink(Got got) : got_(std::move(got)) {}
    void Done(SessionOutput output) override { got_(std::move(output)); }

   private:
    Got got_;
  };

  void Poll(Got got) {
    const TimePoint until = std::min(limit_, std::chrono::steady_clock::now() + kSilence);
    sessions_.Poll(id_, kMostBatches, until, std::make_unique<Sink>(std::move(got)));
  }

  // The session's status, and what the client's rules say about its output.
  Status Judge(SessionOutput* output) {
    if (!output->status.ok()) return output->status;
    if (output->batches.empty() && !output->last &&
        std::chrono::steady_clock::now() >= limit_) {
      sessions_.Abort(id_);
      return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
    }
    for (std::vector<Payload>& batch : output->batches) {
      const Status status = output_.Check(&batch);
      if (status.ok()) continue;
      sessions_.Abort(id_);
      return status;
    }
    return Status::Ok();
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
        Append(&out, WriteStreamEnvelope(StreamForm::kEvents, sid_, static_cast<int>(status),
                                         batch.data() + begin, end - begin));
        begin = end;
      }
    }
    if (output->last && !ended) {
      Append(&out, WriteStreamEnvelope(StreamForm::kEvents, sid_, 2, nullptr, 0));
    }
    return out;
  }

  // The envelope has no line breaks: JSON escapes them.
  void Append(std::string* out, const std::string& envelope) {
    *out += StrCat("id: ", ++number_, "\ndata: ", envelope, "\n\n");
  }

  Sessions& sessions_;
  const SessionId id_;
  const std::string sid_;
  StreamOutput output_;
  const TimePoint limit_;
  const HttpRefuse refuse_;
  uint64_t number_ = 0;
  bool over_ = false;
};

}  // namespace

SessionId StartEvents(Sessions* sessions, OnceCall call, std::string sid, TimePoint limit,
                      HttpRefuse refuse, HttpDone done) {
  SessionRequest open;
  open.handle = sid;
  open.params = std::move(call.request.params);
  open.psr_ids = std::move(call.request.psr_ids);
  open.output_batches = kAhead;
  SessionId id = 0;
  const Status status = sessions->Open(std::move(open), &id);
  if (!status.ok()) {
    done(refuse(status, sid));
    return 0;
  }
  for (Payload& p : call.request.payloads) p.status = DataStatus::kOnce;
  const Status written =
      sessions->Write(id, 0, std::move(call.request.payloads), nullptr);
  if (written.kind == StatusKind::kOverloaded) {  // Otherwise the poll tells.
    sessions->Abort(id);
    done(refuse(written, sid));
    return 0;
  }
  std::make_shared<EventStream>(sessions, id, std::move(sid), std::move(call.expect), limit,
                                std::move(refuse))
      ->Begin(std::move(done));
  return id;
}

}  // namespace aiges
