// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/scheduler.h"

#include <algorithm>
#include <cstdio>

#include "loader/api/codes.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/log.h"

namespace aiges {
namespace {

Status Stopping() {
  return Status::Error(StatusKind::kDisconnected,
                       "the service stops; drain_ms passed before the answer");
}

Status TimedOut() {
  return Status::Error(StatusKind::kDeadline, "service exec once request timeout");
}

uint64_t SlotsOf(unsigned instances, const Settings& settings) {
  const InstanceSettings& i = settings.instances;
  return uint64_t{instances} * std::max(i.threads, i.most_threads) * settings.batch.max_size;
}

// Names a payload in the log, so that a repeated one is recognised. Of a large one a MB is read,
// spread over all of it: this is done on the hub.
std::string PayloadHash(const Request& request) {
  constexpr size_t kBlock = 256;
  constexpr size_t kMostBlocks = 4096;
  uint64_t hash = 0;
  const auto add = [&hash](std::string_view bytes) { hash = KeyedHash(hash, bytes.size())(bytes); };
  const size_t blocks = kMostBlocks / std::max<size_t>(request.payloads.size(), 1) + 1;
  for (const Payload& p : request.payloads) {
    const std::string_view data = p.data.view();
    add(p.key);
    add(std::to_string(data.size()));
    if (data.size() <= blocks * kBlock) {
      add(data);
      continue;
    }
    for (size_t i = 0; i < blocks; ++i) {
      const size_t last = data.size() - kBlock;
      add(data.substr(blocks == 1 ? 0 : last / (blocks - 1) * i, kBlock));
    }
    add(data.substr(data.size() - kBlock));
  }
  char text[40];
  std::snprintf(text, sizeof text, "hash=%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

Scheduler::Scheduler(const Settings& settings, Workers* workers, const Clock* clock,
                     const Shared& shared)
    : workers_(*workers),
      clock_(*clock),
      instances_(settings.instances.count),
      licences_(settings.licences, shared.shares, settings.model.weight),
      own_failures_(shared.failures == nullptr ? std::make_unique<RecentFailures>() : nullptr),
      failures_(shared.failures == nullptr ? *own_failures_ : *shared.failures),
      ended_calls_(shared.calls),
      gate_(shared.gate),
      version_(shared.version),
      sessions_(settings, workers, clock, &licences_,
                {&failures_, shared.calls, shared.gate, shared.version}, shared.first),
      nested_line_(std::make_shared<NestedLine>(workers)),
      bounds_(settings.queue),
      exec_timeout_(settings.instances.exec_timeout_ms),
      idempotent_(settings.instances.idempotent),
      slots_(SlotsOf(instances_, settings)),
      next_id_(shared.first + 1) {}

void Scheduler::UseSettings(const Settings& settings) {
  licences_.SetMax(settings.licences);
  MutexLock lock(mu_);
  bounds_.max_requests = settings.queue.max_requests;
  exec_timeout_ = std::chrono::milliseconds(settings.instances.exec_timeout_ms);
  idempotent_ = settings.instances.idempotent;
  slots_ = SlotsOf(instances_, settings);
}

Status Scheduler::Admit(const Request& request, TimePoint now,
                        std::unique_ptr<Allowance>* allowance) {
  if (!closed_.ok()) return closed_;
  if (request.deadline <= now) return TimedOut();
  if (drain_until_ <= now) return Stopping();
  if (!workers_.Hopeful()) {
    return Status::Error(StatusKind::kDisconnected,
                         "no worker is up: the engine keeps failing, see the log of the service");
  }
  // Who waits for a nested call has a licence, and is bounded in how many it has open.
  const bool nested = request.path != nullptr;
  if (!nested && queue_.size() >= bounds_.max_requests) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("service license not enough: [queue] max_requests = ",
                                bounds_.max_requests, " calls are waiting"));
  }
  if (held_bytes_ + request.bytes() > bounds_.max_bytes) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("service license not enough: [queue] max_bytes = ",
                                bounds_.max_bytes, " would be passed"));
  }
  if (!nested && !licences_.Take()) return licences_.Refusal();
  if (gate_ == nullptr) return Status::Ok();
  // Last: a call that it lets in is counted.
  const Asking asking{name_, request.origin.get(), request.bytes(), false, nested};
  Status status = gate_->Admit(asking, allowance);
  if (!status.ok() && !nested) licences_.Return();
  return status;
}

void Scheduler::Enqueue(CallId id, Call& call) {
  call.state = State::kQueued;
  call.open = false;
  queue_.insert(queue_.end(), id);
  queued_bytes_ += call.bytes;
}

void Scheduler::Dequeue(CallId id, Call& call) {
  queue_.erase(id);
  queued_bytes_ -= call.bytes;
}

void Scheduler::Forget(Calls::iterator found, uint64_t bytes_out, std::chrono::nanoseconds engine) {
  const Call& call = found->second;
  held_bytes_ -= call.bytes;
  if (call.allowance != nullptr) {
    call.allowance->Charge(
        {call.bytes + call.parts_in + call.parts_out + bytes_out, engine, call.meters.get()});
  }
  const bool licensed = call.request.path == nullptr;
  calls_.erase(found);
  if (licensed) licences_.Return();
}

CallRecord Scheduler::RecordOf(const Request& request, uint64_t bytes_in) const {
  CallRecord record;
  record.protocol = request.protocol;
  record.bytes_in = bytes_in;
  record.id = ShortText<47>(request.shown_id());
  record.model = ShortText<47>(name_);
  record.version = ShortText<23>(version_);
  record.origin = request.origin;
  return record;
}

// The thread that answers; by then the rest of the record is known.
void Scheduler::Keep(CallRecord record, const Reply& reply, TimePoint now) {
  if (ended_calls_ == nullptr) return;
  record.ended = now;
  record.times = reply.times;
  for (const Payload& p : reply.payloads) record.bytes_out += p.data.size();
  record.outputs = reply.payloads.size();
  ended_calls_->Add(record);
}

Scheduler::Answer Scheduler::TakeAnswer(Call& call, Status status, TimePoint now,
                                        std::unique_ptr<FailedCall> failed) {
  ++answers_[failed == nullptr ? CodeOf(status) : kCodeExecFailed];
  Reply reply;
  reply.status = std::move(status);
  reply.times.queue = (call.state == State::kQueued ? now : call.sent) - call.request.arrived;
  // A client that has left is no failure of the service.
  if (!reply.status.ok() && reply.status.kind != StatusKind::kCancelled) {
    failed = std::make_unique<FailedCall>();
  }
  if (failed != nullptr) failed->handle = call.request.shown_id();
  Answer answer;
  answer.sink = std::move(call.sink);
  answer.reply = std::move(reply);
  answer.arrived = call.request.arrived;
  answer.failed = std::move(failed);
  if (ended_calls_ != nullptr) {
    answer.record = RecordOf(call.request, call.bytes + call.parts_in);
    answer.record.bytes_out = call.parts_out;
    answer.record.replayed = call.replayed;
    answer.record.gpus = call.place.gpus;
    answer.record.meters = call.meters;
  }
  return answer;
}

void Scheduler::TakeWhatFits(TimePoint now, std::vector<Sending>* out) {
  while (!queue_.empty()) {
    std::optional<Slot> slot = workers_.Reserve();
    if (!slot) return;
    const CallId id = *queue_.begin();
    Call& call = calls_.find(id)->second;
    Dequeue(id, call);
    call.state = State::kRunning;
    call.sent = now;
    call.place = slot->place();
    out->push_back({std::move(*slot), id, &call.request});
  }
}

CallId Scheduler::Submit(Request request, std::unique_ptr<ReplySink> sink) {
  const TimePoint now = clock_.Now();
  last_call_.store(now, std::memory_order_relaxed);
  std::vector<Sending> sending;
  CallId id = 0;
  Reply refusal;
  std::string refused;  // Its id, for people.
  CallRecord record;
  std::unique_ptr<ReplySink> refused_sink;
  {
    MutexLock lock(mu_);
    if (exec_timeout_.count() > 0 && !request.no_limit) {
      request.deadline = std::min(request.deadline, now + exec_timeout_);
    }
    std::unique_ptr<Allowance> allowance;
    refusal.status = Admit(request, now, &allowance);
    if (!refusal.status.ok()) {
      ++answers_[CodeOf(refusal.status)];
      refused = request.shown_id();
      refused_sink = std::move(sink);
      record = RecordOf(request, request.bytes());
      record.total = now - request.arrived;
      record.refused = true;
    } else {
      id = next_id_++;
      Call& call = calls_[id];
      call.bytes = request.bytes();
      call.allowance = std::move(allowance);
      held_bytes_ += call.bytes;
      call.request = std::move(request);
      call.sink = std::move(sink);
      deadlines_.emplace(call.request.deadline, id);
      if (deadlines_.begin()->second == id) workers_.SetAlarm(call.request.deadline);
      Enqueue(id, call);
      TakeWhatFits(now, &sending);
    }
  }
  if (refused_sink != nullptr) {
    record.code = CodeOf(refusal.status);
    record.failure =
        failures_.Add({FailureKind::kCall, record.code, -1, refused, refusal.status.text});
    Keep(record, refusal, now);
    refused_sink->Done(std::move(refusal));
  } else {
    Send(std::move(sending));
  }
  return id;
}

void Scheduler::Send(std::vector<Sending> sending) {
  // A running call's request stays where it is (the map never moves its values) until its result
  // or its loss comes through OnResults, which cannot happen before Send.
  for (Sending& s : sending) {
    const bool door = s.request->door != nullptr;
    s.slot.Send(s.id, *s.request);
    if (door) OpenDoor(s.id);
  }
}

// Parts that came before the call was sent follow it. Its result may be here by now.
void Scheduler::OpenDoor(CallId id) {
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.state != State::kRunning) return;
  Call& call = found->second;
  call.open = true;
  call.went_on = call.went_on || !call.parts.empty();
  for (const Payload& part : call.parts) workers_.SendPart(call.place, id, part);
  call.parts.clear();
}

void Scheduler::SendPart(CallId id, Payload part) {
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.state == State::kUnwanted) return;
  Call& call = found->second;
  call.parts_in += part.data.size();
  if (!call.open) return call.parts.push_back(std::move(part));
  call.went_on = true;
  workers_.SendPart(call.place, id, part);
}

void Scheduler::TookPart(CallId id, uint64_t bytes) {
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.open) return;
  workers_.TookPart(found->second.place, id, bytes);
}

void Scheduler::OnDoorEvents(std::vector<DoorEvent> events) {
  for (DoorEvent& event : events) {
    std::shared_ptr<DoorSink> door;
    {
      MutexLock lock(mu_);
      const auto found = calls_.find(event.call);
      if (found == calls_.end() || found->second.state != State::kRunning) continue;
      door = found->second.request.door;
      found->second.went_on = true;
      found->second.parts_out += event.part.data.size();
    }
    if (door == nullptr) continue;
    if (event.took > 0) {
      door->Took(event.took);
    } else {
      door->Part(std::move(event.part));
    }
  }
}

void Scheduler::GiveUp(CallId id, Status status, TimePoint now, std::vector<Answer>* out) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.state == State::kUnwanted) return;
  Call& call = found->second;
  deadlines_.erase({call.request.deadline, id});
  out->push_back(TakeAnswer(call, std::move(status), now));
  if (call.nests) out->back().nests = id;
  if (call.state == State::kQueued) {
    Dequeue(id, call);
    Forget(found);
  } else {
    call.state = State::kUnwanted;
    workers_.CancelCall(call.place, id);
  }
}

void Scheduler::Abort(CallId id) {
  std::vector<Answer> answers;
  {
    MutexLock lock(mu_);
    GiveUp(id, Status::Error(StatusKind::kCancelled, "the client is gone"), clock_.Now(), &answers);
  }
  Deliver(std::move(answers));
}

void Scheduler::OnAlarm(TimePoint now) {
  std::vector<Answer> answers;
  {
    MutexLock lock(mu_);
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      GiveUp(deadlines_.begin()->second, TimedOut(), now, &answers);
    }
    if (drain_until_ <= now) {
      while (!deadlines_.empty()) GiveUp(deadlines_.begin()->second, Stopping(), now, &answers);
    } else if (draining_) {
      workers_.SetAlarm(drain_until_);
    }
    if (!deadlines_.empty()) workers_.SetAlarm(deadlines_.begin()->first);
  }
  workers_.Flush();  // Asynchronous calls that were given up.
  Deliver(std::move(answers));
  sessions_.OnAlarm(now);
}

void Scheduler::BeginDrain(TimePoint until) {
  MutexLock lock(mu_);
  draining_ = true;
  drain_until_ = until;
  sessions_.BeginDrain(until);
  workers_.SetAlarm(until);
}

void Scheduler::Close(const Status& why) {
  std::vector<Answer> answers;
  {
    MutexLock lock(mu_);
    closed_ = why;
    draining_ = true;
    const TimePoint now = clock_.Now();
    while (!deadlines_.empty()) GiveUp(deadlines_.begin()->second, why, now, &answers);
  }
  workers_.Flush();
  Deliver(std::move(answers));
  sessions_.Close(why);
}

void Scheduler::OnCapacity() {
  std::vector<Sending> sending;
  std::vector<Answer> answers;
  const TimePoint now = clock_.Now();
  {
    MutexLock lock(mu_);
    TakeWhatFits(now, &sending);
    if (!workers_.Hopeful()) {
      while (!queue_.empty()) {
        GiveUp(
            *queue_.begin(),
            Status::Error(StatusKind::kDisconnected,
                          "no worker is up: the engine keeps failing, see the log of the service"),
            now, &answers);
      }
    }
  }
  sessions_.OnCapacity();
  Send(std::move(sending));
  workers_.Flush();
  Deliver(std::move(answers));
}

void Scheduler::Deliver(std::vector<Answer> answers) {
  for (Answer& answer : answers) {
    const StageTimes& t = answer.reply.times;
    histograms_.queue.Observe(t.queue);
    if (answer.reply.status.ok()) {
      histograms_.channel.Observe(t.channel);
      histograms_.engine.Observe(t.engine);
    }
    const TimePoint now = clock_.Now();
    const std::chrono::nanoseconds total = now - answer.arrived;
    answer.record.total = total;
    const size_t bucket = histograms_.total.Observe(total);
    const Origin* origin = answer.record.origin.get();
    if (origin != nullptr && origin->trace.sampled) {
      histograms_.examples.Observe(bucket, origin->trace, total);
    }
    if (!answer.reply.status.ok()) {
      failed_.fetch_add(1, std::memory_order_relaxed);
      failed_ns_.fetch_add(static_cast<uint64_t>(total.count()), std::memory_order_relaxed);
      failed_queue_ns_.fetch_add(static_cast<uint64_t>(t.queue.count()), std::memory_order_relaxed);
    }
    if (answer.failed != nullptr) {
      const FailedCall& f = *answer.failed;
      const Status& status = answer.reply.status;
      const bool noted = status.ok();
      answer.record.code = noted ? kCodeExecFailed : CodeOf(status);
      answer.record.instance = f.instance;
      answer.record.failure = failures_.Add({FailureKind::kCall, answer.record.code, f.instance,
                                             f.handle, noted ? f.fault : status.text, f.detail});
    } else if (!answer.reply.status.ok()) {
      answer.record.code = CodeOf(answer.reply.status);  // The client has left.
    }
    Keep(answer.record, answer.reply, now);
    if (answer.poison != nullptr) {
      const Request& request = *answer.poison;
      LogError("scheduler", "quarantine: call ", request.shown_id(),
               " was in two workers that died, and is not run again; payload ",
               PayloadHash(request), ", ", request.bytes(), " bytes; ", answer.reply.status.text);
    }
    if (answer.nests != 0) nested_->CallerOver(answer.nests);
    answer.sink->Done(std::move(answer.reply));
  }
}

void Scheduler::OnDeath(WorkerDeath death) {
  failures_.Add(
      {FailureKind::kWorker, 0, static_cast<int>(death.instance), {}, death.why, death.output});
}

bool Scheduler::Ready() const { return !draining_ && workers_.ReadyCount() > 0; }

bool Scheduler::Idle() const {
  MutexLock lock(mu_);
  return calls_.empty() && sessions_.Idle();
}

LoadReport Scheduler::Load() const {
  MutexLock lock(mu_);
  LoadReport load;
  load.used = licences_.used();
  load.slots = slots_;
  load.queued = queue_.size();
  for (const auto& [code, count] : answers_) {
    load.answered += count;
    if (code != 0) load.failed += count;
  }
  return load;
}

ModelFigures Scheduler::Figures() const {
  const auto nanoseconds = [](const LatencyHistogram& h) {
    return std::chrono::nanoseconds(static_cast<int64_t>(h.sum_seconds() * 1e9));
  };
  ModelFigures f;
  for (size_t i = 0; i <= LatencyHistogram::kBounds.size(); ++i) {
    f.succeeded += histograms_.engine.count(i);
  }
  f.failed = failed_;
  f.failed_time = std::chrono::nanoseconds(failed_ns_);
  f.succeeded_time = nanoseconds(histograms_.total) - f.failed_time;
  f.queue = nanoseconds(histograms_.queue) - std::chrono::nanoseconds(failed_queue_ns_);
  f.channel = nanoseconds(histograms_.channel);
  f.engine = nanoseconds(histograms_.engine);
  const TimePoint last = last_call_;
  if (last != TimePoint{}) {
    const auto at = std::chrono::system_clock::now() - (clock_.Now() - last);
    f.last_unix_ms = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
  }
  MutexLock lock(mu_);
  f.batches = batches_;
  return f;
}

QueueReport Scheduler::Report() const {
  MutexLock lock(mu_);
  QueueReport report;
  report.in_flight = licences_.used();
  report.running = calls_.size() - queue_.size();
  report.queued = queue_.size();
  report.queued_bytes = queued_bytes_;
  report.licences = licences_.max();
  report.unwanted = unwanted_;
  report.replayed = replayed_;
  report.batches = batches_;
  report.answers = answers_;
  return report;
}

}  // namespace aiges
