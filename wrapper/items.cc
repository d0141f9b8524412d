// SPDX-License-Identifier: Apache-2.0
#include "wrapper/items.h"

#include <atomic>
#include <limits>
#include <string>
#include <utility>

#include "wrapper/py_error.h"
#include "wrapper/tensor_types.h"
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
  Ref list = Ref::Steal(PyUnicode_InternFromString("list"));
  Ref error_code = Ref::Steal(PyUnicode_InternFromString("error_code"));
  Ref result = Ref::Steal(PyUnicode_InternFromString("result"));
};

const Names& GetNames() {
  static const Names* const names = new Names;  // The interpreter is never taken down.
  return *names;
}

std::atomic<bool> g_warned_of_length{false};

// How deep lists may lie in lists: what holds itself has no end.
constexpr int kDeepest = 32;

// Empty, or what is wrong: `expected` is what an int beyond 64 bits is told.
std::string ReadInt(PyObject* value, const char* expected, long* out) {
  *out = PyLong_AsLong(value);
  if (PyErr_Occurred() == nullptr) return "";
  PyErr_Clear();  // Left set, it would fail the next call on this thread.
  return std::string("expected ") + expected + ", got an int beyond 64 bits";
}

bool IsInt(PyObject* value) { return value != nullptr && PyLong_Check(value) != 0; }

void CheckLength(size_t real, long length) {
  if (length == static_cast<long>(real) || g_warned_of_length.exchange(true)) return;
  PySys_FormatStderr(
      "wrapper: a result item says len=%ld, its data has %zu bytes; the real length is sent "
      "(said once)\n",
      length, real);
}

// Without those that a tensor has of its own where it is one.
std::string ReadDesc(PyObject* desc, bool of_tensor, ResultList* out) {
  if (desc == nullptr || desc == Py_None) return "";
  if (PyDict_Check(desc) == 0) return "desc: expected a dict";
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(desc, &at, &key, &value) != 0) {
    const Ref text = Ref::Steal(PyObject_Str(value));
    std::string k, v, wrong;
    if (!text) return "desc: " + TakeQuietly();
    if (!ToText(key, &k, &wrong) || !ToText(text.get(), &v, &wrong)) return "desc: " + wrong;
    if (of_tensor && (k == "datatype" || k == "shape")) continue;
    out->AddDesc(std::move(k), std::move(v));
  }
  return "";
}

std::string AddItem(PyObject* key, PyObject* data, long type, long status, ResultList* out) {
  std::string name, wrong;
  if (!ToText(key, &name, &wrong)) return "key: " + wrong;
  if (type < 0 || type > 4) return "type: expected 0 to 4, got " + std::to_string(type);
  wrong = out->Add(std::move(name), data, static_cast<int>(type), static_cast<int>(status));
  return wrong.empty() ? "" : "data: " + wrong;
}

bool IsText(PyObject* value) { return PyUnicode_Check(value) != 0 || PyBytes_Check(value) != 0; }

// What may be a tensor, rather than bytes that somebody has laid out.
bool IsTensor(PyObject* value) {
  if (IsText(value) || PyByteArray_Check(value) || PyMemoryView_Check(value)) return false;
  return IsArray(value) || (PyObject_CheckBuffer(value) == 0 && IsDlpack(value));
}

// The engine may know better what the elements are, as of BF16 in numbers of 16 bits.
std::string TakeDatatype(PyObject* desc, TensorOutput* tensor) {
  PyObject* said =
      desc == nullptr || PyDict_Check(desc) == 0 ? nullptr : PyDict_GetItemString(desc, "datatype");
  std::string name, wrong;
  if (said == nullptr || !ToText(said, &name, &wrong)) return wrong;
  const TensorType* type = FindTensorType(name.c_str());
  if (type == nullptr || type->size != FindTensorType(tensor->datatype.c_str())->size) {
    return "desc: expected a datatype with elements as those of " + tensor->datatype + ", got \"" +
           name + "\"";
  }
  tensor->datatype = name;
  return "";
}

// `desc` may be NULL.
std::string AddTensor(std::string name, TensorOutput tensor, PyObject* desc, long type, long status,
                      ResultList* out) {
  std::string wrong = TakeDatatype(desc, &tensor);
  if (!wrong.empty()) return wrong;
  wrong = out->AddHeld(std::move(name), std::move(tensor.holder), {tensor.data, tensor.size},
                       static_cast<int>(type), static_cast<int>(status));
  if (!wrong.empty()) return "data: " + wrong;
  out->AddDesc("datatype", std::move(tensor.datatype));
  out->AddDesc("shape", std::move(tensor.shape));
  return ReadDesc(desc, true, out);
}

std::string AddItem(PyObject* key, TensorOutput tensor, PyObject* desc, long type, long status,
                    ResultList* out) {
  std::string name, wrong;
  if (!ToText(key, &name, &wrong)) return "key: " + wrong;
  if (type < 0 || type > 4) return "type: expected 0 to 4, got " + std::to_string(type);
  return AddTensor(std::move(name), std::move(tensor), desc, type, status, out);
}

// An array under its name alone: it is a tensor, or nothing.
std::string AddNamed(PyObject* key, PyObject* value, ResultList* out) {
  std::string name, wrong;
  if (!ToText(key, &name, &wrong)) return "key: " + wrong;
  if (!IsTensor(value)) {
    if (!IsText(value)) {
      wrong = std::string("expected an array, bytes or str, got ") + Py_TYPE(value)->tp_name;
    } else {
      wrong = out->Add(name, value, DataText, DataOnce);
    }
    return wrong.empty() ? "" : "\"" + name + "\": " + wrong;
  }
  TensorOutput tensor;
  if (!FromArray(value, &tensor, &wrong)) return "tensor \"" + name + "\": " + wrong;
  return AddTensor(std::move(name), std::move(tensor), nullptr, DataPer, DataOnce, out);
}

// {"name": array, ..}: whether a dict without a key is meant so.
bool HoldsTensors(PyObject* dict) {
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &value) != 0) {
    if (IsTensor(value)) return true;
  }
  return false;
}

std::string ReadTensors(PyObject* dict, ResultList* out) {
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  std::string wrong;
  const Ref copy = Ref::Steal(PyDict_Copy(dict));  // What is asked of them may change it.
  while (copy && wrong.empty() && PyDict_Next(copy.get(), &at, &key, &value) != 0) {
    wrong = AddNamed(key, value, out);
  }
  return wrong;
}

// (name, array).
bool IsNamedTensor(PyObject* value) {
  return PyTuple_Check(value) != 0 && PyTuple_GET_SIZE(value) == 2 &&
         IsText(PyTuple_GET_ITEM(value, 0)) && IsTensor(PyTuple_GET_ITEM(value, 1));
}

// Of a list or tuple, as it is now: what is asked for its attributes may change it meanwhile.
Py_ssize_t SizeOf(PyObject* items) {
  return PyList_Check(items) != 0 ? PyList_GET_SIZE(items) : PyTuple_GET_SIZE(items);
}

Ref ItemOf(PyObject* items, Py_ssize_t i) {
  return Ref::Borrow(PyList_Check(items) != 0 ? PyList_GET_ITEM(items, i)
                                              : PyTuple_GET_ITEM(items, i));
}

Ref Attribute(PyObject* object, const Ref& name) {
  Ref value = Ref::Steal(PyObject_GetAttr(object, name.get()));
  if (!value) PyErr_Clear();
  return value;
}

}  // namespace

std::string ReadDictItem(PyObject* item, Statuses statuses, ResultList* out) {
  if (PyDict_Check(item) == 0) {
    return std::string("expected a dict, got ") + Py_TYPE(item)->tp_name;
  }
  const Names& names = GetNames();
  const auto get = [item](const Ref& name) { return PyDict_GetItemWithError(item, name.get()); };
  PyObject* key = get(names.key);
  PyObject* data = get(names.data);
  if ((key == nullptr || !IsText(key)) && HoldsTensors(item)) return ReadTensors(item, out);
  if (key == nullptr) return "respdata need key item";
  if (data == nullptr) return "respdata need data item";
  TensorOutput tensor;
  std::string wrong;
  // Other arrays are sent as their bytes lie, where they have some.
  const bool is_tensor = IsTensor(data) && FromArray(data, &tensor, &wrong);
  long type = 0, status = 3, length = -1;
  struct Field {
    const Ref& name;
    const char *shown, *expected;
    long* number;
  };
  for (const Field& field : {Field{names.type, "type", "0 to 4", &type},
                             Field{names.status, "status", "0 to 3", &status},
                             Field{names.len, "len", "a number of bytes", &length}}) {
    PyObject* value = get(field.name);
    if (is_tensor && value == nullptr) continue;
    if (!IsInt(value)) return std::string("respdata need ") + field.shown + " item (int)";
    wrong = ReadInt(value, field.expected, field.number);
    if (!wrong.empty()) return std::string(field.shown) + ": " + wrong;
  }
  if (statuses == Statuses::kOnce) {
    status = DataOnce;
  } else if (status < 0 || status > 3) {
    return "status: expected 0 to 3, got " + std::to_string(status);
  }
  if (is_tensor) return AddItem(key, std::move(tensor), get(names.desc), type, status, out);
  wrong = AddItem(key, data, type, status, out);
  if (!wrong.empty()) return wrong;
  CheckLength(out->last_length(), length);
  return ReadDesc(get(names.desc), false, out);
}

std::string ReadAppended(PyObject* item, Statuses statuses, ResultList* out) {
  if (!IsNamedTensor(item)) return ReadDictItem(item, statuses, out);
  return AddNamed(PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1), out);
}

std::string ReadObjectItem(PyObject* item, Statuses statuses, ResultList* out) {
  const Names& names = GetNames();
  const Ref key = Attribute(item, names.key), data = Attribute(item, names.data);
  if (!key && IsTensor(item)) return AddNamed(GetNames().result.get(), item, out);
  const Ref type = Attribute(item, names.type);
  for (const auto& [name, value] : {std::pair("key", &key), {"data", &data}, {"type", &type}}) {
    if (*value) continue;
    return std::string("expected a ResponseData, got ") + Py_TYPE(item)->tp_name + " without " +
           name;
  }
  long number = 0, status = DataOnce;
  if (!IsInt(type.get())) return "type: expected 0 to 4";
  std::string wrong = ReadInt(type.get(), "0 to 4", &number);
  if (!wrong.empty()) return "type: " + wrong;
  if (statuses == Statuses::kOwn) {
    const Ref own = Attribute(item, names.status);
    if (own && !IsInt(own.get())) return "status: expected 0 to 3";
    if (own) wrong = ReadInt(own.get(), "0 to 3", &status);
    if (!wrong.empty()) return "status: " + wrong;
    if (status < 0 || status > 3) return "status: expected 0 to 3, got " + std::to_string(status);
  }
  const Ref desc = Attribute(item, names.desc);
  PyObject* attributes = desc && PyDict_Check(desc.get()) != 0 ? desc.get() : nullptr;
  TensorOutput tensor;
  if (IsTensor(data.get()) && FromArray(data.get(), &tensor, &wrong)) {
    return AddItem(key.get(), std::move(tensor), attributes, number, status, out);
  }
  wrong = AddItem(key.get(), data.get(), number, status, out);
  return wrong.empty() ? ReadDesc(attributes, false, out) : wrong;
}

std::string ReadResponseList(PyObject* response, Statuses statuses, ResultList* out) {
  const Ref items = Attribute(response, GetNames().list);
  if (!items || (PyList_Check(items.get()) == 0 && PyTuple_Check(items.get()) == 0)) {
    return std::string("Response.list is ") + (items ? Py_TYPE(items.get())->tp_name : "missing") +
           ", expected a list of ResponseData";
  }
  for (Py_ssize_t i = 0; i < SizeOf(items.get()); ++i) {
    const Ref item = ItemOf(items.get(), i);
    const std::string wrong = PyDict_Check(item.get()) != 0
                                  ? ReadDictItem(item.get(), statuses, out)
                                  : ReadObjectItem(item.get(), statuses, out);
    PyErr_Clear();
    if (!wrong.empty()) return "Response.list[" + std::to_string(i) + "]: " + wrong;
  }
  return "";
}

namespace {

// One answer: how many lists it has so far, and how deep they lie.
class Answer {
 public:
  Answer(Statuses statuses, ResultList* out, int* error_code)
      : statuses_(statuses), out_(out), error_code_(error_code) {}

  std::string Read(PyObject* value) {
    std::string wrong;
    if (PyBytes_Check(value) || PyUnicode_Check(value) || PyByteArray_Check(value)) {
      return out_->Add("result", value, DataText, DataOnce);
    }
    if (PyDict_Check(value) != 0) {
      wrong = ReadDictItem(value, statuses_, out_);
    } else if (IsNamedTensor(value)) {
      wrong = AddNamed(PyTuple_GET_ITEM(value, 0), PyTuple_GET_ITEM(value, 1), out_);
    } else if (PyList_Check(value) != 0 || PyTuple_Check(value) != 0) {
      wrong = ReadEach(value);
    } else if (IsArray(value)) {
      wrong = AddNamed(GetNames().result.get(), value, out_);
    } else if (const Ref code = Attribute(value, GetNames().error_code)) {
      wrong = ReadResponse(value, code.get());
    } else {
      wrong = ReadObjectItem(value, statuses_, out_);
    }
    PyErr_Clear();
    return wrong;
  }

 private:
  std::string ReadEach(PyObject* list) {
    if (depth_ == kDeepest) {
      whole_ = true;
      return "expected lists of at most " + std::to_string(kDeepest) +
             " levels, got more (does one hold itself?)";
    }
    if (++lists_ > kMostItems) {
      whole_ = true;
      return "expected at most " + std::to_string(kMostItems) + " lists in an answer, got more";
    }
    ++depth_;
    std::string wrong;
    for (Py_ssize_t i = 0; i < SizeOf(list) && wrong.empty(); ++i) {
      wrong = Read(ItemOf(list, i).get());
      if (!wrong.empty() && !whole_ && !out_->full())
        wrong = "[" + std::to_string(i) + "]: " + wrong;
    }
    --depth_;
    return wrong;
  }

  std::string ReadResponse(PyObject* response, PyObject* code) {
    const char* const expected = "an int of 32 bits";
    if (!IsInt(code)) return std::string("error_code: expected ") + expected;
    long number = 0;
    const std::string wrong = ReadInt(code, expected, &number);
    if (!wrong.empty()) return "error_code: " + wrong;
    if (number > std::numeric_limits<int>::max() || number < std::numeric_limits<int>::min()) {
      return std::string("error_code: expected ") + expected + ", got " + std::to_string(number);
    }
    *error_code_ = static_cast<int>(number);
    return number == 0 ? ReadResponseList(response, statuses_, out_) : "";
  }

  const Statuses statuses_;
  ResultList* const out_;
  int* const error_code_;
  int depth_ = 0;
  size_t lists_ = 0;
  bool whole_ = false;  // What is wrong is so with the whole, not with an item.
};

}  // namespace

std::string ReadAny(PyObject* value, Statuses statuses, ResultList* out, int* error_code) {
  return Answer(statuses, out, error_code).Read(value);
}

}  // namespace aiges::shim
