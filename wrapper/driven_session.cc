// SPDX-License-Identifier: Apache-2.0
#include "wrapper/driven_session.h"

#include "wrapper/py_error.h"
#include "wrapper/scripts.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

void SetException(PyObject* exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
}

}  // namespace

int DrivenSession::Open() {
  const Ref drive = ScriptFunction(Script::kStreaming, "drive");
  const Ref host = Ref::Steal(PyImport_ImportModule("aiges_embed"));
  if (!drive || !host) return Raised("stream");
  const std::weak_ptr<Session> weak = weak_from_this();  // The driver belongs to the session.
  const py::cpp_function call([weak](const py::object& input) -> py::object {
    const SessionPtr self = weak.lock();
    if (self == nullptr) return py::none();
    Ref made = self->driven()->MakeGenerator(input.ptr());
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made.release());
  });
  const Hook::Kind made = is_once() ? contract().once_kind() : contract().stream_kind();
  const bool is_async = made == Hook::Kind::kAsyncGenerator || made == Hook::Kind::kCoroutine;
  const bool takes_input = contract().stream_takes_input() && !is_once();
  driver_ = Ref::Steal(PyObject_CallFunction(drive.get(), "OsOii", host.get(), tag().c_str(),
                                             call.ptr(), int{is_async}, int{takes_input}));
  return driver_ ? 0 : Raised("stream");
}

Ref DrivenSession::MakeGenerator(PyObject* input) {
  response_ = contract().NewResponse();
  return is_once() ? contract().CallOnce(args(), input, response_.get())
                   : contract().CallStream(args(), input, response_.get());
}

int DrivenSession::Begin(const DataList* data) {
  const Ref input = contract().MakeInput(data);
  if (!input) return Raised("request");
  if (const int code = Open(); code != 0) return code;
  return contract().has_exec() ? CallDriver("start", input.get()) : Feed(input.get(), true);
}

int DrivenSession::Write(const DataList* data) {
  const Ref input = contract().MakeInput(data);
  if (!input) return Raised("request");
  input_.See(data);
  if (contract().stream_takes_input()) return Feed(input.get(), input_.ended());
  if (!input_.Add(input.get())) return Raised("request");
  if (!input_.ended()) return 0;
  const Ref whole = input_.Whole();
  return whole ? CallDriver("start", whole.get()) : Raised("request");
}

int DrivenSession::Close() { return driver_ ? CallDriver("close", nullptr) : 0; }

void DrivenSession::DropReferences() {
  Session::DropReferences();
  input_.DropReferences();
  driver_ = Ref();
  response_ = Ref();
}

int DrivenSession::CallDriver(const char* method, PyObject* argument) {
  const Ref name = Ref::Steal(PyUnicode_FromString(method));
  const Ref done =
      Ref::Steal(PyObject_CallMethodObjArgs(driver_.get(), name.get(), argument, nullptr));
  return done ? 0 : Raised("stream");
}

int DrivenSession::Feed(PyObject* input, bool ended) {
  const Ref feed = ScriptFunction(Script::kStreaming, "feed");
  const Ref done = Ref::Steal(
      feed ? PyObject_CallFunction(feed.get(), "OOi", driver_.get(), input, int{ended}) : nullptr);
  return done ? 0 : Raised("stream");
}

int DrivenSession::Yielded(PyObject* value, bool may_wait) {
  auto results = std::make_unique<ResultList>();
  if (kind() == Kind::kCall && !is_awaited()) results->TakeSnapshots();  // It goes on.
  int code = 0;
  if (is_awaited()) {
    code = contract().Returned(value, response_.get(), results.get());
    if (code == 0) items_.Mark(results.get());
  } else if (code = contract().TakeAppended(response_.get(), results.get()); code == 0) {
    const std::string wrong = items_.Read(value, results.get(), &code);
    if (!wrong.empty()) {
      PySys_FormatStderr("wrapper: %s\n", wrong.c_str());
      code = SetError(kBadResult, wrong);
    }
  }
  if (code != 0) {
    HandError(code);
    return -1;
  }
  if (results->empty()) return 0;
  if (kind() == Kind::kSession) return Hand(std::move(results), may_wait);
  collected_.push_back(std::move(results));
  return 0;
}

int DrivenSession::Finished(bool may_wait) {
  auto results = std::make_unique<ResultList>();
  if (const int code = contract().TakeAppended(response_.get(), results.get()); code != 0) {
    HandError(code);
    return -1;
  }
  if (kind() == Kind::kSession) {
    items_.WriteEnd(results.get());
    return Hand(std::move(results), may_wait);
  }
  if (!TakeAnswer()) return -1;
  collected_.push_back(std::exchange(results, std::make_unique<ResultList>()));
  for (auto& part : collected_) results->Take(part.get());
  results->SetStatus(DataOnce);
  return Hand(std::move(results), true);  // An answer never waits.
}

void DrivenSession::Failed(PyObject* exception) {
  SetException(exception);
  const int code = Raised(hook());
  if (!IsOver()) HandError(code);
}

void LogStreamFault(PyObject* exception) {
  SetException(exception);
  Raised("stream");
}

}  // namespace aiges::shim
