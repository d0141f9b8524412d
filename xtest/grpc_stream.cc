// SPDX-License-Identifier: Apache-2.0
#include "xtest/grpc_stream.h"

#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kNoLicence = 10110;

}  // namespace

void GrpcStream::Start(Call* call) {
  call_ = call;
  once_ = env_.plan.mode == Mode::kOnce;
  writing_ = reading_ = paused_ = finishing_ = late_ = over_ = false;
  begin_ = progress_ = std::chrono::steady_clock::now();
  context_.emplace();
  env_.AddKey(&*context_);
  if (once_) {
    env_.deadlines.Add(begin_, this, ++number_);
  } else {
    cursor_.Begin(&env_.plan, &env_.slices, call->index);
    Watch();
  }
  stream_ = env_.Stub(call->host)->PrepareCall(&*context_, kStreamMethod, &env_.queue);
  stream_->StartCall(&opened_);
}

// A call without a deadline is looked at when it could have been silent for too long.
void GrpcStream::Watch() {
  if (std::exchange(watched_, true)) return;
  watch_at_ = progress_ + LongestSilence(env_.plan);
  env_.pauses.Add(watch_at_, this);
}

void GrpcStream::Wake(TimePoint now) {
  const bool for_silence = watched_ && now >= watch_at_;
  if (for_silence) watched_ = false;
  if (call_ == nullptr) return;
  if (paused_ && now >= begin_ + std::chrono::milliseconds(cursor_.next_ms())) {
    paused_ = false;
    progress_ = now;
    if (!over_ && reading_) Write(now);
  }
  if (!for_silence || once_) return;
  if (now < progress_ + LongestSilence(env_.plan)) return Watch();
  call_->Fail(StrCat("no output for ", LongestSilence(env_.plan).count(),
                     " ms; expected a result with status END"));
  over_ = true;
  context_->TryCancel();
}

void GrpcStream::Expire() {
  late_ = true;
  context_->TryCancel();
}

void GrpcStream::Cancel() {
  if (call_ == nullptr || over_) return;
  call_->given_up = true;
  context_->TryCancel();
}

void GrpcStream::OnOpened(bool ok) {
  if (!ok) return MaybeFinish();
  const grpc::ByteBuffer request =
      once_ ? env_.requests.StreamOnce(*call_) : env_.requests.StreamOpen(*call_);
  call_->bytes_out += request.Length();
  writing_ = reading_ = true;
  if (once_) {
    stream_->WriteLast(request, {}, &wrote_);
  } else {
    stream_->Write(request, &wrote_);
  }
  stream_->Read(&message_, &read_);
}

void GrpcStream::OnWrote(bool ok) {
  writing_ = false;
  if (!reading_) return MaybeFinish();
  if (!ok || once_ || over_ || cursor_.done()) return;
  Write(std::chrono::steady_clock::now());
}

// The next packet, now or when it is due.
void GrpcStream::Write(TimePoint now) {
  const TimePoint due = begin_ + std::chrono::milliseconds(cursor_.next_ms());
  if (due > now) {
    paused_ = true;
    return env_.pauses.Add(due, this);
  }
  cursor_.Take(&packet_);
  call_->last_packet = now;
  progress_ = now;
  const grpc::ByteBuffer request = env_.requests.StreamPacket(packet_);
  call_->bytes_out += request.Length();
  writing_ = true;
  if (cursor_.done()) {
    stream_->WriteLast(request, {}, &wrote_);
  } else {
    stream_->Write(request, &wrote_);
  }
}

void GrpcStream::OnRead(bool ok) {
  if (!ok) {
    reading_ = false;
    return MaybeFinish();
  }
  const TimePoint now = std::chrono::steady_clock::now();
  call_->bytes_in += message_.Length();
  XsfAnswer answer;
  if (!ReadLoaderOutput(message_, &answer, env_.plan.keep_results ? &call_->results : nullptr)) {
    call_->Fail(StrCat("expected a LoaderOutput, got ", message_.Length(),
                       " bytes that are none; is this an AIService?"));
    over_ = true;
    context_->TryCancel();
  } else if (!over_) {
    TakeOutput(answer, now, call_);
    progress_ = now;
    if (answer.code != 0) call_->Fail(std::move(answer.text), answer.code);
    over_ = answer.code != 0 || answer.over();
    if (over_) call_->last = now;
  }
  stream_->Read(&message_, &read_);
}

void GrpcStream::MaybeFinish() {
  if (writing_ || reading_ || std::exchange(finishing_, true)) return;
  stream_->Finish(&status_, &finished_);
}

void GrpcStream::OnFinished(bool) {
  Call* call = std::exchange(call_, nullptr);
  if (over_) {
    call->given_up = false;  // Its end was faster.
  } else {
    call->last = TimePoint{};
    if (late_) {
      FailLate(env_, call);
    } else if (status_.ok()) {
      call->Fail("the stream ended before its output did; expected a result with status END");
    } else {
      FailWith(status_, env_, call);
      if (status_.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) call->code = kNoLicence;
    }
  }
  if (call->last == TimePoint{}) call->last = std::chrono::steady_clock::now();
  stream_.reset();
  context_.reset();
  message_.Clear();
  pool_.Give(this);
  env_.ended(call);
}

}  // namespace aiges
