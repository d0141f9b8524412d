// wrapper/contract_v1.cc: module functions, called with positional arguments.
//
//   wrapperInit(config) -> int
//   wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt) -> int
//   wrapperError(errNum) -> str, wrapperFini() -> int
// reqData: tuple of dict(key, data, len, status, type, desc). The function appends its results to
// respData: dict(key, data, len, status, type[, desc]). `len` is read but never believed.

#include <atomic>

#include "wrapper/contract.h"
#include "wrapper/py_error.h"

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
      : init_(Hook::Find(module, "wrapperInit", "config")),
        exec_(Hook::Find(module, "wrapperOnceExec",
                         "usrTag params reqData respData psrIds psrCnt")),
        error_(Hook::Find(module, "wrapperError", "errNum")),
        fini_(Hook::Find(module, "wrapperFini", "")),
        no_ids_(Ref::Steal(PyTuple_New(0))),
        zero_(Ref::Steal(PyLong_FromLong(0))) {}

  bool usable() const { return static_cast<bool>(exec_); }

  int Init(const Ref& config) override {
    if (!init_) return 0;
    PyObject* offered[] = {config.get()};
    return InitCode(init_.Call(offered));
  }

  int Exec(const char* usr_tag, const Ref& params, const DataList* data,
           ResultList* out) override {
    const Ref tag = TextToStr(usr_tag);
    const Ref request = RequestTuple(data);
    const Ref response = Ref::Steal(PyList_New(0));
    if (!tag || !request || !response) {
      return SetError(kUserExecError, "request: " + TakePythonError());
    }
    PyObject* offered[] = {tag.get(),      params.get(),  request.get(),
                           response.get(), no_ids_.get(), zero_.get()};
    const Ref result = exec_.Call(offered);
    if (!result) return SetError(kUserExecError, "wrapperOnceExec raised " + TakePythonError());
    const int code = ResultCode("wrapperOnceExec", result);
    return code != 0 ? code : ReadResponse(response, out);
  }

  int Fini() override {
    if (!fini_) return 0;
    const Ref result = fini_.Call(nullptr);
    if (!result) TakePythonError();
    return 0;
  }

  std::string ErrorText(int code) override { return ErrorTextFrom(error_, code); }

 private:
  Ref RequestTuple(const DataList* head) const {
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

  int ReadResponse(const Ref& response, ResultList* out) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(response.get()); ++i) {
      const Ref item = Ref::Borrow(PyList_GET_ITEM(response.get(), i));
      const std::string wrong = ReadItem(item.get(), out);
      if (wrong.empty()) continue;
      std::string text = "respData[" + std::to_string(i) + "]: " + wrong;
      PySys_FormatStderr("wrapper: %s\n", text.c_str());
      return SetError(kBadResult, std::move(text));
    }
    return 0;
  }

  // Empty when the item was taken.
  std::string ReadItem(PyObject* item, ResultList* out) {
    if (PyDict_Check(item) == 0) {
      return std::string("expected a dict, got ") + Py_TYPE(item)->tp_name;
    }
    const auto get = [item](const Ref& name) { return PyDict_GetItemWithError(item, name.get()); };
    PyObject* key = get(names_.key);
    PyObject* data = get(names_.data);
    if (key == nullptr) return "respdata need key item";
    if (data == nullptr) return "respdata need data item";
    std::string name, wrong;
    if (!ToText(key, &name, &wrong)) return "key: " + wrong;
    long type = 0, status = 3, length = -1;
    if (!ReadInt(get(names_.type), &type)) return "respdata need type item (int)";
    if (!ReadInt(get(names_.status), &status)) return "respdata need status item (int)";
    if (!ReadInt(get(names_.len), &length)) return "respdata need len item (int)";
    if (type < 0 || type > 4) return "type: expected 0 to 4, got " + std::to_string(type);
    wrong = out->Add(std::move(name), data, static_cast<int>(type), static_cast<int>(status));
    if (!wrong.empty()) return "data: " + wrong;
    CheckLength(data, length);
    return ReadDesc(get(names_.desc), out);
  }

  static bool ReadInt(PyObject* value, long* out) {
    if (value == nullptr || PyLong_Check(value) == 0) return false;
    *out = PyLong_AsLong(value);
    return PyErr_Occurred() == nullptr;
  }

  void CheckLength(PyObject* data, long length) {
    Py_ssize_t real = PyObject_Size(data);
    if (PyUnicode_Check(data) && PyUnicode_AsUTF8AndSize(data, &real) == nullptr) real = length;
    PyErr_Clear();
    if (length == real || warned_.exchange(true)) return;
    PySys_FormatStderr(
        "wrapper: a result item says len=%ld, its data has %zd bytes; the real length is sent "
        "(said once)\n",
        length, real);
  }

  static std::string ReadDesc(PyObject* desc, ResultList* out) {
    if (desc == nullptr || desc == Py_None) return "";
    if (PyDict_Check(desc) == 0) return "desc: expected a dict";
    PyObject *key = nullptr, *value = nullptr;
    Py_ssize_t at = 0;
    while (PyDict_Next(desc, &at, &key, &value) != 0) {
      const Ref text = Ref::Steal(PyObject_Str(value));
      std::string k, v, wrong;
      if (!text) return "desc: " + TakePythonError();
      if (!ToText(key, &k, &wrong) || !ToText(text.get(), &v, &wrong)) return "desc: " + wrong;
      out->AddDesc(std::move(k), std::move(v));
    }
    return "";
  }

  const Names names_;
  const Hook init_, exec_, error_, fini_;
  const Ref no_ids_, zero_;
  std::atomic<bool> warned_{false};
};

}  // namespace

std::unique_ptr<Contract> MakeContractV1(PyObject* module) {
  auto contract = std::make_unique<ContractV1>(module);
  if (contract->usable()) return contract;
  SetError(kInitError,
           "wrapper.py has neither a class Wrapper nor a function wrapperOnceExec");
  return nullptr;
}

}  // namespace aiges::shim
