// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/instance.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"

namespace aiges {
namespace {

// What a pipe holds, and a little: a process that is dead writes no more, one that it has left
// behind may.
constexpr size_t kLastWords = 128 * 1024;

}  // namespace

Instance::Instance(unsigned place, unsigned number, const Clock& clock)
    : place_(place),
      number_(number),
      clock_(clock),
      outgoing_(clock),
      lines_(StrCat("worker", number)) {
  report_.index = number;
}

void Instance::SetState(InstanceState state) {
  report_.state = state;
  state_.store(state, std::memory_order_release);
}

unsigned Instance::FreeCredit(unsigned* outstanding) const {
  if (state() != InstanceState::kReady) return 0;
  MutexLock lock(credit_mu_);
  *outstanding = credit_.outstanding();
  return credit_.free();
}

std::optional<uint64_t> Instance::TakeCredit() {
  MutexLock lock(credit_mu_);
  return credit_.Take();
}

void Instance::ReturnCredit(uint64_t generation) {
  MutexLock lock(credit_mu_);
  credit_.Return(generation);
}

Sent Instance::Send(uint64_t generation, uint64_t call, const Request& request,
                    const Arena& memory) {
  const Sent sent = outgoing_.Call(generation, call, request, memory);
  if (sent == Sent::kTooLarge) ReturnCredit(generation);
  return sent;
}

InstanceReport Instance::Report() const {
  MutexLock lock(credit_mu_);
  InstanceReport report = report_;
  report.outstanding = credit_.outstanding();
  report.window = credit_.window();
  return report;
}

Status Instance::Start(ProcessFactory& processes, const SpawnPlan& plan,
                       const std::string& init_frame, unsigned door_calls) {
  Status status;
  door_calls_ = door_calls;
  starting_ = engine_up_ = retiring_ = told_to_finish_ = false;
  started_ = clock_.Now();
  start_error_.clear();
  kill_reason_.clear();
  lines_.ForgetTail();
  input_ = FrameInput();
  gpus_.store(static_cast<unsigned>(plan.gpus.size()), std::memory_order_relaxed);
  process_ = processes.Spawn(plan, &status);
  uint64_t generation = 0;
  {
    MutexLock lock(credit_mu_);
    generation = credit_.Begin();
    ++report_.starts;
    report_.gpus = plan.gpus;
    report_.pid = process_ == nullptr ? -1 : process_->pid();
    SetState(process_ == nullptr ? InstanceState::kBackoff : InstanceState::kStarting);
    if (process_ == nullptr) report_.last_error = status.text;
  }
  if (process_ == nullptr) return status;
  starting_ = true;
  closed_channel_ = false;
  outgoing_.Open(generation, process_->channel(), init_frame);
  return Status::Ok();
}

void Instance::Serve() {
  starting_ = false;
  outgoing_.StartToServe();
  ready_since_ = clock_.Now();
  MutexLock lock(credit_mu_);
  credit_.Serve(traits_, threads_, most_threads_, batch_size_, door_calls_);
  SetState(InstanceState::kReady);
}

bool Instance::OnReadyFrame(const Frame& frame, Input* input) {
  ReadyFrame ready;
  if (engine_up_ || !ReadReady(frame, &ready)) return false;
  engine_up_ = input->engine_up = true;
  traits_ = ready.traits;
  threads_ = ready.threads;
  most_threads_ = ready.most_threads;
  batch_size_ = ready.batch_size;
  schema_ = std::move(ready.schema);
  doors_ = std::move(ready.doors);
  MutexLock lock(credit_mu_);
  report_.plugin = std::move(ready.plugin);
  return true;
}

bool Instance::OnThreads(const Frame& frame) {
  if (!ReadThreads(frame, &threads_, &most_threads_)) return false;
  MutexLock lock(credit_mu_);
  credit_.SetThreads(threads_, most_threads_);
  return true;
}

bool Instance::Handle(const Frame& frame, std::vector<ResultFrame>* results, Input* input,
                      MeterFn meter, void* context) {
  switch (frame.type) {
    case FrameType::kHello:
      if (ReadHello(frame)) return true;
      start_error_ = "aiges-worker is of another version than AIService: build both again";
      return false;
    case FrameType::kReady:
      return OnReadyFrame(frame, input);
    case FrameType::kFailed:
      return ReadFailed(frame, &start_error_);
    case FrameType::kResult: {
      ResultFrame result;
      if (!ReadResult(frame, process_->results(), &result)) return false;
      result.result.instance = static_cast<int>(number_);
      results->push_back(std::move(result));
      return true;
    }
    case FrameType::kItem:
    case FrameType::kTaken:
    case FrameType::kClosed: {
      SessionEvent event;
      if (!ReadSessionEvent(frame, process_->results(), &event)) return false;
      if (event.kind == SessionEvent::Kind::kItem) event.instance = static_cast<int>(number_);
      input->sessions.push_back(std::move(event));
      return true;
    }
    case FrameType::kDoorOut:
    case FrameType::kDoorTook:
      return ReadDoorEvent(frame, process_->results(), &input->doors.emplace_back());
    case FrameType::kCall:
    case FrameType::kCallCredit:
    case FrameType::kCallEnd:
      return ReadNested(frame, process_->results(), &input->nested.emplace_back());
    case FrameType::kLoaded:
      outgoing_.OnLoaded();
      return ReadLoaded(frame, &input->loaded.emplace_back());
    case FrameType::kThreads:
      input->more_room = true;
      return OnThreads(frame);
    case FrameType::kAlive:
      outgoing_.OnAlive((traits_ & kTraitAsyncOnce) != 0);
      return true;
    case FrameType::kMeter: {
      std::string_view key;
      int32_t count = 0;
      if (!ReadMeter(frame, &key, &count)) return false;
      meter(context, frame.id, key, count);
      return true;
    }
    case FrameType::kMetrics: {
      std::string families;
      if (!ReadMetrics(frame, &families)) return false;
      MutexLock lock(credit_mu_);
      report_.metrics = std::make_shared<const std::string>(std::move(families));
      return true;
    }
    case FrameType::kTrace: {
      std::string_view tag, key, value;
      if (!ReadTrace(frame, &tag, &key, &value)) return false;
      LogInfo(StrCat("worker", number_), "trace ", tag, " ", key, "=", value);
      return true;
    }
    default:
      return false;
  }
}

Instance::Input Instance::OnChannel(MeterFn meter, void* context) {
  Input input;
  std::vector<ResultFrame> results;
  if (!input_.HasFrame()) {
    const FrameInput::State state = input_.Fill(process_->channel(), MSG_DONTWAIT);
    input.gone = state == FrameInput::State::kClosed;
  }
  for (unsigned i = 0; i < kFramesPerTurn; ++i) {
    const std::optional<Frame> frame = input_.Next();
    if (!frame) break;
    if (!Handle(*frame, &results, &input, meter, context)) {
      LogError(StrCat("worker", number_), "sent a broken frame of type ",
               static_cast<int>(frame->type));
      input.broken = true;
      break;
    }
  }
  input.broken = input.broken || input_.broken();
  input.gone = input.gone || input.broken;
  input.more = !input.gone && input_.HasFrame();
  Settle(std::move(results), &input);
  return input;
}

void Instance::Settle(std::vector<ResultFrame> results, Input* input) {
  outgoing_.Settle(&input->doors);  // Before the results, which end their calls.
  const size_t said = input->nested.size();
  if (!outgoing_.Settle(&input->nested)) input->broken = input->gone = true;
  input->answered = input->nested.size() < said;
  outgoing_.Settle(&results);
  const unsigned closed = outgoing_.Settle(&input->sessions);
  if (results.empty() && closed == 0) return;
  MutexLock lock(credit_mu_);
  credit_.CloseSessions(closed);
  report_.calls += results.size();
  for (ResultFrame& r : results) {
    // What the engine was not asked says nothing about its speed.
    const bool asked = r.fault == Fault::kNone || r.fault >= Fault::kExec;
    credit_.Finish(asked ? std::optional(r.result.engine) : std::nullopt);
    input->results.push_back(std::move(r.result));
  }
}

bool Instance::OnOutput() {
  char bytes[kOutputPerTurn];
  const ssize_t n = ::read(process_->output(), bytes, sizeof bytes);
  if (n > 0) lines_.Add({bytes, static_cast<size_t>(n)});
  return n == static_cast<ssize_t>(sizeof bytes);
}

void Instance::Retire(TimePoint end) {
  end_ = end;
  retiring_ = true;
  MutexLock lock(credit_mu_);
  credit_.Retire();
  SetState(InstanceState::kStopped);
}

bool Instance::alive() const {
  MutexLock lock(credit_mu_);
  return report_.pid > 0;
}

uint64_t Instance::generation() const {
  MutexLock lock(credit_mu_);
  return credit_.generation();
}

bool Instance::Empty() const {
  MutexLock lock(credit_mu_);
  return credit_.load() == 0;
}

uint64_t Instance::served() const {
  MutexLock lock(credit_mu_);
  return credit_.served();
}

std::optional<uint64_t> Instance::PlaceSession(unsigned* load) const {
  MutexLock lock(credit_mu_);
  if (!credit_.serves()) return std::nullopt;
  *load = credit_.load();
  return credit_.generation();
}

Sent Instance::OpenSession(uint64_t generation, uint64_t session, const SessionStart& start) {
  {
    MutexLock lock(credit_mu_);  // Counted first: a retiring instance waits for it.
    if (!credit_.OpenSession(generation)) return Sent::kGone;
  }
  const Sent sent = outgoing_.OpenSession(generation, session, start);
  if (sent != Sent::kYes) {
    MutexLock lock(credit_mu_);
    credit_.GiveUpSession(generation);
  }
  return sent;
}

Sent Instance::WriteSession(uint64_t generation, uint64_t session,
                            const std::vector<Payload>& payloads, const Arena& memory) {
  return outgoing_.WriteSession(generation, session, payloads, memory);
}

void Instance::CreditSession(uint64_t generation, uint64_t session, unsigned items) {
  outgoing_.CreditSession(generation, session, items);
}

void Instance::CloseSession(uint64_t generation, uint64_t session) {
  outgoing_.CloseSession(generation, session);
}

void Instance::CancelCall(uint64_t generation, uint64_t call) {
  if ((traits_ & (kTraitAsyncOnce | kTraitDoors)) != 0) outgoing_.CancelCall(generation, call);
}

void Instance::SendFini(TimePoint end) {
  told_to_finish_ = true;
  outgoing_.Fini(end);
}

SessionEvent Instance::Lost(uint64_t session, const std::string& why) const {
  SessionEvent event;
  event.session = session;
  event.kind = SessionEvent::Kind::kLost;
  event.status =
      Status::Error(StatusKind::kDisconnected,
                    StrCat("worker ", number_, " died with the session: ", why), kCodeCrash);
  event.last = true;
  event.instance = static_cast<int>(number_);
  return event;
}

WorkerResult Instance::Lost(uint64_t call, bool unsent, const std::string& why) const {
  WorkerResult result;
  result.call = call;
  result.lost = true;
  result.instance = static_cast<int>(number_);
  result.unsent = unsent;
  result.status =
      Status::Error(StatusKind::kDisconnected,
                    StrCat("worker ", number_, " died with the call: ", why), kCodeCrash);
  return result;
}

void Instance::StopServing() {
  MutexLock lock(credit_mu_);
  credit_.Retire();
  if (report_.state != InstanceState::kStopped) SetState(InstanceState::kBackoff);
}

void Instance::OnChannelEnd() { closed_channel_ = process_->Dying().empty(); }

Instance::Input Instance::OnDeath(bool stopping, std::string* why, bool* dead) {
  starting_ = false;
  std::string reason = process_->Reap();
  *dead = !reason.empty();
  if (!*dead) {
    reason = process_->Dying();
    process_->Kill();
  }
  for (size_t read = 0; read < kLastWords && OnOutput(); read += kOutputPerTurn) {
  }
  lines_.Flush();
  if (!kill_reason_.empty()) reason = kill_reason_;
  if (!start_error_.empty()) reason = start_error_;
  // That it then ends, too, is no reason; what crashed is one, where Dying could not tell.
  const bool exited = reason.rfind("exit status", 0) == 0;
  *why = reason.empty() || (closed_channel_ && exited) ? "closed its channel" : reason;

  Input lost;
  const Ledger::Contents contents = outgoing_.Close();
  for (const uint64_t id : contents.sessions) lost.sessions.push_back(Lost(id, *why));
  for (const uint64_t id : contents.unsent) lost.results.push_back(Lost(id, true, *why));
  for (const uint64_t id : contents.calls) lost.results.push_back(Lost(id, false, *why));
  MutexLock lock(credit_mu_);  // After Close: an OpenSession under way sees that it is late.
  credit_.End();
  report_.pid = -1;
  report_.metrics = nullptr;
  if (!stopping) report_.last_error = *why;
  SetState(stopping ? InstanceState::kStopped : InstanceState::kBackoff);
  return lost;
}

}  // namespace aiges
