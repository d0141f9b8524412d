#include "loader/instances/instance.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"

namespace aiges {
namespace {

// More than one frame of small calls is gathered in one buffer; beyond this it is given back.
constexpr size_t kKeepOutBytes = 1 << 20;
// A small payload inside a large shared message is cheaper to copy than to look up.
constexpr size_t kOffsetLimit = 4096;

void WritePayload(WireWriter& w, const Payload& p, const Arena& memory) {
  w.Text(p.key);
  w.Number(p.type);
  w.Number(p.status);
  w.KeyValues(p.desc);
  uint64_t offset = 0;
  if (p.data.size() >= kOffsetLimit && memory.Contains(p.data.data(), &offset)) {
    w.SharedData(offset, p.data.size());
  } else {
    w.InlineData(p.data.view());
  }
}

void WritePayloads(WireWriter& w, const std::vector<Payload>& payloads, const Arena& memory) {
  w.Number(static_cast<uint32_t>(payloads.size()));
  for (const Payload& p : payloads) WritePayload(w, p, memory);
}

void WriteIds(WireWriter& w, const std::vector<unsigned>& ids) {
  w.Number(static_cast<uint32_t>(ids.size()));
  for (const unsigned id : ids) w.Number(uint32_t{id});
}

void WriteExec(WireWriter& w, uint64_t call, const Request& request, const Arena& memory) {
  w.Begin(FrameType::kExec, call);
  w.Number(ToNanos(request.deadline));
  w.Text(request.handle);
  w.KeyValues(request.params);
  WriteIds(w, request.psr_ids);
  WritePayloads(w, request.payloads, memory);
}

// A run of the worker's memory that goes back to it with the last copy of the bytes.
Bytes SharedBytes(const std::shared_ptr<ArenaMapping>& map, std::string_view view,
                  uint64_t offset) {
  struct Run {
    std::shared_ptr<ArenaMapping> map;
    uint64_t offset;
    ~Run() { map->Release(offset); }
  };
  return {view, std::shared_ptr<const Run>(new Run{map, offset})};
}

bool ReadPayload(WireReader& r, const std::shared_ptr<ArenaMapping>& memory, Payload* p) {
  p->key = r.Text();
  p->type = r.Number<DataType>();
  p->status = r.Number<DataStatus>();
  p->desc = r.KeyValues();
  if (r.Number<DataPlace>() == DataPlace::kInline) {
    p->data = Bytes::Own(std::string(r.Text()));
    return r.ok();
  }
  const auto offset = r.Number<uint64_t>();
  const auto length = r.Number<uint64_t>();
  const std::string_view view = memory->View(offset, length);
  // A result starts its run: that is the offset which gives it back.
  if (!r.ok() || view.data() == nullptr || offset % kBlock != 0) return false;
  p->data = SharedBytes(memory, view, offset);
  return true;
}

}  // namespace

Instance::Instance(unsigned place, unsigned number)
    : place_(place), number_(number), window_(1), lines_(StrCat("worker", number)) {
  report_.index = number;
}

void Instance::SetState(InstanceState state) {
  report_.state = state;
  state_.store(state, std::memory_order_release);
}

unsigned Instance::FreeCredit(unsigned* outstanding) const {
  if (state() != InstanceState::kReady) return 0;
  MutexLock lock(credit_mu_);
  *outstanding = outstanding_;
  const unsigned window = window_.size();
  return window > outstanding_ ? window - outstanding_ : 0;
}

std::optional<uint64_t> Instance::TakeCredit() {
  MutexLock lock(credit_mu_);
  if (report_.state != InstanceState::kReady || outstanding_ >= window_.size()) {
    return std::nullopt;
  }
  if (outstanding_++ == 0) progress_ = std::chrono::steady_clock::now();
  return generation_;
}

void Instance::ReturnCredit(uint64_t generation) {
  MutexLock lock(credit_mu_);
  if (generation == generation_ && outstanding_ > 0) --outstanding_;
}

bool Instance::Send(uint64_t generation, uint64_t call, const Request& request,
                    const Arena& memory) {
  MutexLock lock(send_mu_);
  if (!IsHere(generation)) return false;
  calls_[call] = bytes_sent_ + out_.size() - out_sent_;
  WireWriter writer(&out_);
  WriteExec(writer, call, request, memory);
  writer.End();  // Cannot be too large: ingress bounds messages far below a frame's limit.
  return true;
}

bool Instance::Flush() {
  MutexLock lock(send_mu_);
  if (send_fd_ < 0 || out_sent_ == out_.size()) return true;
  const ptrdiff_t n =
      SendSome(send_fd_, std::string_view(out_).substr(out_sent_), MSG_DONTWAIT);
  if (n < 0) return true;  // Gone: the hub sees that too, and takes the calls back.
  out_sent_ += static_cast<size_t>(n);
  bytes_sent_ += static_cast<uint64_t>(n);
  if (out_sent_ < out_.size()) return false;
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > kKeepOutBytes) out_.shrink_to_fit();
  return true;
}

InstanceReport Instance::Report() const {
  MutexLock lock(credit_mu_);
  InstanceReport report = report_;
  report.outstanding = outstanding_;
  report.window = window_.size();
  return report;
}

Status Instance::Start(const SpawnPlan& plan, const std::string& init_frame, unsigned threads,
                       unsigned batch_size) {
  Status status;
  threads_ = threads;
  batch_size_ = batch_size;
  retiring_ = told_to_finish_ = false;
  started_ = std::chrono::steady_clock::now();
  start_error_.clear();
  kill_reason_.clear();
  lines_.ForgetTail();
  input_ = FrameInput();
  process_ = WorkerProcess::Spawn(plan, &status);
  uint64_t generation = 0;
  {
    MutexLock lock(credit_mu_);
    generation = ++generation_;
    outstanding_ = 0;
    window_ = CreditWindow(threads_);
    served_ = 0;
    ++report_.starts;
    report_.pid = process_ == nullptr ? -1 : process_->pid();
    SetState(process_ == nullptr ? InstanceState::kBackoff : InstanceState::kStarting);
    if (process_ == nullptr) report_.last_error = status.text;
  }
  if (process_ == nullptr) return status;
  MutexLock lock(send_mu_);
  send_generation_ = generation;
  send_fd_ = process_->channel();
  out_ = init_frame;
  out_sent_ = 0;
  bytes_sent_ = 0;
  return Status::Ok();
}

void Instance::OnReadyFrame(const Frame& frame, Input* input) {
  WireReader r(frame.body);
  std::string plugin(r.Text());
  const std::string version(r.Text());
  traits_ = r.Number<uint32_t>();
  input->schema = r.Text();
  if (!version.empty()) plugin += StrCat(" (", version, ")");
  MutexLock lock(credit_mu_);
  report_.plugin = plugin;
  if (report_.state != InstanceState::kStarting) return;
  if ((traits_ & kTraitAsyncOnce) != 0) window_.Fix(CreditWindow::kMost);
  if ((traits_ & kTraitBatch) != 0) window_.Fix(batch_size_ * threads_);
  SetState(InstanceState::kReady);
  ready_since_ = std::chrono::steady_clock::now();
  input->became_ready = true;
}

bool Instance::ReadResult(const Frame& frame, WorkerResult* result) {
  WireReader r(frame.body);
  result->call = frame.id;
  const auto code = r.Number<int32_t>();
  const auto kind = r.Number<ResultKind>();
  result->engine = std::chrono::nanoseconds(r.Number<uint64_t>());
  result->batch = r.Number<uint32_t>();
  const std::string text(r.Text());
  const uint32_t count = r.Count(11);
  for (uint32_t i = 0; i < count && r.ok(); ++i) {
    if (!ReadPayload(r, process_->results(), &result->payloads.emplace_back())) return false;
  }
  if (code != 0) result->detail = r.Text();
  if (!r.ok()) return false;
  result->instance = static_cast<int>(number_);
  if (kind == ResultKind::kExpired) {
    result->status = Status::Error(StatusKind::kDeadline, "service exec once request timeout");
  } else if (kind == ResultKind::kMalformed) {
    result->status = Status::Error(StatusKind::kInternal, text, kCodeExecFailed);
  } else if (kind == ResultKind::kRepeated) {
    result->status = Status::Error(StatusKind::kInvalid, text, kCodeRepeated);
  } else if (code != 0) {
    result->status =
        Status::Error(StatusKind::kInternal, StrCat(text, ";code=", code), kCodeExecFailed);
  }
  return true;
}

bool Instance::ReadItem(const Frame& frame, SessionEvent* event) {
  WireReader r(frame.body);
  event->session = frame.id;
  const auto code = r.Number<int32_t>();
  event->last = r.Number<uint8_t>() != 0;
  const std::string_view text = r.Text();
  if (code != 0) event->status = Status::Error(StatusKind::kInternal, std::string(text), code);
  const uint32_t count = r.Count(11);
  for (uint32_t i = 0; i < count && r.ok(); ++i) {
    if (!ReadPayload(r, process_->results(), &event->payloads.emplace_back())) return false;
  }
  if (code != 0) event->detail = r.Text();
  event->instance = static_cast<int>(number_);
  return r.ok();
}

bool Instance::Handle(const Frame& frame, Input* input, MeterFn meter, void* context) {
  WireReader r(frame.body);
  switch (frame.type) {
    case FrameType::kHello:
      if (r.Number<uint32_t>() != kChannelVersion) {
        start_error_ = "aiges-worker is of another version than AIService: build both again";
        return false;
      }
      return r.ok();
    case FrameType::kReady:
      OnReadyFrame(frame, input);
      return true;
    case FrameType::kFailed:
      (void)r.Number<int32_t>();
      start_error_ = r.Text();
      return r.ok();
    case FrameType::kResult:
      return ReadResult(frame, &input->results.emplace_back());
    case FrameType::kItem:
      return ReadItem(frame, &input->sessions.emplace_back());
    case FrameType::kTaken:
      input->sessions.push_back({frame.id, SessionEvent::Kind::kTaken, {}, {}, false,
                                 r.Number<uint32_t>()});
      return r.ok();
    case FrameType::kClosed:
      input->sessions.push_back({frame.id, SessionEvent::Kind::kClosed, {}, {}, false, 0});
      return true;
    case FrameType::kLoaded: {
      const auto code = r.Number<int32_t>();
      input->loaded.push_back({frame.id, code, std::string(r.Text())});
      return r.ok();
    }
    case FrameType::kMeter: {
      (void)r.Text();
      const std::string_view key = r.Text();
      const auto count = r.Number<int32_t>();
      if (r.ok()) meter(context, key, count);
      return r.ok();
    }
    case FrameType::kTrace: {
      const std::string_view tag = r.Text();
      const std::string_view key = r.Text();
      LogInfo(StrCat("worker", number_), "trace ", tag, " ", key, "=", r.Text());
      return r.ok();
    }
    default:
      return false;
  }
}

Instance::Input Instance::OnChannel(MeterFn meter, void* context) {
  Input input;
  const FrameInput::State state = input_.Fill(process_->channel(), MSG_DONTWAIT);
  while (std::optional<Frame> frame = input_.Next()) {
    if (!Handle(*frame, &input, meter, context)) {
      if (!input.results.empty() && frame->type == FrameType::kResult) input.results.pop_back();
      if (!input.sessions.empty() && frame->type == FrameType::kItem) input.sessions.pop_back();
      LogError(StrCat("worker", number_), "sent a broken frame of type ",
               static_cast<int>(frame->type));
      input.gone = true;
      break;
    }
  }
  input.gone = input.gone || state == FrameInput::State::kClosed || input_.broken();
  if (!input.sessions.empty()) CountSessionEvents(&input.sessions);
  if (input.results.empty()) return input;
  {
    MutexLock lock(send_mu_);
    // An answer to a call that is not in this worker would be a broken worker; it is dropped.
    std::erase_if(input.results, [&](const WorkerResult& r) REQUIRES(send_mu_) {
      return calls_.erase(r.call) == 0;
    });
  }
  MutexLock lock(credit_mu_);
  progress_ = std::chrono::steady_clock::now();
  for (const WorkerResult& r : input.results) {
    if (outstanding_ > 0) --outstanding_;
    ++report_.calls;
    ++served_;
    window_.Observe(r.engine);
  }
  return input;
}

void Instance::OnOutput() {
  char bytes[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(process_->output(), bytes, sizeof bytes);
    if (n <= 0) return;
    lines_.Add({bytes, static_cast<size_t>(n)});
  }
}

void Instance::CountSessionEvents(std::vector<SessionEvent>* events) {
  uint64_t closed = 0;
  {
    MutexLock lock(send_mu_);
    std::erase_if(*events, [&](const SessionEvent& event) REQUIRES(send_mu_) {
      const auto found = sessions_.find(event.session);
      if (found == sessions_.end()) return true;  // Of a worker that is broken.
      SessionWork& work = found->second;
      if (event.kind == SessionEvent::Kind::kItem) {
        if (work.credit > 0) --work.credit;
      } else if (event.kind == SessionEvent::Kind::kTaken) {
        work.operations -= std::min(work.operations, std::max(event.writes, 1u));
        return event.writes == 0;  // The create.
      } else {
        sessions_.erase(found);
        session_count_.fetch_sub(1, std::memory_order_relaxed);
        ++closed;
      }
      return false;
    });
  }
  MutexLock lock(credit_mu_);
  progress_ = std::chrono::steady_clock::now();
  served_ += closed;
}

void Instance::Retire() {
  retiring_ = true;
  MutexLock lock(credit_mu_);
  SetState(InstanceState::kStopped);
}

void Instance::LoadResource(uint64_t id, const Payload& resource, const Arena& memory) {
  MutexLock lock(send_mu_);
  if (send_fd_ < 0) return;
  WireWriter w(&out_);
  w.Begin(FrameType::kLoad, id);
  w.Number(uint32_t{1});
  WritePayload(w, resource, memory);
  w.End();
}

void Instance::UnloadResource(uint64_t id) {
  MutexLock lock(send_mu_);
  if (send_fd_ < 0) return;
  WireWriter w(&out_);
  w.Begin(FrameType::kUnload, id);
  w.End();
}

bool Instance::alive() const {
  MutexLock lock(credit_mu_);
  return report_.pid > 0;
}

bool Instance::Empty() const {
  MutexLock lock(credit_mu_);
  return outstanding_ == 0 && session_count_ == 0;
}

uint64_t Instance::served() const {
  MutexLock lock(credit_mu_);
  return served_;
}

Duration Instance::WithoutProgress(TimePoint now) {
  bool busy = false;
  {
    MutexLock lock(send_mu_);
    for (const auto& [id, work] : sessions_) {
      busy = busy || (work.operations > 0 && work.credit > 0);
    }
  }
  MutexLock lock(credit_mu_);
  return outstanding_ == 0 && !busy ? Duration::zero() : now - progress_;
}

std::optional<uint64_t> Instance::PlaceSession(unsigned* load) const {
  MutexLock lock(credit_mu_);
  if (report_.state != InstanceState::kReady) return std::nullopt;
  *load = outstanding_ + session_count_.load(std::memory_order_relaxed);
  return generation_;
}

bool Instance::OpenSession(uint64_t generation, uint64_t session, const SessionStart& start) {
  {
    MutexLock credit(credit_mu_);  // Counted first: a retiring instance waits for it.
    if (report_.state != InstanceState::kReady || generation != generation_) return false;
    if (session_count_.fetch_add(1) == 0 && outstanding_ == 0) {
      progress_ = std::chrono::steady_clock::now();
    }
  }
  {
    MutexLock lock(send_mu_);
    if (!IsHere(generation)) return false;  // Death has set the count to 0.
    sessions_[session] = {1, start.credit};
    WireWriter w(&out_);
    w.Begin(FrameType::kCreate, session);
    w.Text(start.handle);
    w.KeyValues(start.params);
    WriteIds(w, start.psr_ids);
    w.Number(uint32_t{start.credit});
    w.End();
  }
  return true;
}

bool Instance::WriteSession(uint64_t generation, uint64_t session,
                            const std::vector<Payload>& payloads, const Arena& memory) {
  MutexLock lock(send_mu_);
  const auto found = sessions_.find(session);
  if (!IsHere(generation) || found == sessions_.end()) return false;
  ++found->second.operations;
  WireWriter w(&out_);
  w.Begin(FrameType::kWrite, session);
  WritePayloads(w, payloads, memory);
  w.End();
  return true;
}

void Instance::CreditSession(uint64_t generation, uint64_t session, unsigned items) {
  MutexLock lock(send_mu_);
  const auto found = sessions_.find(session);
  if (!IsHere(generation) || found == sessions_.end()) return;
  found->second.credit += items;
  WireWriter w(&out_);
  w.Begin(FrameType::kCredit, session);
  w.Number(uint32_t{items});
  w.End();
}

void Instance::CloseSession(uint64_t generation, uint64_t session) {
  MutexLock lock(send_mu_);
  const auto found = sessions_.find(session);
  if (!IsHere(generation) || found == sessions_.end()) return;
  found->second = {1, 1};
  WireWriter w(&out_);
  w.Begin(FrameType::kClose, session);
  w.End();
}

void Instance::CancelCall(uint64_t generation, uint64_t call) {
  if ((traits_ & kTraitAsyncOnce) == 0) return;
  MutexLock lock(send_mu_);
  if (!IsHere(generation) || calls_.count(call) == 0) return;
  WireWriter w(&out_);
  w.Begin(FrameType::kCancel, call);
  w.End();
}

void Instance::SendFini() {
  told_to_finish_ = true;
  MutexLock lock(send_mu_);
  WireWriter writer(&out_);
  writer.Begin(FrameType::kFini, 0);
  writer.End();
}

Instance::Input Instance::OnDeath(bool stopping, std::string* why) {
  std::string reason = process_->Reap();
  if (reason.empty()) {  // The channel closed first; the process follows, or is made to.
    process_->Kill();
    for (int i = 0; i < 50 && (reason = process_->Reap()).empty(); ++i) ::usleep(1000);
  }
  OnOutput();  // Its last words.
  lines_.Flush();
  if (!kill_reason_.empty()) reason = kill_reason_;
  if (!start_error_.empty()) reason = start_error_;
  *why = reason.empty() ? "closed its channel" : reason;

  Input lost;
  {
    MutexLock lock(send_mu_);
    send_fd_ = -1;
    for (const auto& [session, work] : sessions_) {
      lost.sessions.push_back(
          {session, SessionEvent::Kind::kLost,
           Status::Error(StatusKind::kDisconnected,
                         StrCat("worker ", number_, " died with the session: ", *why), kCodeCrash),
           {}, true, 0, {}, static_cast<int>(number_)});
    }
    sessions_.clear();
    for (const auto& [call, first_byte] : calls_) {
      WorkerResult& r = lost.results.emplace_back();
      r.call = call;
      r.lost = true;
      r.instance = static_cast<int>(number_);
      r.unsent = first_byte >= bytes_sent_;
      r.status = Status::Error(StatusKind::kDisconnected,
                               StrCat("worker ", number_, " died with the call: ", *why),
                               kCodeCrash);
    }
    calls_.clear();
    out_.clear();
  }
  MutexLock lock(credit_mu_);  // After send_mu_: an OpenSession under way sees that it is late.
  ++generation_;
  outstanding_ = 0;
  session_count_ = 0;
  report_.pid = -1;
  if (!stopping) report_.last_error = *why;
  SetState(stopping ? InstanceState::kStopped : InstanceState::kBackoff);
  return lost;
}

}  // namespace aiges
