// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/runner.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "loader/worker/own_process.h"

namespace aiges {
namespace {

// A gathered batch of answers is written at the latest after this much engine time: nobody's
// answer waits for a slow neighbour.
constexpr int64_t kHoldAnswersNs = 100'000;
constexpr int64_t kHoldItemsNs = 30'000;
// A session that has more to do lets others in after so long.
constexpr int64_t kSliceNs = 100'000;

}  // namespace

thread_local int64_t Runner::t_leads_since = 0;

Runner::Runner(const Host& host, FrameInput input)
    : host_(host),
      calls_(host),
      doors_(host),
      base_(host.mode.threads),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      input_(std::make_shared<FrameInput>(std::move(input))),
      most_(host.mode.most_threads) {
  GetModelCalls().Open(&host, this);
}

void Runner::Serve() {
  {
    std::vector<Job> jobs;  // Sent while the engine was loading.
    while (std::optional<Frame> frame = input_->Next()) Dispatch(*frame, &jobs);
    MutexLock lock(mu_);
    Queue(&jobs);
    AddThreads(base_ - 1);
  }
  std::thread watcher([this] { Watch(); });
  Loop();
  watcher.join();  // After this nobody adds threads.
  std::vector<std::thread> threads;
  {
    MutexLock lock(mu_);
    threads.swap(hook_threads_);
  }
  for (std::thread& t : threads) t.join();
}

void Runner::Loop() {
  CallRoom room(host_);
  {
    MutexLock lock(mu_);
    held_.push_back(&room.held);
  }
  std::vector<Job> jobs;
  for (;;) {
    jobs.clear();
    Reading reading;
    const Turn turn = Take(&jobs, &reading);
    if (turn == Turn::kFinish) break;
    if (turn == Turn::kRun) {
      RunJobs(&jobs, &room);
    } else {
      ReadFrames(&room, reading);
    }
  }
  MutexLock lock(mu_);
  held_.erase(std::find(held_.begin(), held_.end(), &room.held));
}

// One read into *input, of what comes until then. False: nothing came.
bool Runner::Fill(FrameInput* input, Clock::time_point until) {
  if (until != Clock::time_point::max()) {
    const auto left = std::max<int64_t>((until - Clock::now()).count(), 0);
    pollfd fd{kChannelFd, POLLIN, 0};
    const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    if (::ppoll(&fd, 1, &limit, nullptr) <= 0) return false;
  }
  if (input->Fill(kChannelFd, 0) != FrameInput::State::kData) EndWithoutChannel();
  return true;
}

Runner::Turn Runner::Take(std::vector<Job>* jobs, Reading* reading) {
  MutexLock lock(mu_);
  for (;;) {
    WakeDue();
    if (!jobs_.empty() && !loading_) {
      const bool free = reader_ == Reader::kNobody && !finish_;
      const size_t waiting = Incomplete();
      if (free && waiting > 0) {
        gathered_ = true;
        BeginReading(reading, false);
        reading->calls = waiting;
        return Turn::kRead;
      }
      if (free && Clock::now() - last_look_ > std::chrono::nanoseconds(kSliceNs)) {
        BeginReading(reading, false);  // Others may have sent something meanwhile.
        return Turn::kRead;
      }
      if (waiting == 0 || reader_ != Reader::kWatcher) {
        TakeJobs(jobs);
        return Turn::kRun;
      }
    } else if (finish_ && jobs_.empty()) {
      WakeResting(resting_);
      return Turn::kFinish;
    } else if (!finish_ && reader_ == Reader::kNobody) {
      if (!main_rests_) {
        BeginReading(reading, true);
        return Turn::kRead;
      }
      // What belongs to a thread is most often made by wrapperInit.
      main_changed_.NotifyOne();
    }
    if (reader_ == Reader::kWatcher && !std::exchange(wanted_, true)) Wake();
    Rest();
  }
}

size_t Runner::Incomplete() const {
  if (!host_.mode.batch || finish_ || gathered_) return 0;
  const auto other = std::find_if(jobs_.begin(), jobs_.end(),
                                  [](const Job& job) { return job.type != FrameType::kExec; });
  const auto calls = static_cast<size_t>(other - jobs_.begin());
  return calls < host_.mode.batch_size ? calls : 0;
}

void Runner::TakeJobs(std::vector<Job>* jobs) {
  const size_t most = host_.mode.batch ? host_.mode.batch_size : 1;
  do {
    jobs->push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  } while (jobs->size() < most && !jobs_.empty() && jobs->front().type == FrameType::kExec &&
           jobs_.front().type == FrameType::kExec);
  const FrameType type = jobs->front().type;
  if (type == FrameType::kExec) {
    gathered_ = false;
    last_batch_ = jobs->size();
  }
  loading_ = type == FrameType::kLoad || type == FrameType::kUnload;
  ++running_;
  last_turn_ = Clock::now();
  if (reader_ != Reader::kWatcher) WakeIfAsleep();
}

void Runner::BeginReading(Reading* reading, bool wait) {
  reader_ = Reader::kHookThread;
  // Of several threads one would run alone what the others wait for.
  // What waits in there would have to give the reading away first.
  reading->run_here = base_ == 1 && !host_.mode.batch && resources_ == 0 && !nests_ &&
                      !(slow_.load(std::memory_order_relaxed) && resting_ > 0);
  reading->until = Clock::time_point::max();
  if (!wait) {
    reading->until = Clock::time_point{};
  } else if (!later_.empty()) {
    reading->until = later_.front().first;
  } else if (threads_ > 1 && !sessions_.empty()) {
    reading->until = Clock::now() + EngineSession::kReadPause;  // Another may set a pause.
  }
}

void Runner::Rest() {
  const bool main = std::this_thread::get_id() == main_;
  CondVar& changed = main ? main_changed_ : changed_;
  ++resting_;
  if (main) main_rests_ = true;
  if (later_.empty()) {
    changed.Wait(mu_);
  } else {
    changed.WaitUntil(mu_, later_.front().first);
  }
  if (main) main_rests_ = false;
  --resting_;
}

void Runner::WakeResting(size_t count) {
  size_t others = resting_;
  if (count > 0 && main_rests_) {
    main_changed_.NotifyOne();
    --others;
    --count;
  }
  for (count = std::min(count, others); count > 0; --count) changed_.NotifyOne();
}

void Runner::WakeDue() {
  if (later_.empty()) return;
  const auto now = Clock::now();
  while (!later_.empty() && (finish_ || later_.front().first <= now)) {
    later_.front().second.since = now;
    jobs_.push_back(std::move(later_.front().second));
    later_.pop_front();
  }
}

void Runner::Queue(std::vector<Job>* jobs) {
  for (Job& job : *jobs) {
    if (job.type == FrameType::kLoad || job.type == FrameType::kUnload) ++resources_;
    jobs_.push_back(std::move(job));
  }
  jobs->clear();
}

void Runner::Dispatch(const Frame& frame, std::vector<Job>* jobs) {
  switch (frame.type) {
    case FrameType::kExec:
    case FrameType::kLoad:
    case FrameType::kUnload:
      jobs->push_back({frame.id, frame.type, std::string(frame.body), nullptr});
      return;
    case FrameType::kDoor:
      return doors_.Begin(frame);
    case FrameType::kDoorIn:
    case FrameType::kDoorTook:
      doors_.On(frame);  // Of one that has ended: late.
      return;
    case FrameType::kCancel:
      if (!doors_.On(frame)) calls_.Cancel(frame.id);
      return;
    case FrameType::kCallAnswer: {
      GetModelCalls().On(frame);
      MutexLock lock(mu_);
      return WakeWaiters();
    }
    case FrameType::kFini:
      SetEnd(WireReader(frame.body).Number<int64_t>());
      return Finish();
    case FrameType::kCreate:
    case FrameType::kWrite:
    case FrameType::kCredit:
    case FrameType::kClose:
      return DispatchSession(frame, jobs);
    default:
      std::fprintf(stderr, "aiges-worker: unexpected frame %d\n", static_cast<int>(frame.type));
      ::_exit(1);
  }
}

void Runner::DispatchSession(const Frame& frame, std::vector<Job>* jobs) {
  std::shared_ptr<EngineSession> session;
  {
    MutexLock lock(mu_);
    if (const auto known = sessions_.find(frame.id); known != sessions_.end()) {
      session = known->second;
    } else if (frame.type == FrameType::kCreate) {
      session = std::make_shared<EngineSession>(host_, frame.id);
      sessions_.emplace(frame.id, session);
    }
  }
  if (session == nullptr) return;  // Destroyed meanwhile.
  if (session->Put(frame.type, frame.body)) {
    jobs->push_back({frame.id, FrameType::kCreate, "", session});
  }
}

// Open sessions are closed, so that hooks that wait for credit in a callback come back.
void Runner::Finish() {
  MutexLock lock(mu_);
  finish_ = true;
  for (auto& [id, session] : sessions_) {
    if (session->Put(FrameType::kClose, "")) {
      jobs_.push_back({id, FrameType::kCreate, "", session});
    }
  }
  WakeResting(resting_);
  Wake();
}

void Runner::Gather(FrameInput* input, size_t waiting, std::vector<Job>* jobs) {
  const auto calls = [&] {
    return waiting +
           static_cast<size_t>(std::count_if(jobs->begin(), jobs->end(), [](const Job& job) {
             return job.type == FrameType::kExec;
           }));
  };
  auto until = Clock::now();
  {
    MutexLock lock(mu_);
    // While calls come in company, it may be worth waiting for more of them.
    if (last_batch_ > 1) until += std::chrono::nanoseconds(host_.mode.batch_delay_ns);
    if (calls() > 0) gathered_ = true;
  }
  while (calls() > 0 && calls() < host_.mode.batch_size) {
    if (!Fill(input, until)) break;
    while (std::optional<Frame> frame = input->Next()) Dispatch(*frame, jobs);
  }
}

void Runner::ReadFrames(CallRoom* room, const Reading& reading) {
  const std::shared_ptr<FrameInput> input = input_;
  std::vector<Job> jobs;
  bool mine = true;
  // What a leader that was deposed had not read yet comes before the channel.
  if (input->HasFrame() || Fill(input.get(), reading.until)) {
    while (std::optional<Frame> frame = mine ? input->Next() : std::nullopt) {
      if (reading.run_here && frame->type == FrameType::kExec && jobs.empty()) {
        mine = RunHere(*frame, room);
      } else {
        Dispatch(*frame, &jobs);
      }
    }
    if (reading.run_here) room->held.Flush();
  }
  if (host_.mode.batch) Gather(input.get(), reading.calls, &jobs);
  MutexLock lock(mu_);
  last_look_ = Clock::now();
  if (!mine) {
    --running_;
    last_turn_ = last_look_;
    return;
  }
  reader_ = Reader::kNobody;
  const size_t count = jobs.size();
  Queue(&jobs);
  PassReading();
  if (base_ > 1 || slow_.load(std::memory_order_relaxed)) WakeResting(count);
}

bool Runner::RunHere(const Frame& frame, CallRoom* room) {
  const int64_t begin = NowNs();
  inline_since_.store(begin);
  t_leads_since = begin;
  WakeIfAsleep();
  calls_.RunOne({frame.id, frame.body}, room);
  t_leads_since = 0;
  // Another leader may have begun a call meanwhile: only this one's own mark says that it still
  // leads. No two calls begin at one time.
  int64_t mark = begin;
  const bool mine = inline_since_.compare_exchange_strong(mark, 0);
  const int64_t end = NowNs();
  slow_.store(end - begin > kSlowNs, std::memory_order_relaxed);
  // The next call will take as long: an answer that would be too old then leaves before it.
  room->held.Hold(&room->out, end, kHoldAnswersNs - (end - begin));
  return mine;
}

void Runner::RunJobs(std::vector<Job>* jobs, CallRoom* room) {
  Job& first = jobs->front();
  const int64_t begin = NowNs();
  if (first.type == FrameType::kCreate) {
    RunSession(std::move(first), room);
  } else if (first.type != FrameType::kExec) {
    LoadResource(first);
  } else {
    std::vector<ExecFrame> frames;
    frames.reserve(jobs->size());
    for (const Job& job : *jobs) frames.push_back({job.id, job.body});
    calls_.Run(frames, room);
    GetOutbox().Write(room->out);
    room->out.clear();
  }
  slow_.store(NowNs() - begin > kSlowNs, std::memory_order_relaxed);
  MutexLock lock(mu_);
  --running_;
  last_turn_ = Clock::now();
}

void Runner::RunSession(Job job, CallRoom* room) {
  const int64_t begin = NowNs();
  auto next = EngineSession::Next::kAgain;
  for (int64_t now = begin; next == EngineSession::Next::kAgain && now - begin < kSliceNs;) {
    next = job.session->Step(&room->out);
    now = NowNs();
    if (room->held.Hold(&room->out, now, kHoldItemsNs)) WakeIfAsleep();
  }
  room->held.Flush();
  MutexLock lock(mu_);
  if (next == EngineSession::Next::kGone) {
    sessions_.erase(job.id);
  } else if (next == EngineSession::Next::kAgain) {
    job.since = Clock::now();
    jobs_.push_back(std::move(job));
  } else if (next == EngineSession::Next::kLater) {
    later_.emplace_back(Clock::now() + EngineSession::kReadPause, std::move(job));
    WakeIfAsleep();  // A watcher that reads: when it is due, this thread may run something else.
  }
}

// Nothing that came behind it runs before it is done: calls may use it.
void Runner::LoadResource(const Job& job) {
  const Plugin& plugin = *host_.plugin;
  const auto id = static_cast<unsigned>(job.id);
  const bool load = job.type == FrameType::kLoad;
  int code = -1;
  Failure failure;
  DataInput resource;
  WireReader r(job.body);
  if (plugin.load_res == nullptr ||
      (plugin.traits != nullptr && (plugin.traits() & WTraitResources) == 0)) {
    failure.text = "the engine has no wrapperLoadRes";
  } else if (!load) {
    code = plugin.unload_res == nullptr ? 0 : plugin.unload_res(id);
  } else if (resource.Read(&r, *host_.requests)) {
    resource.head()->type = DataPer;
    resource.head()->status = DataEnd;
    code = plugin.load_res(resource.head(), id);
  } else {
    failure.text = "the worker could not read the resource";
  }
  if (code != 0 && failure.text.empty()) failure = plugin.Error(Fault::kExec, code);
  std::string out;
  WireWriter w(&out);
  w.Begin(FrameType::kLoaded, job.id);
  w.Number(static_cast<int32_t>(code));
  w.Text(failure.text);
  w.Number(failure.error_class);
  w.End();
  GetOutbox().Write(out);
  MutexLock lock(mu_);
  loading_ = false;
  --resources_;
  WakeResting(jobs_.size());
}

}  // namespace aiges
