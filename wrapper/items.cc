#include "wrapper/items.h"

#include <atomic>
#include <limits>

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
  Ref list = Ref::Steal(PyUnicode_InternFromString("list"));
  Ref error_code = Ref::Steal(PyUnicode_InternFromString("error_code"));
};

const Names& GetNames() {
  static const Names* const names = new Names;  // The interpreter is never taken down.
  return *names;
}

std::atomic<bool> g_warned_of_length{false};

bool ReadInt(PyObject* value, long* out) {
  if (value == nullptr || PyLong_Check(value) == 0) return false;
  *out = PyLong_AsLong(value);
  if (PyErr_Occurred() == nullptr) return true;
  PyErr_Clear();  // Beyond 64 bits. Left set, it would fail the next call on this thread.
  return false;
}

void CheckLength(PyObject* data, long length) {
  Py_ssize_t real = PyObject_Size(data);
  if (PyUnicode_Check(data) && PyUnicode_AsUTF8AndSize(data, &real) == nullptr) real = length;
  PyErr_Clear();
  if (length == real || g_warned_of_length.exchange(true)) return;
  PySys_FormatStderr(
      "wrapper: a result item says len=%ld, its data has %zd bytes; the real length is sent "
      "(said once)\n",
      length, real);
}

std::string ReadDesc(PyObject* desc, ResultList* out) {
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

std::string AddItem(PyObject* key, PyObject* data, long type, long status, ResultList* out) {
  std::string name, wrong;
  if (!ToText(key, &name, &wrong)) return "key: " + wrong;
  if (type < 0 || type > 4) return "type: expected 0 to 4, got " + std::to_string(type);
  wrong = out->Add(std::move(name), data, static_cast<int>(type), static_cast<int>(status));
  return wrong.empty() ? "" : "data: " + wrong;
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
  if (key == nullptr) return "respdata need key item";
  if (data == nullptr) return "respdata need data item";
  long type = 0, status = 3, length = -1;
  if (!ReadInt(get(names.type), &type)) return "respdata need type item (int)";
  if (!ReadInt(get(names.status), &status)) return "respdata need status item (int)";
  if (!ReadInt(get(names.len), &length)) return "respdata need len item (int)";
  if (statuses == Statuses::kOnce) {
    status = DataOnce;
  } else if (status < 0 || status > 3) {
    return "status: expected 0 to 3, got " + std::to_string(status);
  }
  const std::string wrong = AddItem(key, data, type, status, out);
  if (!wrong.empty()) return wrong;
  CheckLength(data, length);
  return ReadDesc(get(names.desc), out);
}

std::string ReadObjectItem(PyObject* item, Statuses statuses, ResultList* out) {
  const Names& names = GetNames();
  const Ref key = Attribute(item, names.key), data = Attribute(item, names.data);
  const Ref type = Attribute(item, names.type);
  for (const auto& [name, value] : {std::pair("key", &key), {"data", &data}, {"type", &type}}) {
    if (*value) continue;
    return std::string("expected a ResponseData, got ") + Py_TYPE(item)->tp_name + " without " +
           name;
  }
  long number = 0, status = DataOnce;
  if (!ReadInt(type.get(), &number)) return "type: expected 0 to 4";
  if (statuses == Statuses::kOwn) {
    const Ref own = Attribute(item, names.status);
    if (own && !ReadInt(own.get(), &status)) return "status: expected 0 to 3";
    if (status < 0 || status > 3) return "status: expected 0 to 3, got " + std::to_string(status);
  }
  return AddItem(key.get(), data.get(), number, status, out);
}

std::string ReadResponseList(PyObject* response, Statuses statuses, ResultList* out) {
  const Ref items = Attribute(response, GetNames().list);
  if (!items || (PyList_Check(items.get()) == 0 && PyTuple_Check(items.get()) == 0)) {
    return std::string("Response.list is ") +
           (items ? Py_TYPE(items.get())->tp_name : "missing") +
           ", expected a list of ResponseData";
  }
  const Ref sequence = Ref::Steal(PySequence_Fast(items.get(), ""));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(sequence.get(), i);
    const std::string wrong = PyDict_Check(item) != 0 ? ReadDictItem(item, statuses, out)
                                                      : ReadObjectItem(item, statuses, out);
    PyErr_Clear();
    if (!wrong.empty()) return "Response.list[" + std::to_string(i) + "]: " + wrong;
  }
  return "";
}

std::string ReadAny(PyObject* value, Statuses statuses, ResultList* out, int* error_code) {
  if (PyBytes_Check(value) || PyUnicode_Check(value) || PyByteArray_Check(value)) {
    return out->Add("result", value, DataText, DataOnce);
  }
  std::string wrong;
  if (PyDict_Check(value) != 0) {
    wrong = ReadDictItem(value, statuses, out);
  } else if (PyList_Check(value) != 0 || PyTuple_Check(value) != 0) {
    const Ref sequence = Ref::Steal(PySequence_Fast(value, ""));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()) && wrong.empty(); ++i) {
      wrong = ReadAny(PySequence_Fast_GET_ITEM(sequence.get(), i), statuses, out, error_code);
      if (!wrong.empty()) wrong = "[" + std::to_string(i) + "]: " + wrong;
    }
  } else if (const Ref code = Attribute(value, GetNames().error_code)) {
    long number = 0;
    if (!ReadInt(code.get(), &number) || number > std::numeric_limits<int>::max() ||
        number < std::numeric_limits<int>::min()) {
      return "error_code: expected an int of 32 bits";
    }
    *error_code = static_cast<int>(number);
    if (number == 0) wrong = ReadResponseList(value, statuses, out);
  } else {
    wrong = ReadObjectItem(value, statuses, out);
  }
  PyErr_Clear();
  return wrong;
}

}  // namespace aiges::shim
