// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_events.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/plain_json.h"
#include "loader/protocols/session_events.h"

namespace aiges {
namespace {

class EnvelopeEvents final : public EventWords {
 public:
  EnvelopeEvents(std::vector<Expected> expect, std::string sid, AnswerWish wish)
      : output_(std::move(expect)), sid_(std::move(sid)), wish_(std::move(wish)) {}

  HttpResponse Refuse(const Status& status) override { return Refusal(status, sid_, wish_.route); }

  Status Write(SessionOutput* output, std::string* out) override {
    for (std::vector<Payload>& batch : output->batches) {
      const Status status = output_.Check(&batch);
      if (!status.ok()) return status;
    }
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
          Append(out, Event(status, batch.data() + begin, end - begin));
        }
        begin = end;
      }
    }
    if (output->last && plain()) {
      *out += "event: end\ndata: {}\n\n";
    } else if (output->last && !ended) {
      Append(out, Event(DataStatus::kEnd, nullptr, 0));
    }
    return Status::Ok();
  }

  std::string Fail(const Status& status) override {
    return StrCat("event: error\ndata: ",
                  plain() ? WritePlainError(CodeOf(status), ShownText(status.text, wish_.route))
                          : WriteStreamError(sid_, CodeOf(status), status.text),
                  "\n\n");
  }

 private:
  bool plain() const { return wish_.route == CallRoute::kPlain || alone(); }
  bool alone() const { return wish_.route == CallRoute::kPredict; }

  static bool IsBareEnd(const std::vector<Payload>& batch, size_t begin, size_t end) {
    return std::all_of(batch.begin() + static_cast<std::ptrdiff_t>(begin),
                       batch.begin() + static_cast<std::ptrdiff_t>(end), [](const Payload& p) {
                         return p.status == DataStatus::kEnd && p.data.size() == 0;
                       });
  }

  std::string Event(DataStatus status, const Payload* payloads, size_t count) const {
    if (alone() && count == 1) return WritePlainValue(*payloads, *wish_.schema);
    if (plain()) return WritePlainLine(payloads, count, *wish_.schema);
    return WriteStreamEnvelope(StreamForm::kEvents, sid_, static_cast<int>(status), payloads,
                               count);
  }

  // The envelope has no line breaks: JSON escapes them.
  void Append(std::string* out, const std::string& envelope) {
    *out += StrCat("id: ", ++number_, "\ndata: ", envelope, "\n\n");
  }

  StreamOutput output_;
  const std::string sid_;
  const AnswerWish wish_;
  uint64_t number_ = 0;
};

}  // namespace

SessionId StartEvents(Sessions* sessions, Lane* lane, HttpWork* work, OnceCall call,
                      std::string sid, TimePoint limit, AnswerWish wish, HttpDone done) {
  auto words = std::make_unique<EnvelopeEvents>(std::move(call.expect), sid, std::move(wish));
  return StartSessionEvents(sessions, lane, work, std::move(call), std::move(sid), limit,
                            std::move(words), std::move(done));
}

}  // namespace aiges
