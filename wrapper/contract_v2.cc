// SPDX-License-Identifier: Apache-2.0
// wrapper/contract_v2.cc: class Wrapper(WrapperBase), one object, results as a Response, or in any
// other form of items.h.
//
//   wrapperInit(config) -> int
//   wrapperOnceExec(params, reqData[, usrTag[, psrId]]) -> Response; or a generator
//   wrapperCreate(params, sid[, psrId[, usrTag]]) -> SessionCreateResponse
//   wrapperWrite(handle, reqData[, sid]) -> int
//   wrapperRead(handle[, sid]) -> Response
//   wrapperDestroy(handle) -> int
//   wrapperError(code) -> str, wrapperFini() -> int
// reqData is a DataListCls. The status of a once result is always Once; in sessions it is the
// item's own.

#include <pybind11/pybind11.h>

#include "wrapper/contract.h"
#include "wrapper/embed_module.h"
#include "wrapper/items.h"
#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

class ContractV2 : public Contract {
 public:
  explicit ContractV2(const Ref& object)
      : Contract(object.get(), /*function_style=*/false), zero_(Ref::Steal(PyLong_FromLong(0))) {}

  int Create(const CallArgs& args, std::string* handle) override {
    const Ref tag = TextToStr(args.tag);
    const Ref psr = FirstPsr(args);
    PyObject* offered[] = {args.params, SidOf(args.params, tag), psr.get(), tag.get()};
    const Ref result = create_.Call(offered);
    if (!result) return Raised("wrapperCreate");
    const Ref code = Ref::Steal(PyObject_GetAttrString(result.get(), "error_code"));
    const Ref name = Ref::Steal(PyObject_GetAttrString(result.get(), "handle"));
    PyErr_Clear();
    if (code && PyLong_Check(code.get()) != 0) {  // With an error, the handle may be anything.
      const int number = ResultCode("wrapperCreate error_code", code);
      if (number != 0) return number;
    }
    std::string wrong;
    if (!code || !name || !ToText(name.get(), handle, &wrong)) {
      if (code && name && IsText(name.get())) return BadHandle(wrong);
      return SetError(kBadReturn, std::string("wrapperCreate returned ") +
                                      Py_TYPE(result.get())->tp_name +
                                      ", expected a SessionCreateResponse");
    }
    return ResultCode("wrapperCreate error_code", code);
  }

  int Read(PyObject* handle, PyObject* sid, ResultList* out) override {
    PyObject* offered[] = {handle, sid};
    const Ref result = read_.Call(offered);
    if (!result) return Raised("wrapperRead");
    if (result.get() == Py_None) return 0;
    return ReadAnswer("wrapperRead", result.get(), Statuses::kOwn, out);
  }

  int Returned(PyObject* value, PyObject*, ResultList* out) const override {
    return ReadAnswer("wrapperOnceExec", value, Statuses::kOnce, out);
  }

  Ref MakeInput(const DataList* data, ResultList* lender) const override {
    try {
      return Ref::Steal(MakeDataListCls(data, lender).release().ptr());
    } catch (py::error_already_set& e) {
      e.restore();
      return Ref();
    }
  }

 protected:
  Ref CallExec(const Hook& hook, const CallArgs& args, PyObject* input, PyObject*) const override {
    const Ref tag = TextToStr(args.tag);
    const Ref psr = FirstPsr(args);
    if (!tag) return Ref();
    PyObject* offered[] = {args.params, input, tag.get(), psr.get(), SidOf(args.params, tag)};
    return hook.Call(offered);
  }

 private:
  Ref FirstPsr(const CallArgs& args) const {
    if (args.psr_count == 0) return Ref::Borrow(zero_.get());
    return Ref::Steal(PyLong_FromUnsignedLong(args.psr_ids[0]));
  }

  static int ReadAnswer(const char* hook, PyObject* answer, Statuses statuses, ResultList* out) {
    int code = 0;
    const std::string wrong = ReadAny(answer, statuses, out, &code);
    if (wrong.empty()) return code;
    if (PyObject_HasAttrString(answer, "error_code") != 0) return SetError(kBadResult, wrong);
    const std::string returned = std::string(hook) + " returned " + Py_TYPE(answer)->tp_name;
    const bool is_a_form = PyBytes_Check(answer) || PyUnicode_Check(answer) ||
                           PyByteArray_Check(answer) || PyDict_Check(answer) ||
                           PyList_Check(answer) || PyTuple_Check(answer) ||
                           PyObject_HasAttrString(answer, "key") != 0;
    if (is_a_form) return SetError(kBadResult, returned + ": " + wrong);
    return SetError(kBadReturn, returned + ", expected a Response");
  }

  const Ref zero_;
};

// Wrapper(legacy=.., ...) as the SDK's own server makes it, or without arguments; decided by the
// signature, because a TypeError from inside __init__ must not run it twice.
Ref MakeWrapper(PyObject* module) {
  const py::object cls = py::reinterpret_borrow<py::object>(module).attr("Wrapper");
  const py::dict options(py::arg("legacy") = false, py::arg("is_aipaas") = true,
                         py::arg("keep_schema_default_value") = true);
  bool takes_options = false;
  try {
    const py::object signature = py::module_::import("inspect").attr("signature")(cls);
    signature.attr("bind")(**options);
    takes_options = true;
  } catch (py::error_already_set&) {
    // It wants none of them.
  }
  const py::object object = takes_options ? cls(**options) : cls();
  return Ref::Borrow(object.ptr());
}

}  // namespace

std::unique_ptr<Contract> MakeContractV2(PyObject* module) {
  try {
    const Ref object = MakeWrapper(module);
    const Ref names = Ref::Steal(PyObject_GetAttrString(object.get(), "hook_names"));
    PyErr_Clear();
    if (names && PyDict_Check(names.get()) != 0) SetHookNames(names.get());
    return std::make_unique<ContractV2>(object);
  } catch (py::error_already_set& e) {
    e.restore();
    SetPythonError(kInitError, "Wrapper() raised ");
  }
  return nullptr;
}

}  // namespace aiges::shim
