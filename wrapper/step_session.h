// SPDX-License-Identifier: Apache-2.0
// wrapper/step_session.h: a session of a plain generator that gets its whole input.
//
// Each wrapperRead is one step of it, on the worker's own thread: no thread is changed for a token.
#pragma once

#include "wrapper/generator_io.h"
#include "wrapper/session.h"

namespace aiges::shim {

class StepSession : public Session {
 public:
  explicit StepSession(const SessionStart& start) : Session(start, Kind::kSession) {}
  int Write(const DataList* data) override;
  int Read(ResultList* out) override;
  int Close() override;  // Its finally: clauses run.
  void DropReferences() override;

 private:
  GatheredInput input_;
  YieldedItems items_;
  Ref generator_, response_;
  bool exhausted_ = false;
};

}  // namespace aiges::shim
