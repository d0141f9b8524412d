// SPDX-License-Identifier: Apache-2.0
#include "wrapper/hook_session.h"

#include "wrapper/py_error.h"

namespace aiges::shim {

int HookSession::Open() {
  const int code = contract().Create(args(), &handle_);
  py_handle_ = TextToStr(handle_.c_str());
  return code;
}

int HookSession::Write(const DataList* data) {
  const Ref input = contract().MakeInput(data);
  if (!input) return Raised("request");
  return contract().Write(py_handle_.get(), py_sid_.get(), input.get());
}

int HookSession::Read(ResultList* out) {
  return contract().Read(py_handle_.get(), py_sid_.get(), out);
}

int HookSession::Close() { return contract().Destroy(py_handle_.get()); }

void HookSession::DropReferences() {
  Session::DropReferences();
  py_handle_ = Ref();
}

}  // namespace aiges::shim
