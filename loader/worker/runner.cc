#include "loader/worker/runner.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace aiges {
namespace {

// A gathered batch of answers is written at the latest after this much engine time: nobody's
// answer waits for a slow neighbour.
constexpr int64_t kHoldAnswersNs = 100'000;
constexpr int64_t kHoldItemsNs = 30'000;
// A session that has more to do lets others in after so long.
constexpr int64_t kSliceNs = 100'000;
constexpr size_t kHoldBytes = 128 * 1024;

void WriteOut(std::string* out) {
  GetOutbox().Write(*out);
  out->clear();
}

}  // namespace

Runner::Runner(const Host& host, unsigned threads, FrameInput* input)
    : host_(host),
      calls_(host),
      threads_(threads),
      alone_(threads == 1 && !host.mode.callback && !host.mode.async_once),
      input_(*input) {}

void Runner::Serve() {
  std::vector<std::thread> followers;
  const unsigned total = threads_ + (host_.mode.callback || host_.mode.async_once ? 1 : 0);
  {
    std::vector<Job> jobs;  // Sent while the engine was loading.
    while (std::optional<Frame> frame = input_.Next()) Dispatch(*frame, &jobs);
    MutexLock lock(mu_);
    for (Job& job : jobs) jobs_.push_back(std::move(job));
  }
  for (unsigned i = 1; i < total; ++i) followers.emplace_back([this] { Loop(); });
  Loop();
  for (std::thread& t : followers) t.join();
  std::vector<std::shared_ptr<EngineSession>> open;
  {
    MutexLock lock(mu_);
    for (auto& [id, session] : sessions_) open.push_back(session);
  }
  std::string out;
  for (auto& session : open) {
    session->Put(FrameType::kClose, "");
    session->Step(&out);
  }
  WriteOut(&out);
}

void Runner::Loop() {
  CallRoom room(host_);
  std::vector<Job> jobs;
  for (;;) {
    jobs.clear();
    int wait_ms = 0;
    const Turn turn = Take(&jobs, &wait_ms);
    if (turn == Turn::kFinish) return;
    if (turn == Turn::kRun) {
      RunJobs(std::move(jobs), &room);
      MutexLock lock(mu_);
      --running_;
      changed_.NotifyOne();
      continue;
    }
    ReadFrames(&room, turn == Turn::kLook ? 0 : wait_ms);
    MutexLock lock(mu_);
    leader_ = false;
    last_look_ = Clock::now();
    changed_.NotifyAll();
  }
}

void Runner::WakeDue() {
  const auto now = Clock::now();
  while (!later_.empty() && later_.front().first <= now) {
    jobs_.push_back(std::move(later_.front().second));
    later_.pop_front();
  }
}

Runner::Turn Runner::Take(std::vector<Job>* jobs, int* wait_ms) {
  MutexLock lock(mu_);
  for (;;) {
    if (!later_.empty()) WakeDue();
    if (!jobs_.empty() && running_ < threads_) {
      if (alone_ && !finish_ &&
          Clock::now() - last_look_ > std::chrono::nanoseconds(kHoldAnswersNs)) {
        leader_ = true;
        return Turn::kLook;  // Others may have sent something meanwhile.
      }
      const size_t most = host_.mode.batch ? host_.mode.batch_size : 1;
      do {
        jobs->push_back(std::move(jobs_.front()));
        jobs_.pop_front();
      } while (jobs->size() < most && !jobs_.empty() && jobs->front().session == nullptr &&
               jobs_.front().session == nullptr);
      ++running_;
      return Turn::kRun;
    }
    if (finish_ && jobs_.empty()) return Turn::kFinish;
    if (!finish_ && !leader_) {
      leader_ = true;
      *wait_ms = -1;
      if (!later_.empty()) {
        const auto left = later_.front().first - Clock::now();
        *wait_ms = static_cast<int>(
            std::max<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0));
      } else if (!alone_ && !host_.mode.callback && !sessions_.empty()) {
        *wait_ms = EngineSession::kReadPause.count();  // Another thread may set a pause meanwhile.
      }
      return Turn::kRead;
    }
    changed_.Wait(mu_);
  }
}

bool Runner::Fill(int wait_us) {
  if (wait_us >= 0) {
    pollfd fd{kChannelFd, POLLIN, 0};
    const timespec limit{wait_us / 1'000'000, wait_us % 1'000'000 * 1000};
    if (::ppoll(&fd, 1, &limit, nullptr) <= 0) return false;
  }
  if (input_.Fill(kChannelFd, 0) != FrameInput::State::kData) ::_exit(0);  // The loader is gone.
  return true;
}

void Runner::Dispatch(const Frame& frame, std::vector<Job>* jobs) {
  switch (frame.type) {
    case FrameType::kExec:
      jobs->push_back({frame.id, std::string(frame.body), nullptr});
      return;
    case FrameType::kCancel:
      return calls_.Cancel(frame.id);
    case FrameType::kLoad:
    case FrameType::kUnload:
      return LoadResource(frame);
    case FrameType::kFini: {
      MutexLock lock(mu_);
      finish_ = true;
      return;
    }
    case FrameType::kCreate:
    case FrameType::kWrite:
    case FrameType::kCredit:
    case FrameType::kClose: {
      std::shared_ptr<EngineSession> session;
      {
        MutexLock lock(mu_);
        auto& known = sessions_[frame.id];
        if (known == nullptr && frame.type == FrameType::kCreate) {
          known = std::make_shared<EngineSession>(host_, frame.id);
        }
        if (known == nullptr) {  // Destroyed meanwhile.
          sessions_.erase(frame.id);
          return;
        }
        session = known;
      }
      if (session->Put(frame.type, frame.body)) jobs->push_back({frame.id, "", session});
      return;
    }
    default:
      std::fprintf(stderr, "aiges-worker: unexpected frame %d\n", static_cast<int>(frame.type));
      ::_exit(1);
  }
}

// Here and now: calls that come behind it may use it.
void Runner::LoadResource(const Frame& frame) {
  const Plugin& plugin = *host_.plugin;
  const auto id = static_cast<unsigned>(frame.id);
  const bool load = frame.type == FrameType::kLoad;
  int code = -1;
  std::string text;
  DataInput resource;
  WireReader r(frame.body);
  if (plugin.load_res == nullptr || (plugin.traits != nullptr &&
                                     (plugin.traits() & WTraitResources) == 0)) {
    text = "the engine has no wrapperLoadRes";
  } else if (!load) {
    code = plugin.unload_res == nullptr ? 0 : plugin.unload_res(id);
  } else if (resource.Read(&r, *host_.requests)) {
    resource.head()->type = DataPer;
    resource.head()->status = DataEnd;
    code = plugin.load_res(resource.head(), id);
  } else {
    text = "the worker could not read the resource";
  }
  if (code != 0 && text.empty()) text = StrCat(plugin.ErrorText(code), ";code=", code);
  std::string out;
  WireWriter w(&out);
  w.Begin(FrameType::kLoaded, frame.id);
  w.Number(static_cast<int32_t>(code));
  w.Text(text);
  w.End();
  GetOutbox().Write(out);
}

void Runner::Gather(std::vector<Job>* jobs) {
  // While calls come in company, it may be worth waiting for more of them.
  const auto calls = [jobs] {
    return static_cast<size_t>(std::count_if(
        jobs->begin(), jobs->end(), [](const Job& job) { return job.session == nullptr; }));
  };
  const int64_t until = NowNs() + (last_batch_ > 1 ? host_.mode.batch_delay_ns : 0);
  while (calls() > 0 && calls() < host_.mode.batch_size) {
    const int64_t left_us = std::max<int64_t>((until - NowNs()) / 1000, 0);
    if (!Fill(static_cast<int>(left_us))) break;
    while (std::optional<Frame> frame = input_.Next()) Dispatch(*frame, jobs);
  }
  if (calls() > 0) last_batch_ = calls();
}

void Runner::ReadFrames(CallRoom* room, int wait_ms) {
  if (!Fill(wait_ms < 0 ? -1 : wait_ms * 1000)) return;
  std::vector<Job> jobs;
  int64_t held_since = NowNs();
  const bool run_here = alone_ && !host_.mode.batch;
  while (std::optional<Frame> frame = input_.Next()) {
    if (!run_here || frame->type != FrameType::kExec) {
      Dispatch(*frame, &jobs);
      continue;
    }
    calls_.RunOne({frame->id, frame->body}, room);
    if (NowNs() - held_since > kHoldAnswersNs || room->out.size() > kHoldBytes) {
      WriteOut(&room->out);
      held_since = NowNs();
    }
  }
  if (!room->out.empty()) WriteOut(&room->out);
  if (host_.mode.batch) Gather(&jobs);
  if (jobs.empty()) return;
  MutexLock lock(mu_);
  for (Job& job : jobs) jobs_.push_back(std::move(job));
  if (!alone_ && jobs_.size() > 1) changed_.NotifyAll();
}

void Runner::RunJobs(std::vector<Job> jobs, CallRoom* room) {
  if (jobs.front().session != nullptr) return RunSession(std::move(jobs.front()), room);
  std::vector<ExecFrame> frames;
  frames.reserve(jobs.size());
  for (const Job& job : jobs) frames.push_back({job.id, job.body});
  calls_.Run(frames, room);
  WriteOut(&room->out);
}

void Runner::RunSession(Job job, CallRoom* room) {
  const int64_t begin = NowNs();
  int64_t held_since = begin;
  auto next = EngineSession::Next::kAgain;
  for (int64_t now = begin; next == EngineSession::Next::kAgain && now - begin < kSliceNs;) {
    next = job.session->Step(&room->out);
    now = NowNs();
    if (now - held_since > kHoldItemsNs || room->out.size() > kHoldBytes) {
      WriteOut(&room->out);
      held_since = now;
    }
  }
  WriteOut(&room->out);
  MutexLock lock(mu_);
  if (next == EngineSession::Next::kGone) {
    sessions_.erase(job.id);
  } else if (next == EngineSession::Next::kAgain) {
    jobs_.push_back(std::move(job));
  } else if (next == EngineSession::Next::kLater) {
    later_.emplace_back(Clock::now() + EngineSession::kReadPause, std::move(job));
  }
}

}  // namespace aiges
