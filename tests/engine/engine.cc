// SPDX-License-Identifier: Apache-2.0
// tests/engine/engine.cc: a libwrapper.so that can do everything the C ABI has, as its config and
// its parameters say. Built twice: with and without wrapperRead (an engine without it answers by
// callback).
//
// Sessions: what is written comes back, piece by piece, in upper case; with "pid" = 1 behind the
// number of the process. "items" = N: after the end of the input N numbered items follow; with
// "bytes" each is that long. "inputs" = N: the input has ended when N streams have. "keys" = N: so
// many output streams, out, out2, ..; the pieces are on the first, which ends with the input; each
// of the others has an empty item at the begin of the session, and the numbered items after the one
// before it has ended. Needs "items". "inside": the items are delivered before wrapperWrite
// returns. "read" = empty, silent: wrapperRead gives nothing, or items without data; the answer
// comes by callback alone. "until" = <file>: wrapperRead waits for that file. "create" = fail,
// "write" = fail, "read" = fail: code 7. "log" = file: gets a line for each wrapperCreate that went
// well and each wrapperDestroy. Once calls: wrapperExec and wrapperExecAsync answer with the data
// in upper case; "delay_ms" waits first, "answers" = N calls back N times; wrapperExecBatch answers
// with the batch's size, and fails the call whose data is "bad". "until" = cancelled waits for
// that, "until" = <file> for that file, "sleep_us" that long. "ask" = here or thread (of its own):
// the answer is what wrapperCallState says. "exec" = fail, caller: code 7; 8, which is the caller's
// fault. "callback" = fail: code 7 by callback. "fork" = 1, also of a session's write: forks and
// lets the child come back; the answer is how that child ended. "who" = 1, also of sessions: the
// answer is whether this is wrapperInit's thread. "call" = a,b: model a is called with the data and
// "call" = b, and its answer is the answer, as is what went wrong: "<code> <class> <text>". With it
// "times" = N calls it so often, one after the other; "at_once" = N so often at one time; "stream"
// = 1: a session, whose answers are joined by commas; "timeout_ms"; "from" = thread: by a thread of
// its own; "version"; "give_up": it is ended at once; "params": key=value that goes along.
// Resources: an answer names those of its psrIds, as [number=text]. Meter: "destroyed" counts
// wrapperDestroy, "refused" counts callbacks that were not taken, "made" the answers of sessions
// with "bytes" that were taken, "waits" and "saw_cancel" calls with "until", "given_up"
// asynchronous ones that were afterwards, "ran" calls of batches.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aiges/wrapper.h"

namespace {

wrapperMeterCustom g_meter = nullptr;
wrapperCallState g_state = nullptr;
wrapperCallModel g_call = nullptr;
wrapperCallNext g_next = nullptr;
wrapperCallEnd g_end = nullptr;
std::thread::id g_init_thread;
std::mutex g_mu;
std::map<unsigned, std::string> g_resources;  // With g_mu.

std::string Find(const ParamList* list, const char* key, const char* otherwise = "") {
  for (; list != nullptr; list = list->next) {
    if (list->key != nullptr && std::strcmp(list->key, key) == 0) return list->value;
  }
  return otherwise;
}

int Number(const ParamList* list, const char* key) {
  return std::atoi(Find(list, key, "0").c_str());
}

struct Item {
  DataList node{};
  std::string text, key = "out";
};

Item* MakeItem(std::string text, DataStatus status, std::string key = "out") {
  auto* item = new Item;
  item->text = std::move(text);
  item->key = std::move(key);
  item->node.key = item->key.data();
  item->node.data = item->text.data();
  item->node.len = static_cast<unsigned>(item->text.size());
  item->node.status = status;
  return item;
}

std::string Upper(const DataList* data) {
  std::string out;
  for (; data != nullptr; data = data->next) {
    if (data->data != nullptr) out.append(static_cast<const char*>(data->data), data->len);
  }
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

void Meter(const char* tag, const char* name) {
  if (g_meter != nullptr) g_meter(tag, name, 1);
}

std::string Resources(const unsigned* ids, int count) {
  std::string out;
  const std::lock_guard lock(g_mu);
  for (int i = 0; i < count; ++i) {
    const auto found = g_resources.find(ids[i]);
    out += "[" + std::to_string(ids[i]) + "=" + (found == g_resources.end() ? "?" : found->second) +
           "]";
  }
  return out;
}

// Both processes go on behind it; in the parent, when the other has ended.
std::string Fork() {
  const pid_t child = ::fork();
  if (child == 0) return "";
  int status = -1;
  ::waitpid(child, &status, 0);
  return "child ended with " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

const char* Who() { return std::this_thread::get_id() == g_init_thread ? "init" : "other"; }

// As "until" says.
void Hold(const char* tag, const std::string& until) {
  if (until.empty()) return;
  Meter(tag, "waits");
  const bool cancelled = until == "cancelled";
  while (cancelled ? g_state(tag, nullptr) == 0 : ::access(until.c_str(), F_OK) != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (cancelled) Meter(tag, "saw_cancel");
}

// "<cancelled> <whether there is a deadline> <whether there is time left>"
std::string Ask(const char* tag, const std::string& from) {
  long long left = -2;
  int state = -1;
  const auto ask = [&] { state = g_state(tag, &left); };
  if (from == "thread") {
    std::thread(ask).join();
  } else {
    ask();
  }
  return std::to_string(state) + (left >= 0 ? " limited" : " unlimited") +
         (left > 0 ? " early" : "");
}

// Calls of other models, as "call" says.
class Others {
 public:
  Others(const char* tag, const ParamList* params, const DataList* data)
      : tag_(tag), params_(params), data_(data) {
    const std::string path = Find(params, "call");
    const size_t comma = path.find(',');
    model_ = path.substr(0, comma);
    if (comma != std::string::npos) Add("call", path.substr(comma + 1));
    const std::string more = Find(params, "params");
    if (!more.empty()) Add(more.substr(0, more.find('=')), more.substr(more.find('=') + 1));
  }

  std::string Run() {
    std::string text;
    const auto run = [&] {
      for (int i = std::max(Number(params_, "times"), 1); i > 0; --i) text = Once();
    };
    if (Find(params_, "from") != "thread") {
      run();
      return text;
    }
    std::thread(run).join();
    return text;
  }

 private:
  void Add(std::string key, std::string value) {
    texts_.push_back(std::move(key));
    texts_.push_back(std::move(value));
    ParamList& node = nodes_.emplace_back();
    node.key = texts_[texts_.size() - 2].data();
    node.value = texts_.back().data();
    node.vlen = static_cast<unsigned>(texts_.back().size());
    if (nodes_.size() > 1) nodes_[nodes_.size() - 2].next = &node;
  }
  unsigned long long Begin() {
    const bool own = Find(params_, "from") == "thread";
    const std::string version = Find(params_, "version");
    return g_call(own ? "" : tag_, model_.c_str(), version.c_str(),
                  nodes_.empty() ? nullptr : &nodes_.front(), const_cast<DataList*>(data_),
                  Number(params_, "stream") != 0 ? WCallStream : 0, Number(params_, "timeout_ms"),
                  nullptr, nullptr);
  }
  std::string Once() {
    std::vector<unsigned long long> calls;
    for (int i = std::max(Number(params_, "at_once"), 1); i > 0; --i) calls.push_back(Begin());
    std::string text;
    for (const unsigned long long call : calls) {
      text = Find(params_, "give_up").empty() ? Answers(call) : "given up";
      g_end(call);
    }
    return text;
  }
  static std::string Answers(unsigned long long call) {
    std::string text;
    WCallAnswer answer{};
    do {
      if (g_next(call, -1, &answer) != 0) return "no answer";
      if (answer.code != 0) {
        return text + std::to_string(answer.code) + " " + std::to_string(answer.errorClass) + " " +
               answer.error;
      }
      for (const DataList* p = answer.data; p != nullptr; p = p->next) {
        if (p->data == nullptr) continue;
        text += text.empty() ? "" : ",";
        text.append(static_cast<const char*>(p->data), p->len);
      }
    } while (answer.last == 0);
    return text;
  }

  const char* const tag_;
  const ParamList* const params_;
  const DataList* const data_;
  std::string model_;
  std::deque<std::string> texts_;
  std::deque<ParamList> nodes_;
};

[[maybe_unused]] void Note(const std::string& file, const char* what, const std::string& tag) {
  if (file.empty()) return;
  std::FILE* log = std::fopen(file.c_str(), "a");  // One short write: lines stay whole.
  std::fprintf(log, "%s %s\n", what, tag.c_str());
  std::fclose(log);
}

[[maybe_unused]] bool Deliver(wrapperCallback callback, const std::string& tag, Item* item) {
  const bool taken = callback(tag.c_str(), &item->node, 0) == 0;
  if (!taken) Meter(tag.c_str(), "refused");
  delete item;
  return taken;
}

struct Session {
  std::string tag, write, read, log, before, after, until;
  bool inside = false, forks = false, says_who = false;
  int items = 0, keys = 1, inputs = 1;
  size_t bytes = 0;
  bool begun = false;
  wrapperCallback callback = nullptr;
  std::thread thread;
  std::deque<Item*> ready;
  Item* given = nullptr;  // By the last Read.

  void Give(Item* item) const {
    if (Deliver(callback, tag, item)) Made();
  }
  void Made() const {
    if (bytes > 0) Meter(tag.c_str(), "made");
  }
  // An output stream must be known before the others have ended.
  std::deque<Item*> Begins() {
    std::deque<Item*> begins;
    for (int key = 2; key <= keys && !begun; ++key) {
      begins.push_back(MakeItem("", DataBegin, "out" + std::to_string(key)));
    }
    begun = true;
    return begins;
  }
  // What follows the end of the input.
  std::deque<Item*> Rest() const {
    std::deque<Item*> rest;
    for (int key = std::min(keys, 2); key <= keys; ++key) {
      const std::string name = key == 1 ? "out" : "out" + std::to_string(key);
      for (int i = 1; i <= items; ++i) {
        std::string text = std::to_string(i);
        text.resize(std::max(bytes, text.size()), ' ');
        rest.push_back(MakeItem(std::move(text), i == items ? DataEnd : DataContinue, name));
      }
    }
    return rest;
  }
};

}  // namespace

extern "C" {

int wrapperSetCtrl(CtrlType type, void* function) {
  if (type == CTMeterCustom) g_meter = reinterpret_cast<wrapperMeterCustom>(function);
  if (type == CTCallState) g_state = reinterpret_cast<wrapperCallState>(function);
  if (type == CTCallModel) g_call = reinterpret_cast<wrapperCallModel>(function);
  if (type == CTCallNext) g_next = reinterpret_cast<wrapperCallNext>(function);
  if (type == CTCallEnd) g_end = reinterpret_cast<wrapperCallEnd>(function);
  return 0;
}
int wrapperInit(pConfig) {
  g_init_thread = std::this_thread::get_id();
  return 0;
}
int wrapperFini() { return 0; }
const char* wrapperError(int code) {
  return code == 7 ? "seven" : (code == 8 ? "unusable" : "other");
}
int wrapperErrorClass(int code) { return code == 8 ? 1 : 0; }

int wrapperLoadRes(pDataList data, unsigned id) {
  const std::string text(static_cast<const char*>(data->data), data->len);
  if (text == "bad") return 7;
  if (text == "unusable") return 8;
  const std::lock_guard lock(g_mu);
  g_resources[id] = text;
  return 0;
}
int wrapperUnloadRes(unsigned id) {
  const std::lock_guard lock(g_mu);
  return g_resources.erase(id) == 1 ? 0 : 7;
}

#ifndef WITHOUT_SESSIONS
const void* wrapperCreate(const char* tag, pParamList params, wrapperCallback callback,
                          unsigned* psr_ids, int psr_count, int* error) {
  if (Find(params, "create") == "fail") {
    *error = 7;
    return nullptr;
  }
  auto* session = new Session;
  session->tag = tag;
  session->write = Find(params, "write");
  session->read = Find(params, "read");
  session->log = Find(params, "log");
  session->items = Number(params, "items");
  session->keys = session->items == 0 ? 1 : std::max(Number(params, "keys"), 1);
  session->bytes = static_cast<size_t>(Number(params, "bytes"));
  session->inputs = std::max(Number(params, "inputs"), 1);
  if (Number(params, "pid") != 0) session->before = std::to_string(::getpid()) + " ";
  session->after = Resources(psr_ids, psr_count);
  session->callback = callback;
  session->until = Find(params, "until");
  session->inside = Number(params, "inside") != 0;
  session->forks = Number(params, "fork") != 0;
  session->says_who = Number(params, "who") != 0;
  Note(session->log, "create", session->tag);
  return session;
}

int wrapperWrite(const void* handle, pDataList data) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->write == "fail") return 7;
  if (s->write == "exit") std::_Exit(3);
  if (s->write == "caller") return 8;
  if (s->forks) s->before = Fork() + " ";
  if (s->says_who) s->before = std::string(Who()) + " ";
  for (const DataList* p = data; p != nullptr; p = p->next) {
    if (p->status == DataEnd || p->status == DataOnce) --s->inputs;
  }
  const bool end = s->inputs <= 0;
  const bool last = end && (s->items == 0 || s->keys > 1);  // Of its stream.
  std::deque<Item*> now = s->Begins(), rest;
  now.push_back(MakeItem(s->before + Upper(data) + s->after, last ? DataEnd : DataContinue));
  if (end) rest = s->Rest();
  if (s->callback == nullptr) {
    s->ready.insert(s->ready.end(), now.begin(), now.end());
    s->ready.insert(s->ready.end(), rest.begin(), rest.end());
    return 0;
  }
  if (s->write == "callback") {
    s->callback(s->tag.c_str(), nullptr, 7);
    return 0;
  }
  for (Item* item : now) s->Give(item);
  if (rest.empty()) return 0;
  if (s->inside) {
    for (Item* item : rest) s->Give(item);
    return 0;
  }
  s->thread = std::thread([s, rest = std::move(rest)] {
    for (Item* item : rest) s->Give(item);
  });
  return 0;
}

#ifndef WITHOUT_READ
int wrapperRead(const void* handle, pDataList* out) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->read == "fail") return 7;
  Hold(s->tag.c_str(), s->until);
  delete s->given;
  s->given = nullptr;
  if (s->read == "empty") return 0;
  if (s->read == "silent") {
    Meter(s->tag.c_str(), "silent");
    s->given = MakeItem("", DataContinue);
    *out = &s->given->node;
    return 0;
  }
  if (s->ready.empty()) return 0;
  s->given = s->ready.front();
  s->ready.pop_front();
  *out = &s->given->node;
  s->Made();
  return 0;
}
#endif

int wrapperDestroy(const void* handle) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->thread.joinable()) s->thread.join();
  Meter(s->tag.c_str(), "destroyed");
  Note(s->log, "destroy", s->tag);
  for (Item* item : s->ready) delete item;
  delete s->given;
  delete s;
  return 0;
}

#endif  // WITHOUT_SESSIONS

int wrapperExec(const char* tag, pParamList params, pDataList data, pDataList* out,
                unsigned* psr_ids, int psr_count) {
  const std::string exec = Find(params, "exec");
  if (exec == "fail") return 7;
  if (exec == "caller") return 8;
  Hold(tag, Find(params, "until"));
  if (const int us = Number(params, "sleep_us"); us > 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(us));
    Meter(tag, "slept");
  }
  if (Number(params, "fork") != 0) {
    *out = &MakeItem(Fork(), DataOnce)->node;
    return 0;
  }
  if (!Find(params, "call").empty()) {
    *out = &MakeItem(Others(tag, params, data).Run(), DataOnce)->node;
    return 0;
  }
  if (Number(params, "who") != 0) {
    *out = &MakeItem(Who(), DataOnce)->node;
    return 0;
  }
  const std::string ask = Find(params, "ask");
  *out =
      &MakeItem(ask.empty() ? Upper(data) + Resources(psr_ids, psr_count) : Ask(tag, ask), DataOnce)
           ->node;
  return 0;
}

int wrapperExecFree(const char*, pDataList* out) {
  delete reinterpret_cast<Item*>(*out);  // The node is its first member.
  return 0;
}

int wrapperExecAsync(const char* tag, pParamList params, pDataList data, wrapperCallback callback,
                     int, unsigned*, int) {
  if (Find(params, "exec") == "fail") return 7;
  if (Find(params, "callback") == "fail") return callback(tag, nullptr, 7);
  std::thread([name = std::string(tag), text = Upper(data), delay = Number(params, "delay_ms"),
               until = Find(params, "until"), answers = std::max(Number(params, "answers"), 1),
               callback] {
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    Hold(name.c_str(), until);
    if (!until.empty() && g_state(name.c_str(), nullptr) != 0) Meter(name.c_str(), "given_up");
    for (int i = 0; i < answers; ++i) Deliver(callback, name, MakeItem(text, DataOnce));
  }).detach();
  return 0;
}

#ifndef WITHOUT_SESSIONS
int wrapperExecBatch(unsigned count, const char* const tags[], const pParamList params[],
                     const pDataList data[], pDataList out[], int codes[]) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (unsigned i = 0; i < count; ++i) Meter(tags[i], "ran");
  for (unsigned i = 0; i < count; ++i) Hold(tags[i], Find(params[i], "until"));
  for (unsigned i = 0; i < count; ++i) {
    if (const std::string call = Find(params[i], "call"); !call.empty()) {
      // A batch calls for all that are in it.
      out[i] = &MakeItem(Others("", params[i], data[i]).Run(), DataOnce)->node;
      codes[i] = 0;
      continue;
    }
    codes[i] = Upper(data[i]) == "BAD" ? 7 : 0;
    if (codes[i] != 0) continue;
    const std::string ask = Find(params[i], "ask");
    out[i] = &MakeItem(ask.empty() ? std::to_string(count) : Ask(tags[i], ask), DataOnce)->node;
  }
  return 0;
}
#endif

}  // extern "C"
