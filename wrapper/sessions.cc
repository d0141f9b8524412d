#include "wrapper/sessions.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wrapper/items.h"
#include "wrapper/py_error.h"
#include "wrapper/streaming_py.h"  // Made by CMake from sdk/aiges/_streaming.py.

namespace aiges::shim {
namespace {

namespace py = pybind11;

std::atomic<wrapperCallback> g_try_callback{nullptr};
std::atomic<wrapperCallState> g_call_state{nullptr};
thread_local std::string t_tag;
PyObject* g_streaming_scope = nullptr;  // Names of _streaming.py, once it runs. With the GIL.

struct Session {
  enum class Mode { kHooks, kSteps, kDriver, kAsyncCall };

  Session(Contract& c, const char* t, wrapperCallback cb) : contract(c), tag(t), callback(cb) {}
  ~Session() { ResultList::Free(pending); }

  Contract& contract;
  Mode mode = Mode::kHooks;
  const std::string tag;
  const wrapperCallback callback;
  std::string sid, handle;  // Other names that callback() may use.
  std::vector<unsigned> psr_ids;

  // Python objects: with the GIL.
  Ref params, py_handle, py_sid, gathered, generator, driver;

  // The worker's calls of one session do not overlap; deliveries have their own lock.
  std::vector<std::pair<std::string, bool>> input;  // Streams, and whether they have ended.
  bool input_ended = false, exhausted = false;
  pDataList given = nullptr;  // By the last Read.

  std::mutex mu;
  std::vector<std::pair<std::string, int>> keys;  // Output streams of a generator, with type.
  bool begun = false;
  bool over = false;          // Nobody wants more.
  std::vector<std::unique_ptr<ResultList>> collected;  // Of an asynchronous call.
  pDataList pending = nullptr;  // Found no room; the driver tries it again.

  CallArgs args() const {
    return {tag.c_str(), params.get(), psr_ids.data(), static_cast<int>(psr_ids.size())};
  }
};

using SessionPtr = std::shared_ptr<Session>;

// Every session and asynchronous call by its names.
class Table {
 public:
  void Add(const SessionPtr& session) {
    SessionPtr displaced[3];  // Destroyed after the lock: Python objects may run code as they go.
    const std::lock_guard lock(mu_);
    displaced[0] = std::exchange(by_tag_[session->tag], session);
    if (!session->sid.empty()) displaced[1] = std::exchange(by_name_[session->sid], session);
    if (!session->handle.empty()) displaced[2] = std::exchange(by_name_[session->handle], session);
  }
  // The caller holds the session.
  void Remove(const Session& session) {
    const std::lock_guard lock(mu_);
    Erase(&by_tag_, session.tag, session);
    Erase(&by_name_, session.sid, session);
    Erase(&by_name_, session.handle, session);
  }
  SessionPtr Find(const std::string& name) const {
    const std::lock_guard lock(mu_);
    if (const auto found = by_tag_.find(name); found != by_tag_.end()) return found->second;
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  using Names = std::unordered_map<std::string, SessionPtr>;

  static void Erase(Names* names, const std::string& name, const Session& session) {
    const auto found = names->find(name);
    if (found != names->end() && found->second.get() == &session) names->erase(found);
  }

  mutable std::mutex mu_;
  Names by_tag_, by_name_;
};

Table& GetTable() {
  static auto* const table = new Table;  // Threads of user code may outlive main.
  return *table;
}

// Gives Python references back under the GIL, wherever the session ends.
void DropReferences(Session& session) {
  const Gil gil;
  for (Ref* ref : {&session.params, &session.py_handle, &session.py_sid, &session.gathered,
                   &session.generator, &session.driver}) {
    *ref = Ref();
  }
}

// A function of _streaming.py. NULL with an exception set.
Ref StreamingFunction(const char* name) {
  PyObject*& scope = g_streaming_scope;
  if (scope == nullptr) {
    const Ref made = Ref::Steal(PyModule_New("aiges_streaming"));
    PyObject* names = PyModule_GetDict(made.get());
    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
    const Ref done = Ref::Steal(PyRun_String(kStreamingPython, Py_file_input, names, names));
    if (!done) return Ref();
    // Its imports let other threads run: one of them may have been here too.
    if (scope == nullptr) {
      scope = Ref::Borrow(names).release();
      Ref::Borrow(made.get()).release();
    }
  }
  return Ref::Borrow(PyDict_GetItemString(scope, name));
}

bool IsOver(Session& session) {
  const std::lock_guard lock(session.mu);
  return session.over;
}

// True once: for whoever may answer an asynchronous call. Nobody finds it any more.
bool TakeAnswer(Session& session) {
  {
    const std::lock_guard lock(session.mu);
    if (std::exchange(session.over, true)) return false;
  }
  GetTable().Remove(session);
  return true;
}

// The hook that made what a driver runs, for the texts of errors.
const char* GeneratorName(const Session& session) {
  const bool once = session.mode == Session::Mode::kAsyncCall && session.contract.has_exec();
  return once ? "wrapperOnceExec" : session.contract.stream_name();
}

constexpr int kNoRoom = 1;

// Hands a list (or an error code) to the host. With the GIL, which is given up meanwhile: the host
// may wait for the client. Where it may not, and there is no room, the list is kept for Retry.
int HandHead(Session& session, pDataList head, int code, bool may_wait) {
  const wrapperCallback now = g_try_callback.load();
  int taken = kNoRoom;  // Also of a host that can only wait.
  if (may_wait || now != nullptr) {
    const py::gil_scoped_release release;
    taken = (may_wait ? session.callback : now)(session.tag.c_str(), head, code);
  }
  if (taken == kNoRoom && !may_wait) {
    session.pending = head;
    return kNoRoom;
  }
  ResultList::Free(head);
  if (taken < 0 || code != 0) {
    const std::lock_guard lock(session.mu);
    session.over = true;
  }
  return taken;
}

int Hand(Session& session, ResultList* results, int code, bool may_wait) {
  return HandHead(session, results == nullptr ? nullptr : ResultList::Release(results), code,
                  may_wait);
}

int HandError(Session& session, int code) {
  if (session.mode == Session::Mode::kAsyncCall && !TakeAnswer(session)) return -1;
  return Hand(session, nullptr, code, true);
}

// What a generator yielded, as items of its streams.
std::string ReadYield(Session& session, PyObject* value, ResultList* out, int* code) {
  const std::string wrong = ReadAny(value, Statuses::kOwn, out, code);
  if (!wrong.empty()) return "yielded item: " + wrong;
  if (*code != 0 || out->empty()) return "";
  out->SetStatus(std::exchange(session.begun, true) ? DataContinue : DataBegin);
  out->EachKey([&session](const std::string& key, int type) {
    const auto known = std::find_if(session.keys.begin(), session.keys.end(),
                                    [&](const auto& seen) { return seen.first == key; });
    if (known == session.keys.end()) session.keys.emplace_back(key, type);
  });
  return "";
}

// The end of every stream that a generator has made.
void WriteEnd(Session& session, ResultList* out) {
  const Ref empty = Ref::Steal(PyBytes_FromStringAndSize("", 0));
  if (session.keys.empty()) session.keys.emplace_back("result", DataText);
  for (const auto& [key, type] : session.keys) out->Add(key, empty.get(), type, DataEnd);
}

// --- what _streaming.py calls, with the GIL ---

int Deliver(const std::string& tag, const py::object& value, bool may_wait) {
  ClearError();
  const SessionPtr session = GetTable().Find(tag);
  if (session == nullptr || IsOver(*session)) return -1;
  auto results = std::make_unique<ResultList>();
  int code = 0;
  const std::string wrong = ReadYield(*session, value.ptr(), results.get(), &code);
  if (!wrong.empty()) {
    PySys_FormatStderr("wrapper: %s\n", wrong.c_str());
    code = SetError(kBadResult, wrong);
  }
  if (code != 0) {
    HandError(*session, code);
    return -1;
  }
  if (results->empty()) return 0;
  if (session->mode == Session::Mode::kAsyncCall) {
    session->collected.push_back(std::move(results));
    return 0;
  }
  return Hand(*session, results.release(), 0, may_wait);
}

// Tries again what found no room.
int Retry(const std::string& tag, bool may_wait) {
  const SessionPtr session = GetTable().Find(tag);
  if (session == nullptr || IsOver(*session)) return -1;
  return HandHead(*session, std::exchange(session->pending, nullptr), 0, may_wait);
}

int Finish(const std::string& tag, bool may_wait) {
  const SessionPtr session = GetTable().Find(tag);
  if (session == nullptr || IsOver(*session)) return -1;
  auto results = std::make_unique<ResultList>();
  if (session->mode == Session::Mode::kAsyncCall) {
    if (!TakeAnswer(*session)) return -1;
    for (auto& part : session->collected) results->Take(part.get());
    results->SetStatus(DataOnce);
    return Hand(*session, results.release(), 0, true);  // An answer never waits.
  }
  WriteEnd(*session, results.get());
  return Hand(*session, results.release(), 0, may_wait);
}

void Fail(const std::string& tag, const py::object& fault) {
  ClearError();
  const SessionPtr session = GetTable().Find(tag);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(fault.ptr())), fault.ptr());
  const int code = Raised(session == nullptr ? "stream" : GeneratorName(*session));
  if (session != nullptr && !IsOver(*session)) HandError(*session, code);
}

// aiges_embed.callback(response, usrTag), (response, sid) and (response, handle, sid).
int UserCallback(const py::object& response, const std::string& name, const py::args& more) {
  SessionPtr session = GetTable().Find(name);
  if (session == nullptr && !more.empty()) session = GetTable().Find(py::str(more[0]));
  if (session == nullptr || IsOver(*session)) return -1;
  if (session->callback == nullptr) {
    static std::atomic<bool> said{false};
    if (!said.exchange(true)) {
      PySys_WriteStderr(
          "wrapper: callback() has no effect: this wrapper answers by wrapperRead; set [aiges] "
          "asyncMode = true, or leave wrapperRead out\n");
    }
    return -1;
  }
  ClearError();
  auto results = std::make_unique<ResultList>();
  int code = 0;
  const std::string wrong = ReadAny(response.ptr(), Statuses::kOwn, results.get(), &code);
  if (!wrong.empty()) {
    PySys_FormatStderr("wrapper: callback: %s\n", wrong.c_str());
    code = SetError(kBadResult, "callback: " + wrong);
  }
  if (code == 0 && results->empty()) {
    static std::atomic<bool> said{false};
    if (!said.exchange(true)) {
      PySys_WriteStderr(
          "wrapper: callback() with an empty Response.list delivers nothing; to end a session send "
          "an item with status 2, to fail it set error_code (said once)\n");
    }
    return 0;
  }
  if (session->mode == Session::Mode::kAsyncCall) {
    if (!TakeAnswer(*session)) return -1;  // Another thread answered first.
    results->SetStatus(DataOnce);
  }
  if (code != 0) return Hand(*session, nullptr, code, true);
  return Hand(*session, results.release(), 0, true);
}

// A session also by its other names, as in callback().
py::tuple CallState(const std::string& name) {
  const wrapperCallState state = g_call_state.load();
  const SessionPtr session = GetTable().Find(name);
  const std::string& tag = session == nullptr ? name : session->tag;
  long long left = -1;
  int cancelled = 0;
  if (state != nullptr) {
    const py::gil_scoped_release release;
    cancelled = state(tag.c_str(), &left);
  }
  return py::make_tuple(cancelled != 0, left < 0 ? py::object(py::none()) : py::int_(left));
}

// --- sessions ---

void SeeInput(Session& session, const DataList* data) {
  for (const DataList* p = data; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    const bool end = p->status == DataEnd || p->status == DataOnce;
    const auto known = std::find_if(session.input.begin(), session.input.end(),
                                    [&](const auto& stream) { return stream.first == p->key; });
    if (known == session.input.end()) {
      session.input.emplace_back(p->key, end);
    } else {
      known->second = known->second || end;
    }
  }
  session.input_ended =
      !session.input.empty() && std::all_of(session.input.begin(), session.input.end(),
                                            [](const auto& stream) { return stream.second; });
}

// All that was written, as one reqData.
Ref WholeInput(Session& session) {
  const Py_ssize_t count = PyList_GET_SIZE(session.gathered.get());
  Ref whole = Ref::Borrow(PyList_GET_ITEM(session.gathered.get(), 0));
  for (Py_ssize_t i = 1; i < count && whole; ++i) {
    PyObject* next = PyList_GET_ITEM(session.gathered.get(), i);
    if (PyTuple_Check(whole.get()) != 0) {
      whole = Ref::Steal(PySequence_Concat(whole.get(), next));
      continue;
    }
    const Ref list = Ref::Steal(PyObject_GetAttrString(whole.get(), "list"));
    const Ref more = Ref::Steal(PyObject_GetAttrString(next, "list"));
    if (!list || !more) return Ref();
    const Ref done = Ref::Steal(PyObject_CallMethod(list.get(), "extend", "O", more.get()));
    if (!done) return Ref();
  }
  return whole;
}

// Lets _streaming.py run the session's generator.
int StartDriver(const SessionPtr& session) {
  const Ref drive = StreamingFunction("drive");
  const Ref host = Ref::Steal(PyImport_ImportModule("aiges_embed"));
  if (!drive || !host) return Raised("stream");
  Contract& contract = session->contract;
  const std::weak_ptr<Session> weak = session;  // The driver belongs to the session.
  const py::cpp_function call([weak](const py::object& input) -> py::object {
    const SessionPtr self = weak.lock();
    if (self == nullptr) return py::none();
    Contract& c = self->contract;
    const bool once = self->mode == Session::Mode::kAsyncCall && c.has_exec();
    Ref made = once ? c.CallOnce(self->args(), input.ptr())
                    : c.CallStream(self->args(), input.ptr());
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made.release());
  });
  const bool once = session->mode == Session::Mode::kAsyncCall && contract.has_exec();
  const Hook::Kind kind = once ? contract.once_kind() : contract.stream_kind();
  const bool is_async = kind == Hook::Kind::kAsyncGenerator || kind == Hook::Kind::kCoroutine;
  const bool takes_input = contract.stream_takes_input() && !once;
  session->driver = Ref::Steal(PyObject_CallFunction(
      drive.get(), "OsOii", host.get(), session->tag.c_str(), call.ptr(), is_async, takes_input));
  return session->driver ? 0 : Raised("stream");
}

int DriverCall(Session& session, const char* method, PyObject* argument) {
  const Ref name = Ref::Steal(PyUnicode_FromString(method));
  const Ref done =
      Ref::Steal(PyObject_CallMethodObjArgs(session.driver.get(), name.get(), argument, nullptr));
  return done ? 0 : Raised("stream");
}

int Feed(Session& session, PyObject* input, bool ended) {
  const Ref feed = StreamingFunction("feed");
  const Ref done = Ref::Steal(feed ? PyObject_CallFunction(feed.get(), "OOi", session.driver.get(),
                                                           input, int{ended})
                                   : nullptr);
  return done ? 0 : Raised("stream");
}

SessionPtr MakeSession(Contract& contract, const char* tag, const ParamList* params,
                       wrapperCallback callback, const unsigned* psr_ids, int psr_count) {
  auto session = std::make_shared<Session>(contract, tag, callback);
  session->params = ParamsToDict(params);
  if (!session->params) return nullptr;
  const Ref name = TextToStr(tag);
  session->py_sid = Ref::Borrow(SidOf(session->params.get(), name));
  std::string wrong;
  ToText(session->py_sid.get(), &session->sid, &wrong);
  session->psr_ids.assign(psr_ids, psr_ids + psr_count);
  return session;
}

}  // namespace

TagScope::TagScope(const char* tag) { t_tag = tag; }
TagScope::~TagScope() { t_tag.clear(); }

void SetTryCallback(wrapperCallback function) { g_try_callback = function; }
void SetCallState(wrapperCallState function) { g_call_state = function; }

const void* CreateSession(Contract& contract, const char* tag, const ParamList* params,
                          wrapperCallback callback, const unsigned* psr_ids, int psr_count,
                          int* error) {
  ClearError();
  const TagScope scope(tag);
  const Gil gil;
  const SessionPtr session = MakeSession(contract, tag, params, callback, psr_ids, psr_count);
  if (session == nullptr) {
    *error = Raised("params");
    return nullptr;
  }
  if (contract.has_create()) {
    GetTable().Add(session);  // wrapperCreate may call back already.
    *error = contract.Create(session->args(), &session->handle);
    session->py_handle = TextToStr(session->handle.c_str());
  } else if (callback == nullptr) {
    session->mode = Session::Mode::kSteps;
  } else {
    session->mode = Session::Mode::kDriver;
    GetTable().Add(session);
    *error = StartDriver(session);
  }
  if (*error != 0) {
    GetTable().Remove(*session);
    DropReferences(*session);
    return nullptr;
  }
  session->gathered = Ref::Steal(PyList_New(0));
  GetTable().Add(session);
  return new SessionPtr(session);
}

int WriteSession(const void* handle, const DataList* data) {
  Session& session = **static_cast<const SessionPtr*>(handle);
  ClearError();
  const TagScope scope(session.tag.c_str());
  const Gil gil;
  const Ref input = session.contract.MakeInput(data);
  if (!input) return Raised("request");
  if (session.mode == Session::Mode::kHooks) {
    return session.contract.Write(session.py_handle.get(), session.py_sid.get(), input.get());
  }
  SeeInput(session, data);
  if (session.mode == Session::Mode::kDriver && session.contract.stream_takes_input()) {
    return Feed(session, input.get(), session.input_ended);
  }
  PyList_Append(session.gathered.get(), input.get());
  if (!session.input_ended) return 0;
  const Ref whole = WholeInput(session);
  if (!whole) return Raised("request");
  if (session.mode == Session::Mode::kDriver) return DriverCall(session, "start", whole.get());
  const Ref made = session.contract.CallStream(session.args(), whole.get());
  if (!made) return Raised(GeneratorName(session));
  session.generator = Ref::Steal(PyObject_GetIter(made.get()));
  return session.generator ? 0 : Raised(GeneratorName(session));
}

int ReadSession(const void* handle, pDataList* out) {
  Session& session = **static_cast<const SessionPtr*>(handle);
  ClearError();
  const TagScope scope(session.tag.c_str());
  ResultList::Free(std::exchange(session.given, nullptr));
  const Gil gil;
  auto results = std::make_unique<ResultList>();
  int code = 0;
  if (session.mode == Session::Mode::kHooks) {
    code = session.contract.Read(session.py_handle.get(), session.py_sid.get(), results.get());
  } else if (session.generator && !session.exhausted) {
    const Ref value = Ref::Steal(PyIter_Next(session.generator.get()));
    if (value) {
      const std::string wrong = ReadYield(session, value.get(), results.get(), &code);
      if (!wrong.empty()) code = SetError(kBadResult, wrong);
    } else if (PyErr_Occurred() != nullptr) {
      code = Raised(GeneratorName(session));
    } else {
      session.exhausted = true;
      WriteEnd(session, results.get());
    }
  }
  if (code != 0) return code;
  session.given = *out = ResultList::Release(results.release());
  return 0;
}

int DestroySession(const void* handle) {
  std::unique_ptr<const SessionPtr> owned(static_cast<const SessionPtr*>(handle));
  const SessionPtr session = *owned;
  ClearError();
  {
    const std::lock_guard lock(session->mu);
    session->over = true;
  }
  GetTable().Remove(*session);
  ResultList::Free(std::exchange(session->given, nullptr));
  const TagScope scope(session->tag.c_str());
  int code = 0;
  {
    const Gil gil;
    if (session->mode == Session::Mode::kHooks) {
      code = session->contract.Destroy(session->py_handle.get());
    } else if (session->driver) {
      code = DriverCall(*session, "close", nullptr);
    } else if (session->generator) {  // Its finally: clauses run now.
      const Ref closed =
          Ref::Steal(PyObject_CallMethod(session->generator.get(), "close", nullptr));
      if (!closed) code = Raised(GeneratorName(*session));
    }
  }
  DropReferences(*session);
  return code;
}

int BeginCall(Contract& contract, const char* tag, const ParamList* params, const DataList* data,
              wrapperCallback callback, const unsigned* psr_ids, int psr_count) {
  ClearError();
  const TagScope scope(tag);
  const Gil gil;
  const SessionPtr session = MakeSession(contract, tag, params, callback, psr_ids, psr_count);
  if (session == nullptr) return Raised("params");
  session->mode = Session::Mode::kAsyncCall;
  const bool is_async = contract.once_kind() == Hook::Kind::kAsyncGenerator ||
                        contract.once_kind() == Hook::Kind::kCoroutine;
  int code = 0;
  if (contract.has_exec_async()) {
    GetTable().Add(session);
    code = contract.ExecAsync(session->args(), data);
  } else if (is_async || (!contract.has_exec() && contract.streams())) {
    GetTable().Add(session);
    const Ref input = contract.MakeInput(data);
    code = input ? StartDriver(session) : Raised("request");
    if (code == 0) {
      code = contract.has_exec() ? DriverCall(*session, "start", input.get())
                                 : Feed(*session, input.get(), true);
    }
  } else {  // A plain once wrapper under asyncMode: the answer is there at once.
    auto results = std::make_unique<ResultList>();
    code = contract.Once(session->args(), data, results.get());
    if (code == 0) Hand(*session, results.release(), 0, true);
    return code;
  }
  if (code != 0) TakeAnswer(*session);
  return code;
}

void StopStreams() {
  const Gil gil;
  if (g_streaming_scope == nullptr) return;
  const Ref stop = StreamingFunction("stop_all");
  const Ref done = Ref::Steal(stop ? PyObject_CallFunction(stop.get(), "d", 2.0) : nullptr);
  if (!done) PyErr_Print();
}

void BindSessions(py::module_& m) {
  m.def("callback", &UserCallback, py::arg("response"), py::arg("usrTag"));
  m.def("call_state", &CallState, py::arg("usrTag"));
  m.def("current_tag", [] { return t_tag; });
  m.def("_enter", [](const std::string& tag) { t_tag = tag; });
  m.def("_enter_task", [](const std::string& tag) {
    // In an event loop the thread says nothing; aiges.context keeps the tag for the task.
    try {
      py::module_::import("aiges.context").attr("_enter")(tag);
    } catch (py::error_already_set&) {
      // Without the SDK nobody can ask for it.
    }
  });
  m.def("_deliver", &Deliver);
  m.def("_retry", &Retry);
  m.def("_finish", &Finish);
  m.def("_fail", &Fail);
}

}  // namespace aiges::shim
