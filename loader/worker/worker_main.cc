// loader/worker/worker_main.cc: aiges-worker, the process that one instance of the engine lives in.
//
// Started by AIService only: aiges-worker <instance> <parent pid> <numa node>, with the descriptors
// of channel/frame.h open. [instances] threads threads share the channel as leader and followers:
// one reads a batch of frames, hands what is more than one call to the others, and runs its own.
// With one thread (the usual case) there is no hand-over at all: read, run, and write when nothing
// more is to be taken.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/base/strings.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/channel/wire.h"
#include "loader/worker/lists.h"
#include "loader/worker/plugin.h"

namespace aiges {
namespace {

// A gathered batch of answers is written at the latest after this much engine time: nobody's
// answer waits for a slow neighbour.
constexpr std::chrono::microseconds kHoldAnswers{100};
constexpr size_t kHoldBytes = 128 * 1024;

int64_t NowNs() { return ToNanos(std::chrono::steady_clock::now()); }

// The way to the loader, shared by all threads.
class Outbox {
 public:
  void Write(std::string_view frames) {
    MutexLock lock(mu_);
    // The loader is gone when this fails; its end takes this process with it.
    if (SendSome(kChannelFd, frames, 0) < 0) ::_exit(0);
  }

 private:
  Mutex mu_;
};

Outbox g_outbox;  // The C callbacks of wrapperSetCtrl carry no context.

int OnMeter(const char* usr_tag, const char* key, int count) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kMeter, 0);
  w.Text(usr_tag == nullptr ? "" : usr_tag);
  w.Text(key == nullptr ? "" : key);
  w.Number(static_cast<int32_t>(count));
  w.End();
  g_outbox.Write(frame);
  return 0;
}

int OnTrace(const char* usr_tag, const char* key, const char* value) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kTrace, 0);
  w.Text(usr_tag == nullptr ? "" : usr_tag);
  w.Text(key == nullptr ? "" : key);
  w.Text(value == nullptr ? "" : value);
  w.End();
  g_outbox.Write(frame);
  return 0;
}

class Worker {
 public:
  int Main();

 private:
  struct Job {
    uint64_t id;
    std::string body;
  };

  bool Start();
  bool Init(std::string_view body);
  void Fail(int code, const std::string& reason);
  void Serve();
  bool TakeJob(Job* job);
  // Reads frames; runs them here while there is one thread, else queues them. False: finish.
  bool ReadBatch(CallInput* input, std::string* out);
  void Execute(uint64_t id, std::string_view body, CallInput* input, std::string* out);

  std::shared_ptr<ArenaMapping> requests_;
  std::unique_ptr<Arena> results_;
  std::unique_ptr<Plugin> plugin_;
  unsigned threads_ = 1;
  FrameInput input_;  // Belongs to the leader.

  Mutex mu_;
  CondVar changed_;
  bool leader_ GUARDED_BY(mu_) = false;
  bool finish_ GUARDED_BY(mu_) = false;
  std::deque<Job> jobs_ GUARDED_BY(mu_);
};

void Worker::Fail(int code, const std::string& reason) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kFailed, 0);
  w.Number(static_cast<int32_t>(code));
  w.Text(reason);
  w.End();
  g_outbox.Write(frame);
}

bool Worker::Init(std::string_view body) {
  WireReader r(body);
  const std::string library(r.Text());
  const Pairs config = r.KeyValues();
  threads_ = r.Number<uint32_t>();
  std::vector<std::string> folders;
  for (uint32_t i = r.Count(5); i > 0; --i) folders.emplace_back(r.Text());
  if (!r.AtEnd()) {
    Fail(0, "broken start frame");
    return false;
  }
  Status status;
  plugin_ = Plugin::Load(library, folders, &status);
  if (plugin_ == nullptr) {
    Fail(0, status.text);
    return false;
  }
  if (plugin_->set_ctrl != nullptr) {
    plugin_->set_ctrl(CTMeterCustom, reinterpret_cast<void*>(&OnMeter));
    plugin_->set_ctrl(CTTraceLog, reinterpret_cast<void*>(&OnTrace));
  }
  ParamNodes nodes;
  nodes.Reset(config.size());
  for (const auto& [key, value] : config) nodes.Add(key, value);
  const int code = plugin_->init(nodes.head());
  if (code != 0) {
    Fail(code, StrCat("wrapperInit failed: ", plugin_->ErrorText(code), ";code=", code));
    return false;
  }
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kReady, 0);
  w.Text(plugin_->path());
  w.Text(plugin_->Version());
  w.End();
  g_outbox.Write(frame);
  return true;
}

bool Worker::Start() {
  std::string hello;
  WireWriter w(&hello);
  w.Begin(FrameType::kHello, 0);
  w.Number(kChannelVersion);
  w.Number(static_cast<uint32_t>(::getpid()));
  w.End();
  g_outbox.Write(hello);

  Status status;
  requests_ = ArenaMapping::Map(kRequestMemoryFd, ArenaMapping::Access::kReader, false, &status);
  if (requests_ != nullptr) results_ = Arena::Adopt(Fd(kResultMemoryFd), &status);
  if (requests_ == nullptr || results_ == nullptr) {
    Fail(0, status.text);
    return false;
  }
  for (;;) {
    if (input_.Fill(kChannelFd, 0) != FrameInput::State::kData) return false;
    if (std::optional<Frame> frame = input_.Next()) {
      return frame->type == FrameType::kInit && Init(frame->body);
    }
  }
}

void Worker::Execute(uint64_t id, std::string_view body, CallInput* input, std::string* out) {
  if (!input->Parse(body, *requests_)) {
    WriteRefusal(out, id, ResultKind::kMalformed, "the worker could not read the call");
    return;
  }
  const int64_t start = NowNs();
  if (input->deadline_ns <= start) {
    WriteRefusal(out, id, ResultKind::kExpired, "");
    return;
  }
  pDataList head = nullptr;
  unsigned* psr_ids = input->psr_ids.empty() ? nullptr : input->psr_ids.data();
  const int code =
      plugin_->exec(input->usr_tag.data(), input->params.head(), input->data.data(), &head,
                    psr_ids, static_cast<int>(input->psr_ids.size()));
  const auto engine_ns = static_cast<uint64_t>(NowNs() - start);
  const std::string text = code == 0 ? "" : plugin_->ErrorText(code);
  const std::string wrong = WriteResult(out, id, code, text, engine_ns,
                                        code == 0 ? head : nullptr, results_.get());
  if (!wrong.empty()) std::fprintf(stderr, "aiges-worker: %s\n", wrong.c_str());
  if (code == 0 && plugin_->exec_free != nullptr) {
    plugin_->exec_free(input->usr_tag.data(), &head);
  }
}

bool Worker::ReadBatch(CallInput* input, std::string* out) {
  if (input_.Fill(kChannelFd, 0) != FrameInput::State::kData) ::_exit(0);  // The loader is gone.
  const bool alone = threads_ == 1;
  std::vector<Job> jobs;
  bool finish = false;
  int64_t held_since = NowNs();
  while (std::optional<Frame> frame = input_.Next()) {
    if (frame->type == FrameType::kFini) {
      finish = true;
    } else if (frame->type != FrameType::kExec) {
      std::fprintf(stderr, "aiges-worker: unexpected frame %d\n", static_cast<int>(frame->type));
      ::_exit(1);
    } else if (!alone) {
      jobs.push_back({frame->id, std::string(frame->body)});
    } else {
      Execute(frame->id, frame->body, input, out);
      const int64_t now = NowNs();
      if (now - held_since > std::chrono::nanoseconds(kHoldAnswers).count() ||
          out->size() > kHoldBytes) {
        g_outbox.Write(*out);
        out->clear();
        held_since = NowNs();
      }
    }
  }
  if (!out->empty()) g_outbox.Write(*out);
  out->clear();
  if (jobs.empty()) return !finish;
  MutexLock lock(mu_);
  for (Job& job : jobs) jobs_.push_back(std::move(job));
  return !finish;
}

bool Worker::TakeJob(Job* job) {
  MutexLock lock(mu_);
  while (jobs_.empty() && leader_ && !finish_) changed_.Wait(mu_);
  if (!jobs_.empty()) {
    *job = std::move(jobs_.front());
    jobs_.pop_front();
    return true;
  }
  leader_ = !finish_;
  return false;
}

void Worker::Serve() {
  CallInput input;
  std::string out;
  for (;;) {
    Job job;
    if (TakeJob(&job)) {
      Execute(job.id, job.body, &input, &out);
      g_outbox.Write(out);
      out.clear();
      continue;
    }
    {
      MutexLock lock(mu_);
      if (finish_) return;
    }
    const bool more = ReadBatch(&input, &out);
    MutexLock lock(mu_);
    leader_ = false;
    finish_ = finish_ || !more;
    changed_.NotifyAll();
  }
}

int Worker::Main() {
  if (!Start()) return 1;
  std::vector<std::thread> followers;
  for (unsigned i = 1; i < threads_; ++i) followers.emplace_back([this] { Serve(); });
  Serve();
  for (std::thread& t : followers) t.join();
  if (plugin_->fini != nullptr) plugin_->fini();
  return 0;
}

}  // namespace
}  // namespace aiges

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "aiges-worker is started by AIService, not by hand.\n");
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);  // As in every Python: a closed pipe is an error, not the end.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Dies with the loader, also while the engine is busy.
  if (::getppid() != std::atoi(argv[2])) return 0;
  const int node = std::atoi(argv[3]);
  if (node >= 0) {
    unsigned long mask = 1ul << (node % 64);  // MPOL_BIND = 2: memory of this node only.
    if (::syscall(SYS_set_mempolicy, 2, &mask, 65ul) != 0) {
      std::fprintf(stderr, "aiges-worker: AIGES_ENV_NUMA=%d: %s\n", node, std::strerror(errno));
    }
  }
  aiges::Worker worker;
  const int status = worker.Main();
  std::fflush(nullptr);
  // Not exit(): destructors of a half-shut-down plugin are where processes hang at the end.
  ::_exit(status);
}
