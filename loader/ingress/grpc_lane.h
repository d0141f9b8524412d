// loader/ingress/grpc_lane.h: one completion queue, one thread, and a mailbox.
//
// All gRPC work of a call happens on its lane: two threads inside one HTTP/2 transport make gRPC
// hand work to a third (its executor), which was measured to cost a quarter of the throughput.
// Results therefore arrive as letters, and a burst of them wakes the lane once.
// Threads: Post and Answer from any thread; the rest as said.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "loader/base/mutex.h"

namespace aiges {

class GrpcLane {
 public:
  using Letter = std::function<void()>;
  // A tag of the completion queue: what to do when it comes out.
  using Event = std::function<void(bool ok)>;

  explicit GrpcLane(std::unique_ptr<grpc::ServerCompletionQueue> queue)
      : queue_(std::move(queue)) {}
  GrpcLane(const GrpcLane&) = delete;
  GrpcLane& operator=(const GrpcLane&) = delete;

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // begin runs on the new thread, flush there before each time it would sleep after work.
  void Start(Letter begin, Letter flush);
  // After the server's Shutdown: serves until the last call has left, then joins the thread.
  void Stop();

  void Post(Letter letter);
  // Like Post, but at once on the caller's thread when the lane sleeps and has this one call only:
  // then nothing can collide, and the answer is a thread change earlier.
  void Answer(Letter letter);

  // A call begins and ends. Lane thread.
  void Enter() { calls_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() { calls_.fetch_sub(1, std::memory_order_relaxed); }
  bool Alone() const { return calls_.load(std::memory_order_relaxed) == 1; }

 private:
  void Run();
  void ShutDownWhenEmpty();
  bool ReadMail();  // False when there was none.
  void Wake();

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Letter flush_;
  std::thread thread_;
  std::atomic<int> calls_{0};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_{false};
  std::vector<Letter> reading_;  // Lane.

  Mutex mu_;
  std::vector<Letter> mail_ GUARDED_BY(mu_);
  bool alarm_set_ GUARDED_BY(mu_) = false;  // One at a time; it must come out before the next.
  std::unique_ptr<grpc::Alarm> alarm_ GUARDED_BY(mu_);
  bool shut_down_ GUARDED_BY(mu_) = false;
};

}  // namespace aiges
