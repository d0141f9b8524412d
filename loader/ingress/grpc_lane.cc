#include "loader/ingress/grpc_lane.h"

#include <sys/prctl.h>

#include <utility>

namespace aiges {

void GrpcLane::Start(Letter begin, Letter flush) {
  flush_ = std::move(flush);
  thread_ = std::thread([this, begin = std::move(begin)] {
    ::prctl(PR_SET_NAME, "grpc-lane");
    begin();
    Run();
  });
}

void GrpcLane::Stop() {
  if (!thread_.joinable()) return;
  Post([this] { stop_ = true; });
  thread_.join();
}

void GrpcLane::Post(Letter letter) {
  {
    MutexLock lock(mu_);
    mail_.push_back(std::move(letter));
  }
  // After the letter is in: either the lane sees it before it sleeps, or we see that it sleeps.
  if (asleep_.exchange(false)) Wake();
}

void GrpcLane::Answer(Letter letter) {
  if (asleep_ && Alone()) return letter();
  Post(std::move(letter));
}

void GrpcLane::Wake() {
  MutexLock lock(mu_);
  if (alarm_set_ || shut_down_) return;
  alarm_set_ = true;
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), this);
}

bool GrpcLane::ReadMail() {
  {
    MutexLock lock(mu_);
    reading_.swap(mail_);
  }
  const bool any = !reading_.empty();
  for (const Letter& letter : reading_) letter();
  reading_.clear();
  return any;
}

void GrpcLane::ShutDownWhenEmpty() {
  if (!stop_ || calls_ > 0) return;
  MutexLock lock(mu_);
  if (shut_down_) return;
  shut_down_ = true;
  queue_->Shutdown();
}

void GrpcLane::Run() {
  void* tag = nullptr;
  bool ok = false;
  bool worked = false;
  for (;;) {
    // Take everything that is there, then let what was gathered go out, then sleep.
    auto next = queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
    if (next == grpc::CompletionQueue::TIMEOUT) {
      if (std::exchange(worked, false)) flush_();
      ShutDownWhenEmpty();
      asleep_ = true;
      if (ReadMail()) {
        asleep_ = false;
        continue;
      }
      next = queue_->AsyncNext(&tag, &ok, gpr_inf_future(GPR_CLOCK_MONOTONIC));
      asleep_ = false;
    }
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    if (tag == this) {  // Woken for mail.
      MutexLock lock(mu_);
      alarm_set_ = false;
    } else {
      (*static_cast<Event*>(tag))(ok);
      worked = true;
    }
  }
}

}  // namespace aiges
