// SPDX-License-Identifier: Apache-2.0
#include "xtest/grpc_session.h"

#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kReleased = 10101;  // The session has ended: during the upload no error.

}  // namespace

void GrpcSession::Start(Call* call) {
  call_ = call;
  cursor_.Begin(&env_.plan, &env_.slices, call->index);
  begin_ = progress_ = std::chrono::steady_clock::now();
  Send(Step::kCreate, env_.requests.Create(*call));
}

void GrpcSession::Send(Step step, const grpc::ByteBuffer& request) {
  step_ = step;
  reader_.reset();
  context_.emplace();
  env_.AddKey(&*context_);
  reply_.Clear();
  call_->bytes_out += request.Length();
  reader_ = env_.Stub(call_->host)->PrepareUnaryCall(&*context_, kXsfMethod, request, &env_.queue);
  reader_->StartCall();
  reader_->Finish(&reply_, &status_, this);
  flying_ = true;
  late_ = false;
  env_.deadlines.Add(std::chrono::steady_clock::now(), this, ++number_);
}

void GrpcSession::Expire() {
  late_ = true;
  context_->TryCancel();
}

void GrpcSession::Cancel() {
  if (step_ == Step::kIdle || step_ == Step::kStop) return;  // kStop ends by its deadline.
  call_->given_up = true;
  if (step_ == Step::kPause) {
    env_.pauses.Add(TimePoint{}, this);
  } else {
    context_->TryCancel();
  }
}

void GrpcSession::Wake(TimePoint now) {
  if (step_ != Step::kPause) return;
  if (call_->given_up) {
    call_->last = now;
    call_->Fail("given up by the client");
    return Stop();
  }
  if (now >= begin_ + std::chrono::milliseconds(cursor_.next_ms())) Continue(now);
}

void GrpcSession::Next(bool) {
  flying_ = false;
  if (step_ == Step::kStop) return End();
  const TimePoint now = std::chrono::steady_clock::now();
  if (!status_.ok()) {
    call_->last = now;
    late_ ? FailLate(env_, call_) : FailWith(status_, env_, call_);
    return session_.empty() ? End() : Stop();
  }
  Went(now);
}

// An operation was answered.
void GrpcSession::Went(TimePoint now) {
  call_->bytes_in += reply_.Length();
  XsfAnswer answer;
  if (!ReadResData(reply_, step_ == Step::kCreate ? XsfWants::kSession : XsfWants::kOutcome,
                   &answer, env_.plan.keep_results ? &call_->results : nullptr)) {
    call_->last = now;
    call_->Fail(StrCat("expected a ResData with a LoaderOutput, got ", reply_.Length(),
                       " bytes that are none; is this an AIService?"));
    return session_.empty() ? End() : Stop();
  }
  if (step_ == Step::kCreate) {
    session_ = std::move(answer.session);
    call_->handle = std::move(answer.handle);
  }
  TakeOutput(answer, now, call_);
  if (answer.items > 0) progress_ = now;
  if (answer.code == kReleased && step_ == Step::kIn) return Stop();
  if (answer.code != 0) {
    call_->last = now;
    call_->Fail(std::move(answer.text), answer.code);
    return step_ == Step::kCreate ? End() : Stop();
  }
  if (answer.over()) return Stop();
  Continue(now);
}

// The next packet, now or when it is due; or the next output.
void GrpcSession::Continue(TimePoint now) {
  if (!cursor_.done()) {
    progress_ = now;
    const TimePoint due = begin_ + std::chrono::milliseconds(cursor_.next_ms());
    if (due > now) {
      step_ = Step::kPause;
      return env_.pauses.Add(due, this);
    }
    cursor_.Take(&packet_);
    call_->last_packet = now;
    return Send(Step::kIn, env_.requests.In(*call_, session_, packet_));
  }
  if (now - progress_ > LongestSilence(env_.plan)) {
    call_->last = now;
    call_->Fail(StrCat("no output for ", LongestSilence(env_.plan).count(),
                       " ms after the whole input; expected a result with status END"));
    return Stop();
  }
  Send(Step::kOut, env_.requests.Out(session_));
}

void GrpcSession::Stop() { Send(Step::kStop, env_.requests.Stop(session_)); }

void GrpcSession::End() {
  Call* call = std::exchange(call_, nullptr);
  if (call->last == TimePoint{}) call->last = std::chrono::steady_clock::now();
  step_ = Step::kIdle;
  session_.clear();
  reader_.reset();
  context_.reset();
  pool_.Give(this);
  env_.ended(call);
}

}  // namespace aiges
