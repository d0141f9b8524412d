#include "wrapper/contract.h"

#include <limits>

#include "wrapper/plan_py.h"  // Made by CMake from sdk/aiges/_signature.py.
#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

// Its function plan, run in a namespace of its own.
Ref PlanFunction() {
  const Ref scope = Ref::Steal(PyDict_New());
  PyDict_SetItemString(scope.get(), "__builtins__", PyEval_GetBuiltins());
  const Ref done =
      Ref::Steal(PyRun_String(kPlanPython, Py_file_input, scope.get(), scope.get()));
  if (!done) return Ref();
  return Ref::Borrow(PyDict_GetItemString(scope.get(), "plan"));
}

}  // namespace

Hook Hook::Find(PyObject* owner, const char* name, const char* roles) {
  Hook hook;
  Ref function = Ref::Steal(PyObject_GetAttrString(owner, name));
  if (!function || PyCallable_Check(function.get()) == 0) {
    PyErr_Clear();
    return hook;
  }
  const Ref plan = PlanFunction();
  const Ref order =
      Ref::Steal(plan ? PyObject_CallFunction(plan.get(), "Os", function.get(), roles) : nullptr);
  if (!order) {
    TakePythonError();
    return hook;
  }
  hook.count_ = std::min(static_cast<size_t>(PyList_Size(order.get())), kMost);
  for (size_t i = 0; i < hook.count_; ++i) {
    hook.order_[i] = PyLong_AsSize_t(PyList_GetItem(order.get(), static_cast<Py_ssize_t>(i)));
  }
  hook.function_ = std::move(function);
  return hook;
}

Ref Hook::Call(PyObject* const* offered) const {
  PyObject* args[kMost];
  for (size_t i = 0; i < count_; ++i) args[i] = offered[order_[i]];
  return Ref::Steal(PyObject_Vectorcall(function_.get(), args, count_, nullptr));
}

int ResultCode(const char* hook, const Ref& result) {
  if (PyLong_Check(result.get()) == 0) {
    return SetError(kBadReturn, std::string(hook) + " returned " +
                                    Py_TYPE(result.get())->tp_name + ", expected int (0 = ok)");
  }
  const long code = PyLong_AsLong(result.get());
  if (PyErr_Occurred() != nullptr || code > std::numeric_limits<int>::max() ||
      code < std::numeric_limits<int>::min()) {
    PyErr_Clear();
    return SetError(kBadReturn, std::string(hook) + " returned an int beyond 32 bits");
  }
  return static_cast<int>(code);
}

int InitCode(const Ref& result) {
  if (!result) return SetError(kUserInitError, "wrapperInit raised " + TakePythonError());
  return ResultCode("wrapperInit", result);
}

std::string ErrorTextFrom(const Hook& hook, int code) {
  if (!hook) return "";
  const Ref number = Ref::Steal(PyLong_FromLong(code));
  PyObject* offered[] = {number.get()};
  const Ref text = hook.Call(offered);
  const char* utf8 =
      text && PyUnicode_Check(text.get()) ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (utf8 == nullptr && PyErr_Occurred() != nullptr) TakePythonError();
  return utf8 == nullptr ? "" : utf8;
}

std::unique_ptr<Contract> MakeContract(PyObject* module) {
  const Ref wrapper_class = Ref::Steal(PyObject_GetAttrString(module, "Wrapper"));
  PyErr_Clear();
  if (wrapper_class && PyType_Check(wrapper_class.get())) return MakeContractV2(module);
  return MakeContractV1(module);
}

}  // namespace aiges::shim
