// wrapper/contract_v2.cc: class Wrapper(WrapperBase), one object, results as a Response.
//
//   wrapperInit(config) -> int
//   wrapperOnceExec(params, reqData[, usrTag[, psrId]]) -> Response
//   wrapperError(code) -> str, wrapperFini() -> int
// reqData is a DataListCls; a result item's status is always Once.

#include <pybind11/pybind11.h>

#include "wrapper/contract.h"
#include "wrapper/embed_module.h"
#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

class ContractV2 : public Contract {
 public:
  explicit ContractV2(Ref object)
      : object_(std::move(object)),
        init_(Hook::Find(object_.get(), "wrapperInit", "config")),
        exec_(Hook::Find(object_.get(), "wrapperOnceExec", "params reqData usrTag psrId sid")),
        error_(Hook::Find(object_.get(), "wrapperError", "errNum")),
        fini_(Hook::Find(object_.get(), "wrapperFini", "")),
        zero_(Ref::Steal(PyLong_FromLong(0))) {}

  bool usable() const { return static_cast<bool>(exec_); }

  int Init(const Ref& config) override {
    if (!init_) return 0;
    PyObject* offered[] = {config.get()};
    return InitCode(init_.Call(offered));
  }

  int Exec(const char* usr_tag, const Ref& params, const DataList* data,
           ResultList* out) override {
    try {
      const Ref tag = TextToStr(usr_tag);
      const py::object request = MakeDataListCls(data);
      PyObject* sid = PyDict_GetItemString(params.get(), "sid");
      PyObject* offered[] = {params.get(), request.ptr(), tag.get(), zero_.get(),
                             sid == nullptr ? tag.get() : sid};
      const Ref result = exec_.Call(offered);
      if (!result) return SetError(kUserExecError, "wrapperOnceExec raised " + TakePythonError());
      return ReadResponse(py::reinterpret_borrow<py::object>(result.get()), out);
    } catch (py::error_already_set& e) {
      e.restore();
      return SetError(kBadResult, "result of wrapperOnceExec: " + TakePythonError());
    }
  }

  int Fini() override {
    if (!fini_) return 0;
    const Ref result = fini_.Call(nullptr);
    if (!result) TakePythonError();
    return 0;
  }

  std::string ErrorText(int code) override { return ErrorTextFrom(error_, code); }

 private:
  // Any object with the attributes will do: wrappers also return the pure-Python aiges.dto classes.
  static int ReadResponse(const py::object& response, ResultList* out) {
    if (!py::hasattr(response, "list") || !py::hasattr(response, "error_code")) {
      return SetError(kBadReturn, std::string("wrapperOnceExec returned ") +
                                      Py_TYPE(response.ptr())->tp_name + ", expected a Response");
    }
    const py::object code = response.attr("error_code");
    if (py::isinstance<py::int_>(code)) {
      const int number = ResultCode("wrapperOnceExec error_code",
                                    Ref::Borrow(code.ptr()));
      if (number != 0) return number;
    }
    const py::object items = response.attr("list");
    if (!py::isinstance<py::list>(items) && !py::isinstance<py::tuple>(items)) {
      return SetError(kBadResult, std::string("Response.list is ") + Py_TYPE(items.ptr())->tp_name +
                                      ", expected a list of ResponseData");
    }
    size_t i = 0;
    for (const py::handle item : items) {
      const std::string wrong = ReadItem(item, out);
      if (!wrong.empty()) {
        PyErr_Clear();
        return SetError(kBadResult, "Response.list[" + std::to_string(i) + "]: " + wrong);
      }
      ++i;
    }
    return 0;
  }

  static std::string ReadItem(py::handle item, ResultList* out) {
    for (const char* name : {"key", "data", "type"}) {
      if (!py::hasattr(item, name)) {
        return std::string("expected a ResponseData, got ") + Py_TYPE(item.ptr())->tp_name +
               " without " + name;
      }
    }
    const py::object key = item.attr("key"), data = item.attr("data"), type = item.attr("type");
    std::string name, wrong;
    if (!ToText(key.ptr(), &name, &wrong)) return "key: " + wrong;
    const long number = PyLong_Check(type.ptr()) ? PyLong_AsLong(type.ptr()) : -1;
    if (number < 0 || number > 4) return "type: expected 0 to 4";
    wrong = out->Add(std::move(name), data.ptr(), static_cast<int>(number), DataOnce);
    return wrong.empty() ? "" : "data: " + wrong;
  }

  const Ref object_;
  const Hook init_, exec_, error_, fini_;
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
    auto contract = std::make_unique<ContractV2>(MakeWrapper(module));
    if (contract->usable()) return contract;
    SetError(kInitError, "class Wrapper in wrapper.py has no method wrapperOnceExec");
  } catch (py::error_already_set& e) {
    e.restore();
    SetError(kInitError, "Wrapper() raised " + TakePythonError());
  }
  return nullptr;
}

}  // namespace aiges::shim
