// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/engine_session.h"

#include <algorithm>
#include <cstdio>

namespace aiges {
namespace {

constexpr int kMostEmptyReads = 100;
// Of one session, each way.
constexpr size_t kMostStreams = 10'000;
constexpr size_t kMostGathered = size_t{1} << 30;

bool IsEmpty(const DataList* head) {
  return head == nullptr ||
         (head->key == nullptr && head->data == nullptr && head->next == nullptr);
}

// Items that say nothing: a plugin that has no answer yet gives them rather than none.
bool IsSilent(const DataList* head) {
  for (int nodes = 0; head != nullptr && nodes < 100; head = head->next, ++nodes) {
    const bool has_data = head->data != nullptr && head->len > 0;
    const bool has_desc = head->desc != nullptr && head->desc->key != nullptr;
    if (has_data || has_desc || head->status != DataContinue) return false;
  }
  return head == nullptr;
}

void WriteTaken(std::string* out, uint64_t id, uint32_t writes) {
  WireWriter w(out);
  w.Begin(FrameType::kTaken, id);
  w.Number(writes);
  w.End();
}

}  // namespace

bool StreamEnds::See(const DataList* head) {
  // A list that is longer is refused when it is written.
  size_t nodes = 0;
  for (const DataList* p = head; p != nullptr && nodes < kMostNodes; p = p->next, ++nodes) {
    if (p->key == nullptr && p->data == nullptr) continue;
    const std::string_view key = TextOf(p->key);
    const bool end = p->status == DataEnd || p->status == DataOnce;
    auto found = ended_.find(key);
    if (found == ended_.end()) {
      found = ended_.emplace(key, false).first;
      ++open_;
    }
    if (end && !std::exchange(found->second, true)) --open_;
    if (ended_.size() > kMostStreams) return false;
  }
  return true;
}

size_t EngineSession::Input::OwnData() {
  size_t bytes = body.size();
  for (DataList& node : data.nodes) {
    if (node.len == 0) continue;
    own.emplace_back(static_cast<const char*>(node.data), node.len);
    bytes += node.len;
  }
  size_t next = 0;
  for (DataList& node : data.nodes) {
    if (node.len > 0) node.data = own[next++].data();
  }
  return bytes;
}

bool EngineSession::Put(FrameType type, std::string_view body) {
  MutexLock lock(mu_);
  if (type == FrameType::kCredit) {
    WireReader r(body);
    credit_ += r.Number<uint32_t>();
    room_.NotifyAll();
    if (!MayRead()) return false;
  } else if (type == FrameType::kClose) {
    closing_ = true;
    ended_ = true;
    room_.NotifyAll();
  } else {
    operations_.push_back({type, std::string(body)});
  }
  return !std::exchange(with_runner_, true);
}

EngineSession::Next EngineSession::Step(std::string* out) {
  Operation operation{FrameType::kClose, ""};
  bool read = false;
  {
    MutexLock lock(mu_);
    if (!closing_) {
      read = MayRead();
      // A client that does not take results gets no further input in either.
      const bool blocked = Reading() && credit_ == 0;
      if (!read && !operations_.empty() && !blocked) {
        operation = std::move(operations_.front());
        operations_.pop_front();
      } else if (!read) {
        with_runner_ = false;
        return Next::kRest;
      }
    }
  }
  if (read) {
    Read(out);
  } else if (operation.type == FrameType::kCreate) {
    Create(operation.body, out);
  } else if (operation.type == FrameType::kWrite) {
    Write(std::move(operation), out);
  } else {
    return Close(out);
  }
  return std::exchange(pausing_, false) ? Next::kLater : Next::kAgain;
}

void EngineSession::Fail(const Failure& failure, std::string* out) {
  MutexLock lock(mu_);
  if (std::exchange(ended_, true)) return;
  WriteItemFailure(out, id_, failure);
}

void EngineSession::Create(const std::string& body, std::string* out) {
  create_body_ = body;
  uint32_t credit = 0;
  if (!create_.ParseCreate(create_body_, &credit)) {
    return Fail({Fault::kCreate, "the worker could not read the session's start"}, out);
  }
  tag_ = create_.usr_tag;
  {
    MutexLock lock(mu_);
    credit_ += credit;
  }
  WriteTaken(out, id_, 0);
  if (!GetCallbackTable().Add(tag_, shared_from_this())) {
    tag_.clear();
    return Fail({Fault::kRepeated, StrCat("session repeat: a call or session with the handle ",
                                          create_.usr_tag, " is in work")},
                out);
  }
  if (!host_.mode.sessions) return;
  int code = 0;
  handle_ =
      host_.plugin->create(tag_.c_str(), create_.params.head(),
                           host_.mode.callback || host_.mode.either ? &OnEngineResult : nullptr,
                           create_.psr_head(), create_.psr_count(), &code);
  created_ = code == 0 && handle_ != nullptr;
  if (!created_) Fail(host_.plugin->Error(Fault::kCreate, code), out);
}

void EngineSession::Write(Operation operation, std::string* out) {
  Input& input = gathered_.emplace_back();
  input.body = std::move(operation.body);
  WireReader r(input.body);
  bool ended = false;
  {
    MutexLock lock(mu_);
    ended = ended_;
  }
  // After an error, or the engine's own end, input is for nobody.
  if (ended || (host_.mode.sessions && !created_)) {
    gathered_.pop_back();
    return WriteTaken(out, id_, 1);
  }
  const bool read = input.data.Read(&r, *host_.requests);
  if (!read || !input_.See(input.data.head())) {
    gathered_.pop_back();
    WriteTaken(out, id_, 1);
    return Fail({Fault::kWrite,
                 read ? StrCat("expected at most ", kMostStreams, " input streams in a session")
                      : "the worker could not read the input",
                 "", read ? ErrorClass::kCaller : ErrorClass::kOwn},
                out);
  }
  const bool input_ended = input_.AllEnded();
  if (!host_.mode.sessions) return Gather(&input, input_ended, out);
  const int code = host_.plugin->write(handle_, input.data.head());
  gathered_.clear();
  if (code != 0) {
    WriteTaken(out, id_, 1);
    return Fail(host_.plugin->Error(Fault::kWrite, code), out);
  }
  if (host_.mode.callback) return WriteTaken(out, id_, 1);
  MutexLock lock(mu_);
  input_ended_ = input_ended;
  want_read_ = input_ended_ || host_.mode.real_time_results;
  if (!input_ended_ || by_callback_) return WriteTaken(out, id_, 1);
  // What the engine still does belongs to this write: the loader sees that it is at work.
  ++held_taken_;
}

void EngineSession::Gather(Input* input, bool input_ended, std::string* out) {
  if (input_ended) {
    ExecOnce(out);
    return WriteTaken(out, id_, 1);
  }
  gathered_bytes_ += input->OwnData();  // The loader takes its memory back.
  WriteTaken(out, id_, 1);
  if (gathered_bytes_ <= kMostGathered) return;
  gathered_.clear();
  Fail({Fault::kWrite, "expected at most 1 GiB of input for an engine without sessions", "",
        ErrorClass::kCaller},
       out);
}

// True: there is nothing for the client.
bool EngineSession::ReadNothing(const DataList* head, std::string* out) {
  if (IsEmpty(head)) {
    if (!input_ended_ || by_callback_) return true;
    pausing_ = true;
    if (++empty_reads_ <= kMostEmptyReads || ended_) return true;
    // The answer may come by callback, and take long.
    if (host_.mode.either) {
      if (held_taken_ > 0) WriteTaken(out, id_, std::exchange(held_taken_, 0));
      return true;
    }
    ended_ = true;
    WriteItemFailure(
        out, id_,
        {Fault::kRead, "wrapperRead gave nothing 100 times after the end of the input;code=0"});
    return true;
  }
  empty_reads_ = 0;
  const bool silent = host_.mode.polled && IsSilent(head);
  if (!std::exchange(silent_, silent) || !silent) return silent && by_callback_;
  pausing_ = input_ended_;
  output_.See(head);
  return true;
}

void EngineSession::Read(std::string* out) {
  pDataList head = nullptr;
  const int code = host_.plugin->read(handle_, &head);
  if (code != 0) return Fail(host_.plugin->Error(Fault::kRead, code), out);
  MutexLock lock(mu_);
  if (!input_ended_) want_read_ = false;
  if (ReadNothing(head, out) || ended_) return;
  WriteOutput(head, false, Fault::kRead, out);
  if (ended_ && held_taken_ > 0) WriteTaken(out, id_, std::exchange(held_taken_, 0));
}

// One item, which takes a credit.
void EngineSession::WriteOutput(const DataList* head, bool last, Fault fault, std::string* out) {
  std::string wrong;
  if (!output_.See(head)) {
    wrong = StrCat("the engine's results: expected at most ", kMostStreams,
                   " output streams in a session");
  }
  if (credit_ > 0) --credit_;
  ended_ = last || output_.AllEnded();
  if (wrong.empty()) wrong = WriteItem(out, id_, ended_, head, host_.results.get());
  if (wrong.empty()) return;
  ended_ = true;
  WriteItemFailure(out, id_, {fault, wrong});
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
    if (code != 0) Fail(plugin.Error(Fault::kExec, code), out);
    return gathered_.clear();
  }
  pDataList head = nullptr;
  const int code = plugin.exec(tag_.c_str(), create_.params.head(), data, &head, create_.psr_head(),
                               create_.psr_count());
  gathered_.clear();
  if (code != 0) return Fail(plugin.Error(Fault::kExec, code), out);
  {
    MutexLock lock(mu_);
    if (!ended_) WriteOutput(head, true, Fault::kExec, out);
  }
  if (plugin.exec_free != nullptr) plugin.exec_free(tag_.c_str(), &head);
}

int EngineSession::Deliver(pDataList results, int code, bool may_wait) {
  Failure failure;
  const Fault fault = host_.mode.sessions ? Fault::kCallback : host_.mode.async_fault;
  if (code != 0) failure = host_.plugin->Error(fault, code);
  std::string frame;
  MutexLock lock(mu_);
  if (ended_) return -1;
  if (code == 0 && IsEmpty(results)) return 0;
  while (code == 0 && credit_ == 0) {
    if (!may_wait) return 1;
    room_.Wait(mu_);
    if (ended_) return -1;
  }
  by_callback_ = true;
  if (held_taken_ > 0) WriteTaken(&frame, id_, std::exchange(held_taken_, 0));
  if (code != 0) {
    ended_ = true;
    WriteItemFailure(&frame, id_, failure);
  } else {
    // A once call is answered by its one callback, whatever status that carries.
    WriteOutput(results, !host_.mode.sessions, fault, &frame);
  }
  // Under the lock: items of one session leave in the order in which they were delivered. The
  // loader always reads, so this does not wait for a client.
  GetOutbox().Write(frame);
  return 0;
}

int EngineSession::State(int64_t* remaining_ms) const {
  *remaining_ms = -1;
  MutexLock lock(mu_);
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
