// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/session_table.h"

#include <algorithm>
#include <optional>

#include "loader/api/codes.h"

namespace aiges {
namespace {

Status Stopping() {
  return Status::Error(StatusKind::kDisconnected,
                       "the service stops; drain_ms passed before the end of the session");
}

Status Unknown(const std::string& handle) {
  return Status::Error(StatusKind::kInvalid,
                       StrCat("service instance invalid: no session has the handle ", handle),
                       kCodeInvalidHandle);
}

Status Released() {
  return Status::Error(StatusKind::kInvalid,
                       "service instance inactive, already release: the session is over",
                       kCodeSessionReleased);
}

size_t BytesOf(const std::vector<Payload>& payloads) {
  size_t n = 0;
  for (const Payload& p : payloads) n += p.data.size();
  return n;
}

}  // namespace

SessionTable::SessionTable(const Settings& settings, Workers* workers, const Clock* clock,
                           Licences* licences, const Memory& memory, SessionId first)
    : max_bytes_(settings.queue.max_bytes),
      waits_(settings.catalogue.on()),
      workers_(*workers),
      clock_(*clock),
      licences_(*licences),
      failures_(*memory.failures),
      ended_calls_(memory.calls),
      gate_(memory.gate),
      version_(memory.version),
      next_id_((SessionId{1} << 63) + first + 1) {}

void SessionTable::Run(After after) {
  if (after.flush) workers_.Flush();
  for (const SessionId session : after.nests) nested_->CallerOver(session);
  for (auto& taken : after.taken) taken();
  for (auto& [sink, output] : after.outputs) sink->Done(std::move(output));
}

Status SessionTable::Open(SessionRequest request, SessionId* id) {
  const std::string shown = request.shown_id();
  CallRecord record;
  record.protocol = request.protocol;
  record.origin = request.origin;
  Status status;
  {
    MutexLock lock(mu_);
    status = TryOpen(std::move(request), id);
  }
  if (!status.ok()) {
    record.code = CodeOf(status);
    record.refused = true;
    record.failure = failures_.Add({FailureKind::kSession, record.code, -1, shown, status.text});
    Keep(record, shown, clock_.Now());
  }
  return status;
}

Status SessionTable::TryOpen(SessionRequest request, SessionId* id) {
  if (!closed_.ok()) return closed_;
  if (drain_until_ <= clock_.Now()) return Stopping();
  if (handles_.Find(request.handle)) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("service license not enough: the handle ", request.handle,
                                " is that of a live session"));
  }
  const std::optional<Place> place = workers_.PlaceSession();
  if (!place && !(waits_ && workers_.Hopeful())) {
    return Status::Error(StatusKind::kDisconnected, "no worker is ready to take a session");
  }
  const bool licensed = request.path == nullptr;  // Who waits for a nested one holds one.
  if (licensed && !licences_.Take()) return licences_.Refusal();
  std::unique_ptr<Allowance> allowance;
  if (gate_ != nullptr) {
    // Last: a session that it lets in is counted.
    const Asking asking{name_, request.origin.get(), 0, true, !licensed};
    if (Status status = gate_->Admit(asking, &allowance); !status.ok()) {
      if (licensed) licences_.Return();
      return status;
    }
  }
  const SessionId made = next_id_++;
  Session& session = sessions_[made];
  session.passed = PassedOn(request.params);
  session.request = std::move(request);
  session.placed = place.has_value();
  session.record.protocol = session.request.protocol;
  session.record.origin = session.request.origin;
  session.begun = clock_.Now();
  if (place && !OpenAt(*place, made, session)) {
    if (licensed) licences_.Return();
    sessions_.erase(made);
    return Status::Error(StatusKind::kDisconnected, "the worker died before it got the session");
  }
  if (!place) waiting_.insert(made);
  session.allowance = std::move(allowance);
  ++report_.opened;
  handles_.Add(session.request.handle, made);
  Touch(session);
  SetTimer(made, session);
  *id = made;
  return Status::Ok();
}

bool SessionTable::OpenAt(Place place, SessionId id, Session& session) {
  SessionStart start{session.request.handle, std::move(session.request.params),
                     std::move(session.request.psr_ids), session.request.output_batches};
  if (!workers_.OpenSession(place, id, start)) {
    session.request.params = std::move(start.params);
    session.request.psr_ids = std::move(start.psr_ids);
    return false;
  }
  session.place = place;
  session.placed = true;
  unflushed_ = true;
  return true;
}

void SessionTable::OnCapacity() {
  After after;
  {
    MutexLock lock(mu_);
    while (!waiting_.empty()) {
      const std::optional<Place> place = workers_.PlaceSession();
      if (!place) break;
      const SessionId id = *waiting_.begin();
      Session& session = sessions_.find(id)->second;
      if (!OpenAt(*place, id, session)) break;
      waiting_.erase(id);
      for (const Sent& sent : session.sent) {
        workers_.WriteSession(*place, id, sent.payloads);  // False: kLost is on its way.
      }
      after.flush = true;
    }
    if (after.flush) unflushed_ = false;
    if (!waiting_.empty() && !workers_.Hopeful()) {
      FailThese({waiting_.begin(), waiting_.end()},
                Status::Error(StatusKind::kDisconnected,
                              "no worker is up: the engine keeps failing, see the log of the "
                              "service"),
                &after);
    }
  }
  Run(std::move(after));
}

Status SessionTable::Write(SessionId id, int sync_id, std::vector<Payload> payloads,
                           std::function<void()> taken) {
  After after;
  Status status;
  {
    MutexLock lock(mu_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.over) return Released();
    Session& session = found->second;
    after.flush = std::exchange(unflushed_, false);
    Touch(session);
    if (!session.failure.ok() && session.output.empty()) {
      status = session.failure;
      Finish(id, session, true, &after);
    } else if (status = CheckRoom(session, BytesOf(payloads)); !status.ok()) {
      // The session goes on; what was opened or written before still leaves.
    } else if (!session.request.ordered) {
      Send(id, session, std::move(payloads), std::move(taken), &after);
    } else {
      const size_t bytes = BytesOf(payloads);
      std::optional<Waiting> left_out =
          session.early.Put(sync_id, {std::move(payloads), std::move(taken), bytes});
      if (!left_out) {
        input_bytes_ += bytes;
        SendInOrder(id, session, &after);
      } else if (left_out->taken) {  // Too late, or it is there already.
        after.taken.push_back(std::move(left_out->taken));
      }
    }
    Settle(id);
  }
  Run(std::move(after));
  return status;
}

Status SessionTable::CheckRoom(const Session& session, size_t bytes) const {
  const size_t packets = session.sent.size() + session.early.waiting();
  if (packets >= kMostInput) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("input buffer full: the engine has not taken ", packets,
                                " packets of this session"));
  }
  if (input_bytes_ + bytes > max_bytes_) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("input buffer full: the engines have not taken ", input_bytes_,
                                " bytes, [queue] max_bytes = ", max_bytes_, " would be passed"));
  }
  return Status::Ok();
}

void SessionTable::Send(SessionId id, Session& session, std::vector<Payload> payloads,
                        std::function<void()> taken, After* after) {
  if (payloads.empty() || session.closing) {  // Or the engine has ended: input is for nobody.
    if (taken) after->taken.push_back(std::move(taken));
    return;
  }
  Sent& sent = session.sent.emplace_back();
  sent.payloads = std::move(payloads);
  sent.taken = std::move(taken);
  sent.bytes = BytesOf(sent.payloads);
  session.record.bytes_in += sent.bytes;
  input_bytes_ += sent.bytes;
  if (!session.placed) return;
  workers_.WriteSession(session.place, id, sent.payloads);  // False: kLost is on its way.
  after->flush = true;
}

void SessionTable::SendInOrder(SessionId id, Session& session, After* after) {
  while (std::optional<Waiting> packet = session.early.Take()) {
    input_bytes_ -= packet->bytes;  // Send counts it anew.
    Send(id, session, std::move(packet->payloads), std::move(packet->taken), after);
  }
  if (session.early.waiting() == 0) {
    session.gap_until = TimePoint::max();
  } else if (session.gap_until == TimePoint::max()) {
    session.gap_until = clock_.Now() + kGapLimit;
  }
}

void SessionTable::Poll(SessionId id, size_t max_batches, TimePoint until,
                        std::unique_ptr<OutputSink> sink) {
  After after;
  {
    MutexLock lock(mu_);
    after.flush = std::exchange(unflushed_, false);
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.over) {
      SessionOutput output;
      output.status = Released();
      after.outputs.emplace_back(std::move(sink), std::move(output));
    } else {
      Session& session = found->second;
      Touch(session);
      Poller poller{std::move(sink), std::max<size_t>(max_batches, 1), until};
      const bool something = !session.output.empty() || session.ended || !session.failure.ok();
      if (something || until <= clock_.Now()) {
        Answer(id, session, std::move(poller), &after);
      } else {
        std::swap(session.poller, poller);
        if (poller.sink != nullptr) {
          after.outputs.emplace_back(std::move(poller.sink), SessionOutput());
        }
      }
      Settle(id);
    }
  }
  Run(std::move(after));
}

void SessionTable::Answer(SessionId id, Session& session, Poller poller, After* after) {
  SessionOutput output;
  while (!session.output.empty() && output.batches.size() < poller.max_batches) {
    const size_t bytes = BytesOf(session.output.front());
    session.output_bytes -= bytes;
    output_bytes_ -= bytes;
    session.record.bytes_out += bytes;
    output.batches.push_back(std::move(session.output.front()));
    session.output.pop_front();
  }
  const auto taken = static_cast<unsigned>(output.batches.size());
  report_.batches += taken;
  session.record.outputs += taken;
  session.polled += taken;
  if (session.polled * 2 >= session.request.output_batches && !session.closing) {
    workers_.CreditSession(session.place, id, std::exchange(session.polled, 0));
    after->flush = true;
  }
  if (session.output.empty() && output.batches.empty()) output.status = session.failure;
  output.last = session.output.empty() && session.ended;
  const bool over = output.last || !output.status.ok();
  Touch(session);
  after->outputs.emplace_back(std::move(poller.sink), std::move(output));
  if (over) Finish(id, session, true, after);
}

void SessionTable::EndPoll(SessionId id) {
  After after;
  {
    MutexLock lock(mu_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.poller.sink == nullptr) return;
    after.outputs.emplace_back(std::move(found->second.poller.sink), SessionOutput());
    found->second.poller = Poller();
    Touch(found->second);
    Settle(id);
  }
  Run(std::move(after));
}

void SessionTable::Abort(SessionId id) {
  After after;
  {
    MutexLock lock(mu_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.over) return;
    Session& session = found->second;
    ++report_.aborted;
    if (session.poller.sink != nullptr) {
      SessionOutput output;
      output.status = Status::Error(StatusKind::kCancelled, "the client is gone");
      after.outputs.emplace_back(std::move(session.poller.sink), std::move(output));
    }
    Finish(id, session, true, &after);
    Settle(id);
  }
  Run(std::move(after));
}

Status SessionTable::Find(const std::string& handle, SessionId* id) {
  MutexLock lock(mu_);
  const std::optional<SessionId> found = handles_.Find(handle);
  if (!found) return handles_.WasReleased(handle) ? Released() : Unknown(handle);
  *id = *found;
  return Status::Ok();
}

void SessionTable::Apply(SessionEvent& event, std::set<SessionId>* changed, After* after) {
  const auto found = sessions_.find(event.session);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  changed->insert(event.session);
  switch (event.kind) {
    case SessionEvent::Kind::kItem:
      if (session.over || session.ended || !session.failure.ok()) {
        ++report_.dropped;  // For nobody.
        return;
      }
      if (!event.status.ok()) {
        return Fail(event.session, session, std::move(event.status), &event, after);
      }
      session.output_bytes += BytesOf(event.payloads);
      output_bytes_ += BytesOf(event.payloads);
      session.output.push_back(std::move(event.payloads));
      if (!event.last) return;
      session.ended = true;
      DropInput(session, after);
      return Close(event.session, session, after);
    case SessionEvent::Kind::kTaken:
      for (unsigned i = 0; i < event.writes && !session.sent.empty(); ++i) {
        Sent& sent = session.sent.front();
        input_bytes_ -= sent.bytes;
        if (sent.taken) after->taken.push_back(std::move(sent.taken));
        session.sent.pop_front();
      }
      return;
    case SessionEvent::Kind::kLost:
    case SessionEvent::Kind::kClosed:
      session.gone = true;
      if (event.kind == SessionEvent::Kind::kLost) {
        session.closing = true;
        Fail(event.session, session, std::move(event.status), &event, after);
      }
      return LetGo(session, after);
  }
}

void SessionTable::LetGo(Session& session, After* after) {
  session.gone = true;
  for (Sent& sent : session.sent) {
    input_bytes_ -= sent.bytes;
    if (sent.taken) after->taken.push_back(std::move(sent.taken));
  }
  session.sent.clear();
  if (session.request.path == nullptr) licences_.Return();
}

void SessionTable::OnMeter(SessionId id, std::string_view key, uint64_t count) {
  MutexLock lock(mu_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.accounted) return;
  std::shared_ptr<MeterCounts>& meters = found->second.meters;
  if (meters == nullptr) meters = std::make_shared<MeterCounts>();
  meters->Add(key, count);
}

void SessionTable::OnEvents(std::vector<SessionEvent> events) {
  After after;
  {
    MutexLock lock(mu_);
    std::set<SessionId> changed;
    for (SessionEvent& event : events) Apply(event, &changed, &after);
    for (const SessionId id : changed) {
      Session& session = sessions_.find(id)->second;
      const bool something = !session.output.empty() || session.ended || !session.failure.ok();
      if (session.poller.sink != nullptr && something) {
        Answer(id, session, std::move(session.poller), &after);
        session.poller = Poller();
      }
      Settle(id);
    }
    BoundOutput(&after);
  }
  Run(std::move(after));
}

void SessionTable::Touch(Session& session) {
  if (session.request.idle_limit > Duration::zero()) {
    session.idle_at = clock_.Now() + session.request.idle_limit;
  }
}

void SessionTable::SetTimer(SessionId id, Session& session) {
  TimePoint next = session.over ? TimePoint::max()
                                : std::min(session.gap_until, session.poller.sink != nullptr
                                                                  ? session.poller.until
                                                                  : session.idle_at);
  if (next == session.timer) return;
  if (session.timer != TimePoint::max()) timers_.erase({session.timer, id});
  session.timer = next;
  if (next == TimePoint::max()) return;
  timers_.emplace(next, id);
  if (timers_.begin()->second == id) workers_.SetAlarm(next);
}

void SessionTable::Settle(SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  SetTimer(id, found->second);
  if (!found->second.over || !found->second.gone) return;
  Account(found->second);
  sessions_.erase(found);
}

void SessionTable::OnTimer(SessionId id, Session& session, TimePoint now, After* after) {
  if (session.gap_until <= now) {
    session.gap_until = TimePoint::max();
    session.early.SkipGap();
    SendInOrder(id, session, after);
  }
  if (session.poller.sink != nullptr) {
    if (session.poller.until > now) return;
    Answer(id, session, std::move(session.poller), after);
    session.poller = Poller();
  } else if (session.idle_at <= now && !session.over) {
    ++report_.expired;
    Finish(id, session, false, after);
  }
}

void SessionTable::OnAlarm(TimePoint now) {
  After after;
  {
    MutexLock lock(mu_);
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const SessionId id = timers_.begin()->second;
      Session& session = sessions_.find(id)->second;
      timers_.erase(timers_.begin());
      session.timer = TimePoint::max();
      OnTimer(id, session, now, &after);
      Settle(id);
    }
    if (drain_until_ <= now) FailAll(Stopping(), &after);
    if (!timers_.empty()) workers_.SetAlarm(timers_.begin()->first);
  }
  Run(std::move(after));
}

void SessionTable::FailAll(const Status& why, After* after) {
  std::vector<SessionId> open;
  for (auto& [id, session] : sessions_) {
    if (!session.over) open.push_back(id);
  }
  FailThese(open, why, after);
}

void SessionTable::FailThese(const std::vector<SessionId>& ids, const Status& why, After* after) {
  for (const SessionId id : ids) {
    Session& session = sessions_.find(id)->second;
    Fail(id, session, why, nullptr, after);
    if (session.poller.sink != nullptr) {
      Answer(id, session, std::move(session.poller), after);
      session.poller = Poller();
    }
    Settle(id);
  }
}

void SessionTable::Close(const Status& why) {
  After after;
  {
    MutexLock lock(mu_);
    closed_ = why;
    FailAll(why, &after);
    for (auto& [id, session] : sessions_) Account(session);  // Of what has not been let go of.
  }
  Run(std::move(after));
}

void SessionTable::BeginDrain(TimePoint until) {
  MutexLock lock(mu_);
  drain_until_ = until;
}

bool SessionTable::Idle() const {
  MutexLock lock(mu_);
  return sessions_.empty();
}

SessionsReport SessionTable::Report() const {
  MutexLock lock(mu_);
  SessionsReport report = report_;
  report.open = handles_.live();
  report.input_bytes = input_bytes_;
  return report;
}

}  // namespace aiges
