// SPDX-License-Identifier: Apache-2.0
#include "wrapper/step_session.h"

#include "wrapper/py_error.h"

namespace aiges::shim {

int StepSession::Write(const DataList* data) {
  const Ref input = contract().MakeInput(data);
  if (!input) return Raised("request");
  input_.See(data);
  if (!input_.Add(input.get())) return Raised("request");
  if (!input_.ended()) return 0;
  const Ref whole = input_.Whole();
  if (!whole) return Raised("request");
  response_ = contract().NewResponse();
  const Ref made = contract().CallStream(args(), whole.get(), response_.get());
  if (made) generator_ = Ref::Steal(PyObject_GetIter(made.get()));
  return generator_ ? 0 : Raised(contract().stream_name());
}

int StepSession::Read(ResultList* out) {
  if (!generator_ || exhausted_) return 0;
  const Ref value = Ref::Steal(PyIter_Next(generator_.get()));
  if (PyErr_Occurred() != nullptr) return Raised(contract().stream_name());
  int code = contract().TakeAppended(response_.get(), out);
  if (code != 0) return code;
  if (value) {
    const std::string wrong = items_.Read(value.get(), out, &code);
    return wrong.empty() ? code : SetError(kBadResult, wrong);
  }
  exhausted_ = true;
  items_.WriteEnd(out);
  return 0;
}

int StepSession::Close() {
  if (!generator_) return 0;
  const Ref closed = Ref::Steal(PyObject_CallMethod(generator_.get(), "close", nullptr));
  return closed ? 0 : Raised(contract().stream_name());
}

void StepSession::DropReferences() {
  Session::DropReferences();
  input_.DropReferences();
  generator_ = Ref();
  response_ = Ref();
}

}  // namespace aiges::shim
