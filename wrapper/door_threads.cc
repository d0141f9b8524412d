// SPDX-License-Identifier: Apache-2.0
#include "wrapper/door_threads.h"

#include <pybind11/stl.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "wrapper/convert.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

using Clock = std::chrono::steady_clock;

constexpr std::chrono::microseconds kTick{500};
constexpr std::chrono::milliseconds kLongWait{1};
constexpr int kQuietTicks = 40;  // Without work, before the looking ends.
constexpr size_t kFrameHead = 5;

// Something to do: a call, or a Python object that is called.
struct Work {
  std::string tag, path, client;  // Of HTTP only the tag: the rest is in its fields.
  std::string fields;             // name NUL value NUL, and so on.
  std::string data;
  PyObject* callee = nullptr;  // A reference of its own.
  Clock::time_point since = Clock::now();
};

std::string_view ValueOf(const ParamList& field) { return {field.value, field.vlen}; }

std::string_view KeyOf(const DataList& part) { return part.key == nullptr ? "" : part.key; }

bool IsOneMessage(const DataList& part) {
  if (part.len < kFrameHead) return false;
  const auto* data = static_cast<const unsigned char*>(part.data);
  size_t length = 0;
  for (size_t i = 1; i < kFrameHead; ++i) length = length << 8 | data[i];
  return data[0] == 0 && length == part.len - kFrameHead;
}

bool IsWebSocket(const DataList& part) {
  for (const ParamList* p = part.desc; p != nullptr; p = p->next) {
    if (p->key != nullptr && std::string_view(p->key) == ":websocket") return true;
  }
  return false;
}

enum class Simple { kNot, kGrpc, kHttp };

// Whole at once; of gRPC with one message.
Simple KindOf(const DataList* part) {
  if (part == nullptr || part->status != DataOnce) return Simple::kNot;
  if (KeyOf(*part) == ":grpc") return IsOneMessage(*part) ? Simple::kGrpc : Simple::kNot;
  return KeyOf(*part) == ":http" && !IsWebSocket(*part) ? Simple::kHttp : Simple::kNot;
}

Work WorkOf(const char* tag, const DataList& part, Simple kind) {
  Work work;
  work.tag = tag;
  for (const ParamList* p = part.desc; p != nullptr; p = p->next) {
    const std::string_view name = p->key == nullptr ? "" : p->key;
    if (kind == Simple::kGrpc && name == ":path") work.path = ValueOf(*p);
    if (kind == Simple::kGrpc && name == ":client") work.client = ValueOf(*p);
    if (name.empty() || (kind == Simple::kGrpc && name[0] == ':')) continue;
    work.fields.append(name).push_back('\0');
    work.fields.append(ValueOf(*p)).push_back('\0');
  }
  work.data.assign(static_cast<const char*>(part.data), part.len);
  return work;
}

// Whether this process has kept a core busy since it was asked before.
class CpuTime {
 public:
  bool Busy() {
    const Clock::time_point now = Clock::now();
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const auto cpu = std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    const auto worked = cpu - std::exchange(cpu_, cpu);
    const auto passed = now - std::exchange(at_, now);
    return worked * 4 >= passed * 3;
  }

 private:
  Clock::time_point at_{};
  std::chrono::nanoseconds cpu_{0};
};

class DoorThreads {
 public:
  static DoorThreads& Get() {
    static DoorThreads* const threads = new DoorThreads;  // The host's threads outlive main.
    return *threads;
  }

  void Route(std::unordered_set<std::string> paths, bool http) {
    const std::lock_guard lock(mu_);
    paths_ = std::move(paths);
    http_ = http;
    closed_ = false;
    open_ = http || !paths_.empty();
    if (!std::exchange(looks_, true)) std::thread([this] { Look(); }).detach();
  }

  bool Take(const char* tag, const DataList* part) {
    const Simple kind = open_ ? KindOf(part) : Simple::kNot;
    if (kind == Simple::kNot) return false;
    Work work = WorkOf(tag, *part, kind);
    const std::lock_guard lock(mu_);
    if (closed_ || !(kind == Simple::kHttp ? http_ : paths_.count(work.path) > 0)) return false;
    Add(std::move(work));
    return true;
  }

  void Put(PyObject* callee) {
    Work work;
    work.callee = callee;
    const std::lock_guard lock(mu_);
    Add(std::move(work));
  }

  // False: there will be no more.
  bool Next(Work* work) {
    std::unique_lock lock(mu_);
    if (std::exchange(works_, false)) --working_;
    if (line_.empty() && !closed_) {
      lock.unlock();
      {
        const py::gil_scoped_release release;
        lock.lock();
        ++idle_;
        while (line_.empty() && !closed_) {
          wake_.wait(lock);
          if (waking_ > 0) --waking_;  // Also where another one has taken what it was for.
        }
        --idle_;
        if (!line_.empty()) Pop(work);
        lock.unlock();
      }
      return work->callee != nullptr || !work->tag.empty();
    }
    if (line_.empty()) return false;
    Pop(work);
    return true;
  }

  void Close() {
    const std::lock_guard lock(mu_);
    closed_ = true;
    open_ = false;
    wake_.notify_all();
  }

 private:
  void Add(Work work) {
    line_.push_back(std::move(work));
    if (working_ + waking_ == 0) Wake();
    if (!std::exchange(looking_, true)) look_.notify_one();
  }

  void Wake() {
    if (idle_ <= waking_) return;
    ++waking_;
    wake_.notify_one();
  }

  void Pop(Work* work) {
    *work = std::move(line_.front());
    line_.pop_front();
    ++working_;
    works_ = true;
    popped_ = Clock::now();
  }

  void Look() {
    std::unique_lock lock(mu_);
    int quiet = 0;
    CpuTime cpu;
    while (true) {
      if (quiet >= kQuietTicks) {
        looking_ = false;
        look_.wait(lock, [this] { return looking_; });
        quiet = 0;
      }
      look_.wait_for(lock, kTick);
      const bool busy = cpu.Busy();
      if (line_.empty()) {
        ++quiet;
        continue;
      }
      quiet = 0;
      const Clock::time_point late = Clock::now() - kLongWait;
      // More threads would only take the GIL from each other.
      if (busy && popped_ > late) continue;
      // All that has waited so long gets a thread, as far as there are some.
      for (size_t i = 0; i < line_.size() && idle_ > waking_ && line_[i].since < late; ++i) Wake();
    }
  }

  static thread_local bool works_;  // This thread, on what it was given last.

  std::mutex mu_;
  std::condition_variable wake_, look_;
  std::deque<Work> line_;
  std::unordered_set<std::string> paths_;
  std::atomic<bool> open_{false};
  bool http_ = false;           // Calls of HTTP are theirs, too.
  Clock::time_point popped_{};  // The last one.
  bool closed_ = false, looks_ = false, looking_ = false;
  size_t idle_ = 0, waking_ = 0, working_ = 0;
};

thread_local bool DoorThreads::works_ = false;

// (tag, path, client, fields, data); of HTTP path and client are empty.
PyObject* TupleOf(const Work& work) {
  const Ref tag = Latin1ToStr(work.tag), path = Latin1ToStr(work.path),
            client = Latin1ToStr(work.client), fields = ToBytes(work.fields),
            data = ToBytes(work.data);
  if (!tag || !path || !client || !fields || !data) return nullptr;
  return PyTuple_Pack(5, tag.get(), path.get(), client.get(), fields.get(), data.get());
}

py::object Next() {
  Work work;
  if (!DoorThreads::Get().Next(&work)) return py::none();
  PyObject* const made = work.callee != nullptr ? work.callee : TupleOf(work);
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

}  // namespace

bool TakeForThreads(const char* tag, const DataList* part) {
  return DoorThreads::Get().Take(tag, part);
}

void BindDoorThreads(py::module_& m) {
  m.def("_doors_threads", [](const std::vector<std::string>& paths, bool http) {
    DoorThreads::Get().Route({paths.begin(), paths.end()}, http);
  });
  m.def("_doors_put",
        [](const py::object& call) { DoorThreads::Get().Put(py::object(call).release().ptr()); });
  m.def("_doors_next", &Next);
  m.def("_doors_no_threads", [] { DoorThreads::Get().Close(); });
}

}  // namespace aiges::shim
