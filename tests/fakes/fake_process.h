// SPDX-License-Identifier: Apache-2.0
// tests/fakes/fake_process.h: worker processes that are none: the test writes their frames and
// decides when and how they die.
//
// A FakeProcess is what the code under test owns; its WorkerEnd, kept by the factory, is the
// other side: frames that the loader sent, frames to send, output, death. Real descriptors, so that
// a real hub can wait for them. Threads: the ends may be used on the test's thread.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/instances/process.h"

namespace aiges {

// The worker's side of one process.
class WorkerEnd {
 public:
  WorkerEnd(pid_t number, SpawnPlan spawned)
      : pid(number), plan(std::move(spawned)), handle_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    int pair[2] = {-1, -1};
    (void)!::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    loader_channel_ = Fd(pair[0]);
    channel_ = Fd(pair[1]);
    (void)!::pipe2(pair, O_CLOEXEC | O_NONBLOCK);
    loader_output_ = Fd(pair[0]);
    output_ = Fd(pair[1]);
  }

  // Closes its descriptors; the process is not dead yet. `how`: what Dying() says.
  void CloseChannel(const std::string& how = "") {
    MutexLock lock(mu_);
    dying_ = how;
    CloseEnds();
  }
  // Now the process is dead.
  void Die(const std::string& how) {
    {
      MutexLock lock(mu_);
      ended_ = how;
      // As of a zombie; but not of what closed its channel while it lived.
      if (channel_.valid()) dying_ = how;
      CloseEnds();
    }
    const uint64_t one = 1;
    (void)!::write(handle_.get(), &one, sizeof one);
  }
  void Say(std::string_view frames) {
    MutexLock lock(mu_);
    (void)!::write(channel_.get(), frames.data(), frames.size());
  }
  // What the loader has sent since it was last asked.
  std::string Heard() {
    MutexLock lock(mu_);
    std::string all;
    char bytes[4096];
    for (ssize_t n; (n = ::recv(channel_.get(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0;) {
      all.append(bytes, static_cast<size_t>(n));
    }
    return all;
  }
  int channel() {
    MutexLock lock(mu_);
    return channel_.get();
  }
  void Print(std::string_view text) {
    MutexLock lock(mu_);
    (void)!::write(output_.get(), text.data(), text.size());
  }

  const pid_t pid;
  const SpawnPlan plan;
  std::atomic<int> kills{0};
  std::atomic<bool> dies_when_killed{true};
  std::atomic<bool> dropped{false};  // Its Process was destroyed.

 private:
  friend class FakeProcess;
  void CloseEnds() REQUIRES(mu_) {
    channel_.Reset();
    output_.Reset();
  }

  Fd handle_, loader_channel_, loader_output_;
  Mutex mu_;
  Fd channel_ GUARDED_BY(mu_), output_ GUARDED_BY(mu_);
  std::string dying_ GUARDED_BY(mu_), ended_ GUARDED_BY(mu_);
};

class FakeProcess : public Process {
 public:
  explicit FakeProcess(std::shared_ptr<WorkerEnd> end) : end_(std::move(end)) {}
  ~FakeProcess() override {
    end_->dropped = true;
    end_->loader_channel_.Reset();
    end_->loader_output_.Reset();
  }

  pid_t pid() const override { return end_->pid; }
  int channel() const override { return end_->loader_channel_.get(); }
  int output() const override { return end_->loader_output_.get(); }
  int handle() const override { return end_->handle_.get(); }
  const std::shared_ptr<ArenaMapping>& results() const override { return results_; }
  void Kill() override {
    ++end_->kills;
    if (end_->dies_when_killed) end_->Die("killed by signal 9 (Killed)");
  }
  std::string Reap() override {
    MutexLock lock(end_->mu_);
    return end_->ended_;
  }
  std::string Dying() const override {
    MutexLock lock(end_->mu_);
    return end_->dying_;
  }

 private:
  std::shared_ptr<WorkerEnd> end_;
  std::shared_ptr<ArenaMapping> results_;  // None: results of a fake are inline.
};

class FakeProcesses : public ProcessFactory {
 public:
  std::unique_ptr<Process> Spawn(const SpawnPlan& plan, Status* status) override {
    MutexLock lock(mu_);
    if (!refusal_.empty()) {
      *status = Status::Error(StatusKind::kInternal, refusal_);
      return nullptr;
    }
    ends_.push_back(std::make_shared<WorkerEnd>(static_cast<pid_t>(1001 + ends_.size()), plan));
    *status = Status::Ok();
    return std::make_unique<FakeProcess>(ends_.back());
  }
  void Tidy() override {}

  // All that were spawned, in order.
  std::vector<std::shared_ptr<WorkerEnd>> ends() {
    MutexLock lock(mu_);
    return ends_;
  }
  // Spawns fail with that text; empty: they succeed again.
  void Refuse(const std::string& why) {
    MutexLock lock(mu_);
    refusal_ = why;
  }

 private:
  Mutex mu_;
  std::vector<std::shared_ptr<WorkerEnd>> ends_ GUARDED_BY(mu_);
  std::string refusal_ GUARDED_BY(mu_);
};

}  // namespace aiges
