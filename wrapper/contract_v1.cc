// SPDX-License-Identifier: Apache-2.0
// wrapper/contract_v1.cc: module functions, called with positional arguments.
//
//   wrapperInit(config) -> int
//   wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt) -> int
//   wrapperCreate(usrTag, params, psrIds, psrCnt, errNum) -> str, the handle
//   wrapperWrite(handle, reqData) -> int
//   wrapperRead(handle, respData) -> int, or wrapperRead(handle) -> list
//   wrapperDestroy(handle), also spelt wrapperDestory -> int
//   wrapperError(errNum) -> str, wrapperFini() -> int
// reqData: tuple of dict(key, data, len, status, type, desc). A function appends its results to
// respData: dict(key, data, len, status, type[, desc]). `len` is read but never believed.

#include "wrapper/contract.h"
#include "wrapper/items.h"
#include "wrapper/py_error.h"
#include "wrapper/tensors.h"

namespace aiges::shim {
namespace {

struct Names {
  Ref key = Ref::Steal(PyUnicode_InternFromString("key"));
  Ref data = Ref::Steal(PyUnicode_InternFromString("data"));
  Ref len = Ref::Steal(PyUnicode_InternFromString("len"));
  Ref status = Ref::Steal(PyUnicode_InternFromString("status"));
  Ref type = Ref::Steal(PyUnicode_InternFromString("type"));
  Ref desc = Ref::Steal(PyUnicode_InternFromString("desc"));
};

class ContractV1 : public Contract {
 public:
  explicit ContractV1(PyObject* module)
      : Contract(module, /*function_style=*/true),
        no_ids_(Ref::Steal(PyTuple_New(0))),
        zero_(Ref::Steal(PyLong_FromLong(0))) {}

  int Create(const CallArgs& args, std::string* handle) override {
    const Ref tag = TextToStr(args.tag), ids = PsrIds(args);
    const Ref count = Ref::Steal(PyLong_FromLong(args.psr_count));
    PyObject* offered[] = {tag.get(), args.params, ids.get(), count.get(), zero_.get()};
    const Ref result = create_.Call(offered);
    if (!result) return Raised("wrapperCreate");
    std::string wrong;
    if (PyLong_Check(result.get()) != 0) return ResultCode("wrapperCreate", result);  // An error.
    if (ToText(result.get(), handle, &wrong)) return 0;
    if (IsText(result.get())) return BadHandle(wrong);
    return SetError(kBadReturn, std::string("wrapperCreate returned ") +
                                    Py_TYPE(result.get())->tp_name +
                                    ", expected str (the session's handle) or an error code");
  }

  int Read(PyObject* handle, PyObject*, ResultList* out) override {
    const Ref response = Ref::Steal(PyList_New(0));
    PyObject* offered[] = {handle, response.get()};
    const Ref result = read_.Call(offered);
    if (!result) return Raised("wrapperRead");
    const bool is_list = PyList_Check(result.get()) != 0;
    const int code = is_list ? 0 : ResultCode("wrapperRead", result);
    if (code != 0) return code;
    const int appended = ReadResponse(response, Statuses::kOwn, out);
    return appended != 0 || !is_list ? appended : ReadResponse(result, Statuses::kOwn, out);
  }

  Ref NewResponse() const override { return Ref::Steal(PyList_New(0)); }

  int TakeAppended(PyObject* response, ResultList* out) const override {
    if (response == nullptr || PyList_GET_SIZE(response) == 0) return 0;
    const Ref items = Ref::Steal(PyList_GetSlice(response, 0, PyList_GET_SIZE(response)));
    if (!items || PyList_SetSlice(response, 0, PyList_GET_SIZE(response), nullptr) != 0) {
      return SetPythonError(kUserExecError, "respData: ");
    }
    return ReadResponse(items, Statuses::kOnce, out);
  }

  int Returned(PyObject* value, PyObject* response, ResultList* out) const override {
    const bool is_list = PyList_Check(value) != 0 || PyTuple_Check(value) != 0;
    // What is awaited has returned an answer in any form before there was respData for it.
    const bool any_form =
        is_list || once_kind() == Hook::Kind::kCoroutine || PyDict_Check(value) || IsArray(value);
    if (PyLong_Check(value) != 0 || !any_form) {
      const int code = ResultCode("wrapperOnceExec", Ref::Borrow(value));
      return code != 0 ? code : TakeAppended(response, out);
    }
    int code = TakeAppended(response, out);
    if (code != 0) return code;
    const std::string wrong = ReadAny(value, Statuses::kOnce, out, &code);
    if (wrong.empty()) return code;
    return SetError(kBadResult, std::string("wrapperOnceExec returned ") + Py_TYPE(value)->tp_name +
                                    ": " + wrong);
  }

  Ref MakeInput(const DataList* head, ResultList*) const override {
    Py_ssize_t count = 0;
    for (const DataList* p = head; p != nullptr; p = p->next) count += p->key != nullptr ? 1 : 0;
    Ref tuple = Ref::Steal(PyTuple_New(count));
    Py_ssize_t i = 0;
    for (const DataList* p = head; p != nullptr && tuple; p = p->next) {
      if (p->key == nullptr) continue;
      Ref item = RequestItem(*p);
      if (!item) return Ref();
      PyTuple_SET_ITEM(tuple.get(), i++, item.release());
    }
    return tuple;
  }

 protected:
  Ref CallExec(const Hook& hook, const CallArgs& args, PyObject* input,
               PyObject* response) const override {
    const Ref tag = TextToStr(args.tag);
    if (!tag) return Ref();
    if (args.psr_count == 0) {
      PyObject* offered[] = {tag.get(), args.params, input, response, no_ids_.get(), zero_.get()};
      return hook.Call(offered);
    }
    const Ref ids = PsrIds(args), count = Ref::Steal(PyLong_FromLong(args.psr_count));
    PyObject* offered[] = {tag.get(), args.params, input, response, ids.get(), count.get()};
    return hook.Call(offered);
  }

 private:
  Ref RequestItem(const DataList& node) const {
    Ref dict = Ref::Steal(PyDict_New());
    const auto set = [&dict](const Ref& name, const Ref& value) {
      return value && PyDict_SetItem(dict.get(), name.get(), value.get()) == 0;
    };
    const bool ok = dict && set(names_.key, TextToStr(node.key)) &&
                    set(names_.data, DataToBytes(node)) &&
                    set(names_.len, Ref::Steal(PyLong_FromUnsignedLong(node.len))) &&
                    set(names_.status, Ref::Steal(PyLong_FromLong(node.status))) &&
                    set(names_.type, Ref::Steal(PyLong_FromLong(node.type))) &&
                    set(names_.desc, ParamsToDict(node.desc));
    return ok ? std::move(dict) : Ref();
  }

  static int ReadResponse(const Ref& response, Statuses statuses, ResultList* out) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(response.get()); ++i) {
      const Ref item = Ref::Borrow(PyList_GET_ITEM(response.get(), i));
      const std::string wrong = ReadAppended(item.get(), statuses, out);
      if (wrong.empty()) continue;
      std::string text = "respData[" + std::to_string(i) + "]: " + wrong;
      PySys_FormatStderr("wrapper: %s\n", text.c_str());
      return SetError(kBadResult, std::move(text));
    }
    return 0;
  }

  const Names names_;
  const Ref no_ids_, zero_;
};

}  // namespace

std::unique_ptr<Contract> MakeContractV1(PyObject* module) {
  return std::make_unique<ContractV1>(module);
}

}  // namespace aiges::shim
