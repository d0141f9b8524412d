// loader/worker/runner.h: gives frames to engine calls and sessions, on [instances] threads threads.
//
// Threads share the channel as leader and followers: one reads frames and hands them out, the
// others run them, and whoever is free next leads. With one thread (the usual case) there is no
// hand-over: once calls are read, run, and answered when nothing more is to be taken. An engine
// that answers by callback gets one thread more, so that credit and the end of a session are read
// while its functions run; still no more than [instances] threads of them run at once.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/worker/engine_calls.h"
#include "loader/worker/engine_session.h"
#include "loader/worker/host.h"

namespace aiges {

class Runner {
 public:
  // `input` may hold frames already.
  Runner(const Host& host, unsigned threads, FrameInput* input);
  // Until kFini came and all that was there is done; open sessions are destroyed.
  void Serve();

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    uint64_t id = 0;
    std::string body;
    std::shared_ptr<EngineSession> session;  // Null: a once call.
  };
  enum class Turn { kRun, kRead, kLook, kFinish };

  void Loop();
  // What this thread does next. Out: jobs of kRun; how long kRead may wait (-1: for ever).
  Turn Take(std::vector<Job>* jobs, int* wait_ms);
  // Reads frames and hands them out, or runs them here when that is quicker.
  void ReadFrames(CallRoom* room, int wait_ms);
  bool Fill(int wait_us);
  void Gather(std::vector<Job>* calls);
  void Dispatch(const Frame& frame, std::vector<Job>* jobs);
  void LoadResource(const Frame& frame);
  void RunJobs(std::vector<Job> jobs, CallRoom* room);
  void RunSession(Job job, CallRoom* room);
  void WakeDue() REQUIRES(mu_);

  const Host& host_;
  EngineCalls calls_;
  const unsigned threads_;
  const bool alone_;
  FrameInput& input_;         // The leader's.
  size_t last_batch_ = 1;     // The leader's: whether calls came in company of late.

  Mutex mu_;
  CondVar changed_;
  bool leader_ GUARDED_BY(mu_) = false;
  bool finish_ GUARDED_BY(mu_) = false;
  unsigned running_ GUARDED_BY(mu_) = 0;
  std::deque<Job> jobs_ GUARDED_BY(mu_);
  std::deque<std::pair<Clock::time_point, Job>> later_ GUARDED_BY(mu_);  // Equal pauses: in order.
  Clock::time_point last_look_ GUARDED_BY(mu_);
  std::unordered_map<uint64_t, std::shared_ptr<EngineSession>> sessions_ GUARDED_BY(mu_);
};

}  // namespace aiges
