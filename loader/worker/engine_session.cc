#include "loader/worker/engine_session.h"

#include <algorithm>
#include <cstdio>

namespace aiges {
namespace {

// Loader codes of what can fail in a session (loader/api/codes.h; frozen).
constexpr int32_t kCodeRepeated = 10105;
constexpr int32_t kCodeCreate = 10905;
constexpr int32_t kCodeWrite = 10907;
constexpr int32_t kCodeRead = 10908;
constexpr int32_t kCodeExec = 10909;
constexpr int32_t kCodeCallback = 10910;
constexpr int kMostEmptyReads = 100;

bool IsEmpty(const DataList* head) {
  return head == nullptr ||
         (head->key == nullptr && head->data == nullptr && head->next == nullptr);
}

void WriteTaken(std::string* out, uint64_t id, uint32_t writes) {
  WireWriter w(out);
  w.Begin(FrameType::kTaken, id);
  w.Number(writes);
  w.End();
}

}  // namespace

void StreamEnds::See(const DataList* head) {
  int nodes = 0;
  for (const DataList* p = head; p != nullptr && nodes < 100'000; p = p->next, ++nodes) {
    if (p->key == nullptr && p->data == nullptr) continue;
    const std::string_view key = p->key == nullptr ? "" : p->key;
    const bool end = p->status == DataEnd || p->status == DataOnce;
    const auto found = std::find_if(streams_.begin(), streams_.end(),
                                    [&](const auto& stream) { return stream.first == key; });
    if (found == streams_.end()) {
      streams_.emplace_back(key, end);
    } else {
      found->second = found->second || end;
    }
  }
}

bool StreamEnds::AllEnded() const {
  return !streams_.empty() && std::all_of(streams_.begin(), streams_.end(),
                                          [](const auto& stream) { return stream.second; });
}

bool EngineSession::MayRead() const {
  return want_read_ && !ended_ && credit_ > 0;
}

bool EngineSession::Put(FrameType type, std::string_view body) {
  const std::lock_guard lock(mu_);
  if (type == FrameType::kCredit) {
    WireReader r(body);
    credit_ += r.Number<uint32_t>();
    room_.notify_all();
    if (!MayRead()) return false;
  } else if (type == FrameType::kClose) {
    closing_ = true;
    ended_ = true;
    room_.notify_all();
  } else {
    operations_.push_back({type, std::string(body)});
  }
  return !std::exchange(with_runner_, true);
}

EngineSession::Next EngineSession::Step(std::string* out) {
  Operation operation;
  bool read = false;
  {
    std::unique_lock lock(mu_);
    if (closing_) {
      lock.unlock();
      return Close(out);
    }
    read = MayRead();
    // A client that does not take results gets no further input in either.
    const bool blocked = want_read_ && !ended_ && credit_ == 0;
    if (!read && !operations_.empty() && !blocked) {
      operation = std::move(operations_.front());
      operations_.pop_front();
    } else if (!read) {
      with_runner_ = false;
      return Next::kRest;
    }
  }
  if (read) {
    Read(out);
  } else if (operation.type == FrameType::kCreate) {
    Create(operation.body, out);
  } else {
    Write(std::move(operation), out);
  }
  return std::exchange(pausing_, false) ? Next::kLater : Next::kAgain;
}

void EngineSession::Fail(int32_t code, const std::string& text, std::string* out,
                         std::string_view detail) {
  const std::lock_guard lock(mu_);
  if (std::exchange(ended_, true)) return;
  WriteItemError(out, id_, code, text, detail);
}

void EngineSession::FailEngine(int32_t loader_code, int engine_code, std::string* out) {
  EngineError error = host_.plugin->Error(engine_code);
  if (engine_code == 0) error.text = host_.plugin->ErrorText(0);  // wrapperCreate gave no handle.
  Fail(loader_code, StrCat(error.text, ";code=", engine_code), out, error.detail);
}

void EngineSession::Create(const std::string& body, std::string* out) {
  create_body_ = body;
  uint32_t credit = 0;
  if (!create_.ParseCreate(create_body_, &credit)) {
    return Fail(kCodeCreate, "the worker could not read the session's start", out);
  }
  tag_ = create_.usr_tag;
  {
    const std::lock_guard lock(mu_);
    credit_ += credit;
  }
  WriteTaken(out, id_, 0);
  if (!GetCallbackTable().Add(tag_, shared_from_this())) {
    tag_.clear();
    return Fail(kCodeRepeated,
                StrCat("session repeat: a call or session with the handle ", create_.usr_tag,
                       " is in work"),
                out);
  }
  if (!host_.mode.sessions) return;
  int code = 0;
  handle_ = host_.plugin->create(tag_.c_str(), create_.params.head(),
                                 host_.mode.callback ? &OnEngineResult : nullptr,
                                 create_.psr_head(), create_.psr_count(), &code);
  created_ = code == 0 && handle_ != nullptr;
  if (!created_) FailEngine(kCodeCreate, code, out);
}

void EngineSession::Write(Operation operation, std::string* out) {
  Input& input = gathered_.emplace_back();
  input.body = std::move(operation.body);
  WireReader r(input.body);
  bool ended = false;
  {
    const std::lock_guard lock(mu_);
    ended = ended_;
  }
  // After an error, or the engine's own end, input is for nobody.
  if (ended || (host_.mode.sessions && !created_)) {
    gathered_.pop_back();
    return WriteTaken(out, id_, 1);
  }
  if (!input.data.Read(&r, *host_.requests)) {
    gathered_.pop_back();
    WriteTaken(out, id_, 1);
    return Fail(kCodeWrite, "the worker could not read the input", out);
  }
  input_.See(input.data.head());
  const bool input_ended = input_.AllEnded();
  if (!host_.mode.sessions) {
    if (!input_ended) return WriteTaken(out, id_, 1);
    ExecOnce(out);
    return WriteTaken(out, id_, 1);
  }
  const int code = host_.plugin->write(handle_, input.data.head());
  gathered_.clear();
  if (code != 0) {
    WriteTaken(out, id_, 1);
    return FailEngine(kCodeWrite, code, out);
  }
  if (host_.mode.callback) return WriteTaken(out, id_, 1);
  const std::lock_guard lock(mu_);
  input_ended_ = input_ended;
  want_read_ = input_ended_ || host_.mode.real_time_results;
  if (!input_ended_) return WriteTaken(out, id_, 1);
  // What the engine still does belongs to this write: the loader sees that it is at work.
  ++held_taken_;
}

void EngineSession::Read(std::string* out) {
  pDataList head = nullptr;
  const int code = host_.plugin->read(handle_, &head);
  if (code != 0) return FailEngine(kCodeRead, code, out);
  const std::lock_guard lock(mu_);
  if (!input_ended_) want_read_ = false;
  if (IsEmpty(head)) {
    if (!input_ended_) return;
    pausing_ = true;
    if (++empty_reads_ <= kMostEmptyReads || std::exchange(ended_, true)) return;
    WriteItemError(out, id_, kCodeRead,
                   "wrapperRead gave nothing 100 times after the end of the input;code=0");
    return;
  }
  empty_reads_ = 0;
  output_.See(head);
  const bool last = output_.AllEnded();
  if (ended_) return;  // Closed meanwhile.
  ended_ = last;
  --credit_;
  const std::string wrong = WriteItem(out, id_, last, head, host_.results.get());
  if (!wrong.empty()) {
    ended_ = true;
    WriteItemError(out, id_, kCodeRead, wrong);
  }
  if (ended_ && held_taken_ > 0) WriteTaken(out, id_, std::exchange(held_taken_, 0));
}

void EngineSession::ExecOnce(std::string* out) {
  // One list out of all that was written.
  DataList* last = nullptr;
  for (Input& input : gathered_) {
    if (last != nullptr) last->next = input.data.head();
    for (last = input.data.head(); last->next != nullptr;) last = last->next;
  }
  const Plugin& plugin = *host_.plugin;
  pDataList data = gathered_.front().data.head();
  if (host_.mode.async_once) {
    const int code = plugin.exec_async(tag_.c_str(), create_.params.head(), data, &OnEngineResult,
                                       0, create_.psr_head(), create_.psr_count());
    if (code != 0) FailEngine(kCodeExec, code, out);
    return gathered_.clear();
  }
  pDataList head = nullptr;
  const int code = plugin.exec(tag_.c_str(), create_.params.head(), data, &head,
                               create_.psr_head(), create_.psr_count());
  gathered_.clear();
  if (code != 0) return FailEngine(kCodeExec, code, out);
  {
    const std::lock_guard lock(mu_);
    if (!std::exchange(ended_, true)) {
      const std::string wrong = WriteItem(out, id_, true, head, host_.results.get());
      if (!wrong.empty()) WriteItemError(out, id_, kCodeExec, wrong);
    }
  }
  if (plugin.exec_free != nullptr) plugin.exec_free(tag_.c_str(), &head);
}

int EngineSession::Deliver(pDataList results, int code, bool may_wait) {
  const EngineError error = host_.plugin->Error(code);
  std::unique_lock lock(mu_);
  if (ended_) return -1;
  std::string frame;
  if (code != 0) {
    ended_ = true;
    WriteItemError(&frame, id_, host_.mode.sessions ? kCodeCallback : kCodeExec,
                   StrCat(error.text, ";code=", code), error.detail);
    GetOutbox().Write(frame);
    return 0;
  }
  if (IsEmpty(results)) return 0;
  while (credit_ == 0) {
    if (!may_wait) return 1;
    room_.wait(lock);
    if (ended_) return -1;
  }
  --credit_;
  output_.See(results);
  // A once call is answered by its one callback, whatever status that carries.
  const bool last = output_.AllEnded() || !host_.mode.sessions;
  const std::string wrong = WriteItem(&frame, id_, last, results, host_.results.get());
  if (!wrong.empty()) WriteItemError(&frame, id_, kCodeCallback, wrong);
  ended_ = last || !wrong.empty();
  // Under the lock: items of one session leave in the order in which they were delivered. The
  // loader always reads, so this does not wait for a client.
  GetOutbox().Write(frame);
  return 0;
}

int EngineSession::State(int64_t* remaining_ms) const {
  *remaining_ms = -1;
  const std::lock_guard lock(mu_);
  return closing_ || host_.Cancelled(id_) ? 1 : 0;
}

EngineSession::Next EngineSession::Close(std::string* out) {
  if (!tag_.empty()) GetCallbackTable().Remove(tag_);
  if (created_) {
    const int code = host_.plugin->destroy(handle_);
    if (code != 0) {
      std::fprintf(stderr, "aiges-worker: wrapperDestroy of %s returned %d: %s\n", tag_.c_str(),
                   code, host_.plugin->ErrorText(code).c_str());
    }
  }
  WireWriter w(out);
  w.Begin(FrameType::kClosed, id_);
  w.End();
  return Next::kGone;
}

}  // namespace aiges
