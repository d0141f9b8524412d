// SPDX-License-Identifier: Apache-2.0
// wrapper/driven_session.h: a session or call whose generator (or coroutine) _streaming.py runs.
//
// Its driver there brings what is yielded to Yielded, on whichever thread it runs. A call gathers
// that until the end, and gives it as one answer.
#pragma once

#include <pybind11/pybind11.h>

#include "wrapper/generator_io.h"
#include "wrapper/session.h"

namespace aiges::shim {

class DrivenSession : public Session {
 public:
  DrivenSession(const SessionStart& start, Kind kind) : Session(start, kind) {}
  int Open() override;
  int Write(const DataList* data) override;
  int Close() override;
  void DropReferences() override;
  DrivenSession* driven() override { return this; }
  // A call: begins with its whole input.
  int Begin(const DataList* data);

  // The driver's, with the GIL; returns are those of Session::Hand.
  int Yielded(PyObject* value, bool may_wait);
  int Finished(bool may_wait);
  void Failed(PyObject* exception);

 private:
  // wrapperOnceExec answers a call wherever there is one; all else is wrapperStream, or what serves
  // as such.
  bool is_once() const { return kind() == Kind::kCall && contract().has_exec(); }
  const char* hook() const { return is_once() ? "wrapperOnceExec" : contract().stream_name(); }
  // Of what is awaited there is one value: the whole answer of wrapperOnceExec.
  bool is_awaited() const {
    return (is_once() || !contract().stream_takes_input()) &&
           contract().once_kind() == Hook::Kind::kCoroutine;
  }
  Ref MakeGenerator(PyObject* input);
  int CallDriver(const char* method, PyObject* argument);
  int Feed(PyObject* input, bool ended);

  Ref driver_, response_;
  GatheredInput input_;
  YieldedItems items_;  // The driver's, as the rest.
  std::vector<std::unique_ptr<ResultList>> collected_;
};

// What a driver's call fails with when its session is gone already: in the log only.
void LogStreamFault(PyObject* exception);

}  // namespace aiges::shim
