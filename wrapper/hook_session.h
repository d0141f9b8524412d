// SPDX-License-Identifier: Apache-2.0
// wrapper/hook_session.h: a session by the user's own wrapperCreate, Write, Read and Destroy.
#pragma once

#include "wrapper/session.h"

namespace aiges::shim {

class HookSession : public Session {
 public:
  explicit HookSession(const SessionStart& start) : Session(start, Kind::kSession) {}
  int Open() override;
  int Write(const DataList* data) override;
  int Read(ResultList* out) override;
  int Close() override;
  void DropReferences() override;

 private:
  Ref py_handle_;  // As wrapperCreate named it.
};

}  // namespace aiges::shim
