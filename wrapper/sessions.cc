// SPDX-License-Identifier: Apache-2.0
#include "wrapper/sessions.h"

#include <memory>
#include <utility>

#include "wrapper/call_context.h"
#include "wrapper/deliveries.h"
#include "wrapper/driven_session.h"
#include "wrapper/hook_session.h"
#include "wrapper/py_error.h"
#include "wrapper/scripts.h"
#include "wrapper/step_session.h"

namespace aiges::shim {
namespace {

// What the host holds of a session.
struct Handle {
  SessionPtr session;
  pDataList given = nullptr;  // By the last Read.
};

SessionPtr MakeSession(const SessionStart& start) {
  if (start.contract.has_create()) return std::make_shared<HookSession>(start);
  if (start.callback == nullptr) return std::make_shared<StepSession>(start);
  return std::make_shared<DrivenSession>(start, Session::Kind::kSession);
}

bool IsAsync(Hook::Kind kind) {
  return kind == Hook::Kind::kAsyncGenerator || kind == Hook::Kind::kCoroutine;
}

// A plain once wrapper under asyncMode: the answer is there at once.
int AnswerNow(const SessionPtr& call, const DataList* data) {
  auto results = std::make_unique<ResultList>();
  const int code = call->contract().Once(call->args(), data, results.get());
  if (code == 0) call->Hand(std::move(results), true);
  return code;
}

void CallStreaming(const char* function, double seconds) {
  const Gil gil;
  if (!ScriptRuns(Script::kStreaming)) return;
  const Ref found = ScriptFunction(Script::kStreaming, function);
  const Ref done = Ref::Steal(found ? PyObject_CallFunction(found.get(), "d", seconds) : nullptr);
  if (!done) TakePythonError();
}

}  // namespace

const void* CreateSession(const SessionStart& start, int* error) {
  ClearError();
  const TagScope scope(start.tag);
  const Gil gil;
  const SessionPtr session = MakeSession(start);
  FollowTrace();
  if (!session->ReadParams(start.params)) {
    *error = Raised("params");
    return nullptr;
  }
  SessionTable::Get().Add(session);  // wrapperCreate may call back already.
  *error = session->Open();
  if (*error != 0) {
    SessionTable::Get().Remove(*session);
    session->DropReferences();
    return nullptr;
  }
  SessionTable::Get().Add(session);  // By the handle that it has now, too.
  return new Handle{session};
}

int WriteSession(const void* handle, const DataList* data) {
  Session& session = *static_cast<const Handle*>(handle)->session;
  ClearError();
  const TagScope scope(session.tag().c_str());
  const Gil gil;
  FollowTrace();
  return session.Write(data);
}

int ReadSession(const void* handle, pDataList* out) {
  Handle& held = *static_cast<Handle*>(const_cast<void*>(handle));
  ClearError();
  const TagScope scope(held.session->tag().c_str());
  ResultList::Free(std::exchange(held.given, nullptr));
  const Gil gil;
  FollowTrace();
  auto results = std::make_unique<ResultList>();
  const int code = held.session->Read(results.get());
  if (code == 0) held.given = *out = ResultList::Release(results.release());
  return code;
}

int DestroySession(const void* handle) {
  const std::unique_ptr<const Handle> held(static_cast<const Handle*>(handle));
  const SessionPtr& session = held->session;
  ClearError();
  session->End();
  SessionTable::Get().Remove(*session);
  ResultList::Free(held->given);
  const TagScope scope(session->tag().c_str());
  const Gil gil;
  const int code = session->Close();
  session->DropReferences();
  return code;
}

int BeginCall(const SessionStart& start, const DataList* data) {
  ClearError();
  const TagScope scope(start.tag);
  const Gil gil;
  const Contract& contract = start.contract;
  const bool later = contract.has_exec_async();
  const bool driven =
      !later && (IsAsync(contract.once_kind()) || (!contract.has_exec() && contract.streams()));
  SessionPtr call;
  DrivenSession* driver = nullptr;
  if (driven) {
    const auto made = std::make_shared<DrivenSession>(start, Session::Kind::kCall);
    driver = made.get();
    call = made;
  } else {
    call = std::make_shared<Session>(start, Session::Kind::kCall);
  }
  FollowTrace();
  if (!call->ReadParams(start.params)) return Raised("params");
  if (!later && !driven) return AnswerNow(call, data);
  SessionTable::Get().Add(call);
  const int code = driven ? driver->Begin(data) : start.contract.ExecAsync(call->args(), data);
  if (code != 0) call->TakeAnswer();
  return code;
}

void StopStreams(double seconds) { CallStreaming("stop_all", seconds); }
void EndLoop(double seconds) { CallStreaming("end_loop", seconds); }

}  // namespace aiges::shim
