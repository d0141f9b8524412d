// SPDX-License-Identifier: Apache-2.0
#include "wrapper/embed_module.h"

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "wrapper/convert.h"
#include "wrapper/deliveries.h"
#include "wrapper/doors.h"
#include "wrapper/model_calls.h"
#include "wrapper/scripts.h"
#include "wrapper/tensors.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

std::atomic<wrapperMeterCustom> g_meter{nullptr};
std::atomic<wrapperTraceLog> g_trace{nullptr};
std::atomic<wrapperMetrics> g_metrics{nullptr};

// bytes of anything that has some: bytes-like as it is, str as UTF-8.
py::bytes ToBytes(const py::object& value) {
  if (py::isinstance<py::bytes>(value)) return py::reinterpret_borrow<py::bytes>(value);
  if (py::isinstance<py::str>(value)) {
    PyObject* made = PyUnicode_AsUTF8String(value.ptr());
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::bytes>(made);
  }
  std::string wrong =
      std::string("expected bytes, a buffer or str, got ") + Py_TYPE(value.ptr())->tp_name;
  if (PyObject_CheckBuffer(value.ptr()) != 0) {
    Ref made = BufferToBytes(value.ptr(), &wrong);
    if (made) return py::reinterpret_steal<py::bytes>(made.release());
  }
  throw py::type_error("data: " + wrong);
}

int CheckedType(int type) {
  if (type < 0 || type > 3) {
    throw py::value_error("type: expected 0 (text), 1 (audio), 2 (image) or 3 (video), got " +
                          std::to_string(type));
  }
  return type;
}

// One payload, either way. `len` follows the data unless it is set by hand.
struct Node {
  std::string key;
  py::bytes data;
  py::object lent;  // If set, data are there, and not yet copied.
  size_t len = 0;
  int status = DataOnce;
  int type = DataText;
  py::dict desc;
  bool tensor = false;  // desc has the datatype and shape of an array that was set.

  py::bytes Data() {
    if (lent) {
      const std::string_view bytes = Lent();
      data = py::bytes(bytes.data(), bytes.size());
      lent = {};
    }
    return data;
  }
  std::string_view Lent() const {  // Its owner is alive.
    Py_buffer view;
    if (PyObject_GetBuffer(lent.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    const std::string_view bytes(static_cast<const char*>(view.buf), static_cast<size_t>(view.len));
    PyBuffer_Release(&view);
    return bytes;
  }

  void SetData(const py::object& value) {
    if (!SetTensor(value.ptr())) {
      data = ToBytes(value);
      if (std::exchange(tensor, false)) desc.attr("pop")("datatype"), desc.attr("pop")("shape");
    }
    len = py::len(data);
    lent = {};
  }

  // A copy: what is set before the answer is read may be used again by then. False: it is none.
  bool SetTensor(PyObject* value) {
    TensorOutput made;
    std::string wrong;
    if (PyBytes_Check(value) || PyUnicode_Check(value) || PyMemoryView_Check(value)) return false;
    if (!IsArray(value) && (PyObject_CheckBuffer(value) != 0 || !IsDlpack(value))) return false;
    if (!FromArray(value, &made, &wrong)) return false;
    data = PyBytes_Check(made.holder.get())
               ? py::reinterpret_steal<py::bytes>(made.holder.release())
               : py::bytes(made.data, made.size);
    desc["datatype"] = made.datatype;
    desc["shape"] = made.shape;
    return tensor = true;
  }

  py::object Numpy() const {
    const py::str name(key);
    const std::string_view bytes = lent ? Lent() : std::string_view(data);
    PyObject* holder = lent ? lent.ptr() : data.ptr();
    Ref array = ToNumpy({name.ptr(), desc.ptr(), holder, bytes.data(), bytes.size()});
    if (!array) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(array.release());
  }
};
struct ResponseData : Node {};
struct DataListNode : Node {};

struct Response {
  py::list list;
  int error_code = 0;
};
struct DataListCls {
  py::list list;
};
struct SessionCreateResponse {
  std::string handle;
  int error_code = 0;
};

template <class T>
py::class_<T> BindNode(py::module_& m, const char* name) {
  return py::class_<T>(m, name)
      .def(py::init([](const std::string& key, const py::object& second, int status, int type,
                       const py::object& data, size_t length) {
             // The second argument is len by position, data in the pure-Python spelling.
             T node;
             node.key = key;
             node.status = status;
             node.type = type;
             if (!data.is_none()) node.SetData(data);
             // The 0 that nobody has written is not the length of the data.
             const size_t len = py::isinstance<py::int_>(second) ? second.cast<size_t>() : 0;
             if (len > 0) node.len = len;
             if (length > 0) node.len = length;
             return node;
           }),
           py::arg("key") = "", py::arg("len") = 0, py::arg("status") = int{DataOnce},
           py::arg("type") = int{DataText}, py::arg("data") = py::none(), py::arg("length") = 0)
      .def_readwrite("key", &T::key)
      .def_property(
          "data", [](T& n) { return n.Data(); },
          [](T& n, const py::object& value) { n.SetData(value); })
      .def_readwrite("len", &T::len)
      .def_readwrite("status", &T::status)
      .def_readwrite("type", &T::type)
      .def_readwrite("desc", &T::desc)
      .def("get_data", [](T& n) { return n.Data(); })
      .def("numpy", [](const T& n) { return n.Numpy(); })
      .def(
          "setData", [](T& n, const py::object& value) { n.SetData(value); }, py::arg("d"))
      .def(
          "setDataType", [](T& n, int type) { n.type = CheckedType(type); }, py::arg("t"))
      .def("setKey", [](T& n, const std::string& key) { n.key = key; }, py::arg("key"));
}

// For wrappers that import it with the rest: in a worker answers go to the client, not to a queue.
py::object InitQueue() { return py::module_::import("queue").attr("Queue")(); }

// What is said of no call is of the one that runs here: only Python knows which task that is, and
// the host only of calls on threads of its own.
std::string TagOf(const std::string& tag) {
  if (!tag.empty()) return tag;
  return py::module_::import("aiges.context").attr("usr_tag")().cast<std::string>();
}

int Metric(const std::string& said, const std::string& key, int count) {
  const wrapperMeterCustom meter = g_meter.load();
  const std::string tag = TagOf(said);
  const py::gil_scoped_release release;
  return meter == nullptr ? 0 : meter(tag.c_str(), key.c_str(), count);
}

int Trace(const std::string& said, const std::string& key, const std::string& value) {
  const wrapperTraceLog trace = g_trace.load();
  const std::string tag = TagOf(said);
  const py::gil_scoped_release release;
  return trace == nullptr ? 0 : trace(tag.c_str(), key.c_str(), value.c_str());
}

// -1: the host takes none, or not so many.
int TellMetrics(const std::string& families) {
  const wrapperMetrics tell = g_metrics.load();
  const py::gil_scoped_release release;
  return tell == nullptr ? -1 : tell(families.c_str());
}

void Bind(py::module_& m) {
  BindNode<ResponseData>(m, "ResponseData");
  BindNode<DataListNode>(m, "DataListNode");
  py::class_<Response>(m, "Response")
      .def(py::init<>())
      .def_readwrite("list", &Response::list)
      .def_readwrite("error_code", &Response::error_code)
      .def(
          "response_err",
          [](py::object self, int code) {
            self.cast<Response&>().error_code = code;
            return self;
          },
          py::arg("error_code"));
  py::class_<DataListCls>(m, "DataListCls")
      .def(py::init<>())
      .def_readwrite("list", &DataListCls::list)
      .def(
          "get",
          [](const DataListCls& self, const std::string& key) -> py::object {
            for (const py::handle node : self.list) {
              if (node.attr("key").cast<std::string>() == key) {
                return py::reinterpret_borrow<py::object>(node);
              }
            }
            return py::none();
          },
          py::arg("key"));
  py::class_<SessionCreateResponse>(m, "SessionCreateResponse")
      .def(py::init([](const std::string& handle, int error_code) {
             return SessionCreateResponse{handle, error_code};
           }),
           py::arg("handle") = "", py::arg("error_code") = 0)
      .def_readwrite("handle", &SessionCreateResponse::handle)
      .def_readwrite("error_code", &SessionCreateResponse::error_code);
  BindDeliveries(m);
  BindDoors(m);
  BindModelCalls(m);
  m.def("callback_metric", &Metric);
  m.def("callback_trace", &Trace);
  m.def("_tell_metrics", &TellMetrics);
  m.def("init_rq", &InitQueue);
}

}  // namespace

bool ProvideEmbedModule() {
  try {
    static PyModuleDef definition;
    const char* name = "aiges_embed";
    py::module_ made = py::module_::create_extension_module(name, nullptr, &definition);
    Bind(made);
    Ref machinery = OwnModule("importlib.machinery");
    if (!machinery) throw py::error_already_set();
    made.attr("__spec__") =
        py::reinterpret_steal<py::object>(machinery.release()).attr("ModuleSpec")(name, py::none());
    py::module_::import("sys").attr("modules")[name] = made;
    return true;
  } catch (py::error_already_set& error) {
    error.restore();
    return false;
  }
}

namespace {

// All but the data.
void SetRest(const DataList& payload, Node* node) {
  node->key = payload.key;
  node->len = payload.len;
  node->status = payload.status;
  node->type = payload.type;
  node->desc = py::reinterpret_steal<py::dict>(ParamsToDict(payload.desc).release());
}

}  // namespace

py::object MakeDataListCls(const DataList* head, ResultList* lender) {
  DataListCls list;
  for (const DataList* p = head; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    DataListNode node;
    SetRest(*p, &node);
    if (lender != nullptr) {
      node.lent = py::reinterpret_steal<py::object>(lender->Lend(*p).release());
    }
    if (!node.lent) node.data = py::reinterpret_steal<py::bytes>(DataToBytes(*p).release());
    list.list.append(py::cast(std::move(node)));
  }
  return py::cast(std::move(list));
}

py::list MakeResponseList(const DataList* head) {
  py::list list;
  for (const DataList* p = head; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    ResponseData node;
    SetRest(*p, &node);
    node.data = py::reinterpret_steal<py::bytes>(DataToBytes(*p).release());
    list.append(py::cast(std::move(node)));
  }
  return list;
}

void SetMeter(wrapperMeterCustom function) { g_meter = function; }
void SetTrace(wrapperTraceLog function) { g_trace = function; }
void SetMetrics(wrapperMetrics function) { g_metrics = function; }

}  // namespace aiges::shim
