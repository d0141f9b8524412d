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

void WriteExec(WireWriter& w, uint64_t call, const Request& request, const Arena& memory) {
  w.Begin(FrameType::kExec, call);
  w.Number(ToNanos(request.deadline));
  w.Text(request.handle);
  w.KeyValues(request.params);
  w.Number(uint32_t{0});  // psrIds: personalisation comes with sessions.
  w.Number(static_cast<uint32_t>(request.payloads.size()));
  for (const Payload& p : request.payloads) {
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

Instance::Instance(unsigned index, unsigned threads)
    : index_(index), threads_(threads), window_(threads), lines_(StrCat("worker", index)) {
  report_.index = index;
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
  if (send_fd_ < 0 || generation != send_generation_) return false;
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

Status Instance::Start(const SpawnPlan& plan, const std::string& init_frame) {
  Status status;
  started_ = std::chrono::steady_clock::now();
  start_error_.clear();
  kill_reason_.clear();
  input_ = FrameInput();
  process_ = WorkerProcess::Spawn(plan, &status);
  uint64_t generation = 0;
  {
    MutexLock lock(credit_mu_);
    generation = ++generation_;
    outstanding_ = 0;
    window_ = CreditWindow(threads_);
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
  if (!version.empty()) plugin += StrCat(" (", version, ")");
  MutexLock lock(credit_mu_);
  report_.plugin = plugin;
  if (report_.state != InstanceState::kStarting) return;
  SetState(InstanceState::kReady);
  input->became_ready = true;
}

bool Instance::ReadResult(const Frame& frame, WorkerResult* result) {
  WireReader r(frame.body);
  result->call = frame.id;
  const auto code = r.Number<int32_t>();
  const auto kind = r.Number<ResultKind>();
  result->engine = std::chrono::nanoseconds(r.Number<uint64_t>());
  const std::string text(r.Text());
  const uint32_t count = r.Count(11);
  for (uint32_t i = 0; i < count && r.ok(); ++i) {
    if (!ReadPayload(r, process_->results(), &result->payloads.emplace_back())) return false;
  }
  if (!r.ok()) return false;
  if (kind == ResultKind::kExpired) {
    result->status = Status::Error(StatusKind::kDeadline, "service exec once request timeout");
  } else if (kind == ResultKind::kMalformed) {
    result->status = Status::Error(StatusKind::kInternal, text, kCodeExecFailed);
  } else if (code != 0) {
    result->status =
        Status::Error(StatusKind::kInternal, StrCat(text, ";code=", code), kCodeExecFailed);
  }
  return true;
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
      LogInfo(StrCat("worker", index_), "trace ", tag, " ", key, "=", r.Text());
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
      LogError(StrCat("worker", index_), "sent a broken frame of type ",
               static_cast<int>(frame->type));
      input.gone = true;
      break;
    }
  }
  input.gone = input.gone || state == FrameInput::State::kClosed || input_.broken();
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

Duration Instance::WithoutProgress(TimePoint now) const {
  MutexLock lock(credit_mu_);
  return outstanding_ == 0 ? Duration::zero() : now - progress_;
}

void Instance::SendFini() {
  MutexLock lock(send_mu_);
  WireWriter writer(&out_);
  writer.Begin(FrameType::kFini, 0);
  writer.End();
}

std::vector<WorkerResult> Instance::OnDeath(bool stopping, std::string* why) {
  OnOutput();
  lines_.Flush();
  std::string reason = process_->Reap();
  if (reason.empty()) {  // The channel closed first; the process follows, or is made to.
    process_->Kill();
    for (int i = 0; i < 50 && (reason = process_->Reap()).empty(); ++i) ::usleep(1000);
  }
  if (!kill_reason_.empty()) reason = kill_reason_;
  if (!start_error_.empty()) reason = start_error_;
  *why = reason.empty() ? "closed its channel" : reason;

  std::vector<WorkerResult> lost;
  {
    MutexLock lock(send_mu_);
    send_fd_ = -1;
    for (const auto& [call, first_byte] : calls_) {
      WorkerResult& r = lost.emplace_back();
      r.call = call;
      r.unsent = first_byte >= bytes_sent_;
      r.status = Status::Error(StatusKind::kDisconnected,
                               StrCat("worker ", index_, " died with the call: ", *why),
                               kCodeCrash);
    }
    calls_.clear();
    out_.clear();
  }
  MutexLock lock(credit_mu_);
  ++generation_;
  outstanding_ = 0;
  report_.pid = -1;
  if (!stopping) report_.last_error = *why;
  SetState(stopping ? InstanceState::kStopped : InstanceState::kBackoff);
  return lost;
}

}  // namespace aiges
