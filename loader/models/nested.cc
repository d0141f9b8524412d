// SPDX-License-Identifier: Apache-2.0
#include "loader/models/nested.h"

#include <algorithm>
#include <cstring>

#include "loader/base/random.h"

namespace aiges {
namespace {

// Different models that are called, or refused: what a loader counts is bounded.
constexpr size_t kMostPairs = 10'000;

// How the parameter ":oip" begins where a front has looked at the inputs (protocols/oip).
constexpr std::string_view kChecked = "{\"checked\":true,";

size_t BytesOf(const std::vector<Payload>& payloads) {
  size_t bytes = 0;
  for (const Payload& p : payloads) bytes += p.data.size();
  return bytes;
}

// Large data into memory that those who get it can read.
template <class Allocate>
void Copy(std::vector<Payload>* payloads, const Allocate& allocate) {
  for (Payload& p : *payloads) {
    if (p.data.size() < kSharedThreshold) continue;
    Buffer buffer = allocate(p.data.size());
    std::memcpy(buffer.data, p.data.data(), p.data.size());
    p.data = std::move(buffer).Freeze();
  }
}

// Clients name sessions by their handle, so that of a nested one must not be guessed.
std::string NewHandle() { return StrCat("nested-", RandomBits(), "-", RandomBits()); }

std::string Shown(const CallPath& path, std::string_view model) {
  std::string text;
  for (const std::string& name : path.models) StrAppend(&text, name, " -> ");
  return StrCat(text, model);
}

// Of a nested call: within what its parameters say, which are those of the call that waits for it
// unless the engine has a span of its own.
OriginRef OriginOf(const OriginRef& caller, Pairs* params) {
  if (caller == nullptr || !caller->trace.sampled) return caller;
  auto origin = std::make_shared<Origin>(*caller);
  TraceContext& trace = origin->trace;
  const auto said = std::find_if(params->begin(), params->end(),
                                 [](const auto& p) { return p.first == "traceparent"; });
  if (said == params->end() || !ReadTraceParent(said->second, &trace)) return caller;
  trace.span = trace.sampled ? RandomBits() : 0;
  origin->asked = nullptr;
  said->second = TraceParentOf(origin.get());
  return origin;
}

void AddMissing(const Pairs& more, Pairs* params) {
  // Who calls, and what has been checked, is the loader's to say.
  std::erase_if(*params, [](const auto& p) { return p.first == ":caller"; });
  for (auto& [key, value] : *params) {
    if (key == ":oip" && value.starts_with(kChecked))
      value = StrCat("{", value.substr(kChecked.size()));
  }
  for (const auto& [key, value] : more) {
    if (Find(*params, key) == nullptr) params->emplace_back(key, value);
  }
}

}  // namespace

struct Nested::Open {
  std::shared_ptr<NestedLine> line;
  Place place;
  uint64_t id;
  uint64_t caller;
  std::string from, to;
  TimePoint deadline;
  bool session;

  // With mu_.
  bool over = false;
  uint64_t call = 0;  // Or session, that runs for it.
  uint32_t credit = 0;
  bool polling = false;
  unsigned copies = 0;  // On their way: what follows waits behind them.
};

template <class Work>
void Nested::Carry(const OpenPtr& open, size_t bytes, Work work) {
  {
    MutexLock lock(mu_);
    if (bytes > kCopyAtOnce || open->copies > 0) {
      ++open->copies;
      copies_.Post([this, open, shared = std::make_shared<Work>(std::move(work))] {
        (*shared)();
        service_.Flush();
        MutexLock done(mu_);
        --open->copies;
      });
      return;
    }
  }
  work();
}

class Nested::AnswerSink : public ReplySink {
 public:
  AnswerSink(Nested* nested, OpenPtr open) : nested_(*nested), open_(std::move(open)) {}
  void Done(Reply reply) override {
    if (!nested_.TakeOut(open_, !reply.status.ok())) return;
    nested_.Send(open_, {std::move(reply.status), std::move(reply.payloads), true});
  }

 private:
  Nested& nested_;
  const OpenPtr open_;
};

class Nested::BatchSink : public OutputSink {
 public:
  BatchSink(Nested* nested, OpenPtr open) : nested_(*nested), open_(std::move(open)) {}
  void Done(SessionOutput output) override { nested_.OnBatches(open_, std::move(output)); }

 private:
  Nested& nested_;
  const OpenPtr open_;
};

Status Nested::Allow(const NestedEvent& call, const NestedCaller& caller, ModelRef* model) const {
  if (!caller.status.ok()) return caller.status;
  Status status = models_.FindNested(call.model, call.version, model);
  if (!status.ok()) return status;
  const std::string& name = (*model)->name();
  if (caller.path == nullptr) return status;
  const std::vector<std::string>& waiting = caller.path->models;
  if (std::find(waiting.begin(), waiting.end(), name) == waiting.end()) return status;
  return Status::Error(
      StatusKind::kInvalid,
      StrCat("a model may not wait for itself, and this call would: ", Shown(*caller.path, name)));
}

void Nested::Begin(const std::shared_ptr<NestedLine>& line, Place place, NestedEvent call,
                   NestedCaller caller) {
  ModelRef model;
  Status status = Allow(call, caller, &model);
  auto open = std::make_shared<Open>();
  open->line = line;
  open->place = place;
  open->id = call.id;
  open->caller = caller.id;
  open->from = std::move(caller.name);
  open->to = model == nullptr ? std::string() : model->name();
  open->session = call.credit > 0;
  open->credit = call.credit;
  const TimePoint now = clock_.Now();
  open->deadline = std::min(call.deadline, caller.deadline);
  if (open->deadline == TimePoint::max()) open->deadline = now + default_timeout_;
  {
    MutexLock lock(mu_);
    open_[KeyOf(line.get(), place, open->id)] = open;
    if (open->caller != 0) by_caller_.emplace(open->caller, open);
  }
  if (!status.ok()) return Fail(open, std::move(status));
  AddMissing(caller.params, &call.params);
  for (Payload& p : call.payloads) p.status = DataStatus::kOnce;
  const size_t bytes = BytesOf(call.payloads);
  Request request;
  request.origin = OriginOf(caller.origin, &call.params);
  request.model = model;
  request.path = std::move(caller.path);
  request.handle = NewHandle();
  request.protocol = "model";
  request.request_id = std::move(caller.request_id);
  request.params = std::move(call.params);
  request.payloads = std::move(call.payloads);
  request.arrived = now;
  request.deadline = open->deadline;
  Carry(open, bytes, [this, open, request = std::move(request)]() mutable {
    Copy(&request.payloads, [&](size_t size) { return allocate_(*request.model, size); });
    if (!open->session) return Submit(open, std::move(request));
    SessionRequest session;
    session.model = std::move(request.model);
    session.path = std::move(request.path);
    session.origin = std::move(request.origin);
    session.handle = std::move(request.handle);
    session.request_id = std::move(request.request_id);
    session.protocol = request.protocol;
    session.params = std::move(request.params);
    session.output_batches = std::max(open->credit, 1u);
    session.idle_limit =
        std::max<Duration>(open->deadline - request.arrived, std::chrono::milliseconds(1));
    OpenSession(open, std::move(session), std::move(request.payloads));
  });
}

void Nested::Submit(const OpenPtr& open, Request request) {
  Runs(open, service_.Submit(std::move(request), std::make_unique<AnswerSink>(this, open)));
}

void Nested::Runs(const OpenPtr& open, uint64_t call) {
  bool over = false;
  {
    MutexLock lock(mu_);
    open->call = call;
    over = open->over;
  }
  if (over && call != 0) Abort(*open);
}

void Nested::OpenSession(const OpenPtr& open, SessionRequest request,
                         std::vector<Payload> payloads) {
  SessionId id = 0;
  Status status = sessions_.Open(std::move(request), &id);
  if (!status.ok()) return Fail(open, std::move(status));
  Runs(open, id);
  status = sessions_.Write(id, 0, std::move(payloads), {});
  if (!status.ok()) {
    sessions_.Abort(id);
    return Fail(open, std::move(status));
  }
  Poll(open);
}

void Nested::Poll(const OpenPtr& open) {
  uint32_t credit = 0;
  {
    MutexLock lock(mu_);
    if (open->over || open->call == 0 || open->credit == 0 || std::exchange(open->polling, true)) {
      return;
    }
    credit = open->credit;
  }
  sessions_.Poll(open->call, credit, open->deadline, std::make_unique<BatchSink>(this, open));
}

void Nested::OnBatches(const OpenPtr& open, SessionOutput output) {
  const bool ended = output.last || !output.status.ok();
  const bool late = !ended && output.batches.empty();
  {
    MutexLock lock(mu_);
    if (open->over) return;
    open->polling = false;
    open->credit -= std::min(open->credit, static_cast<uint32_t>(output.batches.size()));
    if (ended) TakeOutLocked(open, !output.status.ok());
  }
  for (size_t i = 0; i < output.batches.size(); ++i) {
    const bool last = output.last && i + 1 == output.batches.size();
    Send(open, {Status::Ok(), std::move(output.batches[i]), last});
  }
  if (!output.status.ok() || (output.last && output.batches.empty())) {
    return Send(open, {std::move(output.status), {}, true});
  }
  if (late) {
    Abort(*open);
    return Fail(open, Status::Error(StatusKind::kDeadline,
                                    "the time for the session of the other model is up"));
  }
  if (!ended) Poll(open);
}

void Nested::Credit(const NestedLine* line, Place place, uint64_t id, uint32_t answers) {
  OpenPtr open;
  {
    MutexLock lock(mu_);
    const auto found = open_.find(KeyOf(line, place, id));
    if (found == open_.end() || !found->second->session) return;
    open = found->second;
    // Whatever the worker says: no more than its window.
    open->credit += std::min(answers, kNestedWindow - std::min(open->credit, kNestedWindow));
  }
  Poll(open);
}

bool Nested::TakeOut(const OpenPtr& open, bool failed) {
  MutexLock lock(mu_);
  return TakeOutLocked(open, failed);
}

bool Nested::TakeOutLocked(const OpenPtr& open, bool failed) {
  if (std::exchange(open->over, true)) return false;
  open_.erase(KeyOf(open->line.get(), open->place, open->id));
  const auto [first, last] = by_caller_.equal_range(open->caller);
  const auto same = std::find_if(first, last, [&](const auto& e) { return e.second == open; });
  if (same != last) by_caller_.erase(same);
  // Of a model that is not there nothing is counted.
  if (open->to.empty()) return true;
  const auto pair = std::make_pair(open->from, open->to);
  if (counts_.size() >= kMostPairs && counts_.count(pair) == 0) return true;
  Counts& counts = counts_[pair];
  ++counts.calls;
  if (failed) ++counts.failures;
  return true;
}

void Nested::Abort(const Open& open) {
  if (open.session) {
    sessions_.Abort(open.call);
  } else {
    service_.Abort(open.call);
  }
}

void Nested::Fail(const OpenPtr& open, Status status) {
  if (TakeOut(open, true)) Send(open, {std::move(status), {}, true});
}

void Nested::End(const NestedLine* line, Place place, uint64_t id) {
  OpenPtr open;
  uint64_t call = 0;
  {
    MutexLock lock(mu_);
    const auto found = open_.find(KeyOf(line, place, id));
    if (found == open_.end()) return;
    open = found->second;
    call = open->call;
    TakeOutLocked(open, true);
  }
  if (call != 0) Abort(*open);
}

void Nested::CallerOver(uint64_t caller) {
  std::vector<std::pair<OpenPtr, uint64_t>> all;
  {
    MutexLock lock(mu_);
    const auto [first, last] = by_caller_.equal_range(caller);
    for (auto each = first; each != last; ++each) all.emplace_back(each->second, 0);
    for (auto& [open, call] : all) {
      call = open->call;
      TakeOutLocked(open, true);
    }
  }
  for (const auto& [open, call] : all) {
    if (call != 0) Abort(*open);
    Send(open, {Status::Error(StatusKind::kCancelled,
                              "the call that waits for this one is over: its time was up, its "
                              "client is gone, or it has been answered"),
                {},
                true});
  }
}

void Nested::PlaceGone(const NestedLine* line, Place place) {
  std::vector<std::pair<OpenPtr, uint64_t>> all;
  {
    MutexLock lock(mu_);
    const auto first = open_.lower_bound(KeyOf(line, place, 0));
    const auto last = open_.upper_bound(KeyOf(line, place, UINT64_MAX));
    for (auto each = first; each != last; ++each) {
      all.emplace_back(each->second, each->second->call);
    }
    for (const auto& [open, call] : all) TakeOutLocked(open, true);
  }
  for (const auto& [open, call] : all) {
    if (call != 0) Abort(*open);
  }
}

void Nested::Send(const OpenPtr& open, NestedAnswer answer) {
  const size_t bytes = BytesOf(answer.payloads);
  Carry(open, bytes, [open, answer = std::move(answer)]() mutable {
    open->line->Answer(open->place, open->id, std::move(answer),
                       [](BufferPool* memory, std::vector<Payload>* payloads) {
                         Copy(payloads, [memory](size_t size) { return memory->Allocate(size); });
                       });
  });
}

std::vector<CallsBetween> Nested::Report() const {
  MutexLock lock(mu_);
  std::vector<CallsBetween> report;
  for (const auto& [pair, counts] : counts_) {
    report.push_back({pair.first, pair.second, counts.calls, counts.failures});
  }
  return report;
}

}  // namespace aiges
