// SPDX-License-Identifier: Apache-2.0
// loader/base/mutex.h: std::mutex with the annotations that clang's thread-safety analysis reads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define AIGES_ANNOTATION(x) __attribute__((x))
#else
#define AIGES_ANNOTATION(x)
#endif

// gRPC's headers may bring abseil's old macro of the same name and meaning.
#undef GUARDED_BY
#define CAPABILITY(x) AIGES_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY AIGES_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) AIGES_ANNOTATION(guarded_by(x))
#define REQUIRES(...) AIGES_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) AIGES_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) AIGES_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) AIGES_ANNOTATION(release_capability(__VA_ARGS__))

namespace aiges {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mu_.lock(); }
  void Unlock() RELEASE() { mu_.unlock(); }
  std::mutex& native() { return mu_; }  // For CondVar only.

 private:
  std::mutex mu_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() RELEASE() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

class CondVar {
 public:
  void Wait(Mutex& mu) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.native(), std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Until notified, at the latest until t.
  void WaitUntil(Mutex& mu, std::chrono::steady_clock::time_point t) REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.native(), std::adopt_lock);
    cv_.wait_until(lock, t);
    lock.release();
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace aiges
