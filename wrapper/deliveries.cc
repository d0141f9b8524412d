// SPDX-License-Identifier: Apache-2.0
#include "wrapper/deliveries.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "wrapper/call_context.h"
#include "wrapper/driven_session.h"
#include "wrapper/items.h"
#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

std::atomic<wrapperAlive> g_alive{nullptr};

// --- what _streaming.py calls ---

// NULL: nobody wants anything of it any more.
SessionPtr FindOpen(const std::string& name) {
  SessionPtr session = SessionTable::Get().Find(name);
  return session == nullptr || session->IsOver() ? nullptr : session;
}

int Deliver(const std::string& tag, const py::object& value, bool may_wait) {
  ClearError();
  const SessionPtr session = FindOpen(tag);
  if (session == nullptr || session->driven() == nullptr) return -1;
  return session->driven()->Yielded(value.ptr(), may_wait);
}

// Tries again what found no room.
int Retry(const std::string& tag, bool may_wait) {
  const SessionPtr session = FindOpen(tag);
  return session == nullptr ? -1 : session->Retry(may_wait);
}

int Finish(const std::string& tag, bool may_wait) {
  const SessionPtr session = FindOpen(tag);
  if (session == nullptr || session->driven() == nullptr) return -1;
  return session->driven()->Finished(may_wait);
}

void Fail(const std::string& tag, const py::object& fault) {
  ClearError();
  const SessionPtr session = SessionTable::Get().Find(tag);
  if (session == nullptr) return LogStreamFault(fault.ptr());
  if (session->driven() != nullptr) return session->driven()->Failed(fault.ptr());
  // Of the user's own hooks: a contract whose answers come from other threads.
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(fault.ptr())), fault.ptr());
  const int code = Raised("session");
  if (!session->IsOver()) session->HandError(code);
}

// The event loop turns. In how many ms it is to say so again; 0: not at all.
int Alive() {
  const wrapperAlive alive = g_alive.load();
  const py::gil_scoped_release release;
  return alive == nullptr ? 0 : alive();
}

void EnterTask(const std::string& tag) {
  // In an event loop the thread says nothing; aiges.context keeps the tag for the task.
  try {
    py::module_::import("aiges.context").attr("_enter")(tag);
  } catch (py::error_already_set&) {
    // Without the SDK nobody can ask for it.
  }
}

// --- what user code calls ---

void SayOnce(std::atomic<bool>* said, const char* text) {
  if (!said->exchange(true)) PySys_WriteStderr("wrapper: %s\n", text);
}

// callback(response, usrTag), (response, sid) and (response, handle, sid).
int Callback(const py::object& response, const std::string& name, const py::args& more) {
  SessionPtr session = SessionTable::Get().Find(name);
  if (session == nullptr && !more.empty()) session = SessionTable::Get().Find(py::str(more[0]));
  if (session == nullptr || session->IsOver()) return -1;
  if (!session->answers_by_callback()) {
    static std::atomic<bool> said{false};
    SayOnce(&said,
            "callback() has no effect: [aiges] asyncMode = false makes this wrapper answer by "
            "wrapperRead; remove that key, or set it to true");
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
    SayOnce(&said,
            "callback() with an empty Response.list delivers nothing; to end a session send an "
            "item with status 2, to fail it set error_code (said once)");
    return 0;
  }
  if (code != 0) return session->HandError(code);
  if (session->kind() == Session::Kind::kCall) {
    if (!session->TakeAnswer()) return -1;  // Another thread answered first.
    results->SetStatus(DataOnce);
  }
  return session->Hand(std::move(results), true);
}

// A session also by its other names, as in callback().
py::tuple AskState(const std::string& name) {
  const SessionPtr session = SessionTable::Get().Find(name);
  CallState state;
  if (session != nullptr) {  // Its locks are held while hooks of the host's wait.
    const py::gil_scoped_release release;
    state = AskCallState(session->tag());
  } else {  // Who gives the GIL away for a moment waits for it, where other threads want it, too.
    state = AskCallState(name);
  }
  return py::make_tuple(state.over,
                        state.left_ms < 0 ? py::object(py::none()) : py::int_(state.left_ms));
}

Noted AskNoted(const std::string& name) {
  const SessionPtr session = SessionTable::Get().Find(name);
  return NotedOf(session == nullptr ? name : session->tag());
}

std::string AskCaller(const std::string& name) { return AskNoted(name).caller; }

// None: of no trace.
py::object AskTrace(const std::string& name) {
  const Noted noted = AskNoted(name);
  if (noted.trace_parent.empty()) return py::none();
  return py::make_tuple(noted.trace_parent, noted.trace_state);
}

}  // namespace

void FollowTrace() {
  thread_local bool followed = false;
  const bool traced = AnyTraces() && !AskNoted(ThreadTag()).trace_parent.empty();
  if (!traced && !followed) return;
  followed = traced;
  try {
    py::module_::import("aiges._tracing").attr("follow")(ThreadTag());
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("the trace of a call");
  }
}

void SetAlive(wrapperAlive function) { g_alive = function; }

void BindDeliveries(py::module_& m) {
  m.def("callback", &Callback, py::arg("response"), py::arg("usrTag"));
  m.def("call_state", &AskState, py::arg("usrTag"));
  m.def("current_tag", &ThreadTag);
  m.def("_alive", &Alive);
  m.def("_caller", &AskCaller);
  m.def("_trace", &AskTrace);
  m.def("_enter", &SetThreadTag);
  m.def("_enter_task", &EnterTask);
  m.def("_deliver", &Deliver);
  m.def("_retry", &Retry);
  m.def("_finish", &Finish);
  m.def("_fail", &Fail);
}

}  // namespace aiges::shim
