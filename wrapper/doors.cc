// SPDX-License-Identifier: Apache-2.0
#include "wrapper/doors.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "wrapper/convert.h"
#include "wrapper/door_threads.h"
#include "wrapper/py_error.h"
#include "wrapper/python_ptr.h"
#include "wrapper/session.h"

namespace aiges::shim {
namespace {

namespace py = pybind11;

constexpr size_t kWorthRelease = 64 * 1024;  // Bytes of a part that are copied without the GIL.

std::atomic<wrapperDoorTook> g_took{nullptr};

// As aiges/contracts/_doors.py has them.
enum Kind { kBegin = 0, kPart = 1, kRoom = 2, kGone = 3 };

struct Event {
  Kind kind = kBegin;
  std::string tag, key, data;
  bool last = true;  // Of the request: no more of it follows.
  std::vector<std::pair<std::string, std::string>> fields;
};

// What the host has said and Python has not taken.
class Inbox {
 public:
  static Inbox& Get() {
    static Inbox* const inbox = new Inbox;  // Never destroyed: the host's threads outlive main.
    return *inbox;
  }

  void Add(Event event) {
    const std::lock_guard lock(mu_);
    events_.push_back(std::move(event));
    if (events_.size() > 1) return;
    const uint64_t one = 1;
    (void)!::write(fd_, &one, sizeof one);
  }
  std::vector<Event> Take() {
    const std::lock_guard lock(mu_);
    uint64_t count = 0;
    if (!events_.empty()) (void)!::read(fd_, &count, sizeof count);
    return std::exchange(events_, {});
  }
  int fd() const { return fd_; }

 private:
  const int fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::mutex mu_;
  std::vector<Event> events_;
};

Event MakeEvent(Kind kind, const char* tag, const DataList* part) {
  Event event;
  event.kind = kind;
  event.tag = tag;
  if (part == nullptr) return event;
  event.key = part->key == nullptr ? "" : part->key;
  event.data.assign(static_cast<const char*>(part->data), part->len);
  event.last = part->status == DataEnd || part->status == DataOnce;
  for (const ParamList* p = part->desc; p != nullptr; p = p->next) {
    if (p->key != nullptr) event.fields.emplace_back(p->key, std::string(p->value, p->vlen));
  }
  return event;
}

// [(name, value), ..], without the pseudo-fields, which go to a dict of str.
Ref FieldsOf(const Event& event, PyObject* pseudo) {
  Ref list = Ref::Steal(PyList_New(0));
  for (const auto& [name, value] : event.fields) {
    if (name.starts_with(':')) {
      const Ref text = Latin1ToStr(value);
      if (!text || PyDict_SetItemString(pseudo, name.c_str() + 1, text.get()) != 0) return Ref();
      continue;
    }
    const Ref key = ToBytes(name), text = ToBytes(value);
    const Ref pair = Ref::Steal(key && text ? PyTuple_Pack(2, key.get(), text.get()) : nullptr);
    if (!pair || PyList_Append(list.get(), pair.get()) != 0) return Ref();
  }
  return list;
}

// (kind, tag, key, pseudo-fields, fields, data, last)
Ref TupleOf(const Event& event) {
  const Ref pseudo = Ref::Steal(PyDict_New());
  const Ref fields = pseudo ? FieldsOf(event, pseudo.get()) : Ref();
  const Ref data = ToBytes(event.data);
  if (!fields || !data) return Ref();
  return Ref::Steal(Py_BuildValue("(isOOOOO)", static_cast<int>(event.kind), event.tag.c_str(),
                                  event.key == ":grpc" ? Py_True : Py_False, pseudo.get(),
                                  fields.get(), data.get(), event.last ? Py_True : Py_False));
}

py::list TakeEvents() {
  const std::vector<Event> events = Inbox::Get().Take();
  py::list out;
  for (const Event& event : events) {
    Ref tuple = TupleOf(event);
    if (!tuple) throw py::error_already_set();
    out.append(py::reinterpret_steal<py::object>(tuple.release()));
  }
  return out;
}

// A list of C from fields of Python, whose memory it uses.
class FieldNodes {
 public:
  explicit FieldNodes(const py::sequence& fields) : nodes_(fields.size()) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const py::sequence field = fields[i];
      ParamList& node = nodes_[i];
      node.key = TextOf(field[0]).first;
      const auto [value, length] = TextOf(field[1]);
      node.value = value;
      node.vlen = static_cast<unsigned>(length);
      node.next = i + 1 < nodes_.size() ? &nodes_[i + 1] : nullptr;
    }
  }
  ParamList* head() { return nodes_.empty() ? nullptr : nodes_.data(); }

 private:
  // The sequence keeps the objects alive.
  static std::pair<char*, size_t> TextOf(const py::object& text) {
    char* data = nullptr;
    Py_ssize_t length = 0;
    if (PyBytes_AsStringAndSize(text.ptr(), &data, nullptr) != 0) {  // No NUL in it.
      throw py::error_already_set();
    }
    PyBytes_AsStringAndSize(text.ptr(), &data, &length);
    return {data, static_cast<size_t>(length)};
  }

  std::vector<ParamList> nodes_;
};

// One part of the answer: 0: taken; 1: no room now; -1: nobody wants it.
int Send(const std::string& tag, bool grpc, int status, const py::sequence& fields,
         const py::buffer& body) {
  FieldNodes nodes(fields);
  const py::buffer_info bytes = body.request();
  if (bytes.size > 0 && !PyBuffer_IsContiguous(bytes.view(), 'C')) {
    throw py::value_error("expected contiguous bytes");
  }
  const auto size = static_cast<size_t>(bytes.size * bytes.itemsize);
  if (size > UINT32_MAX) throw py::value_error("expected less than 4 GiB at once");
  DataList part{};
  char key[8] = ":http";
  if (grpc) std::snprintf(key, sizeof key, ":grpc");
  part.key = key;
  part.data = bytes.ptr;
  part.len = static_cast<unsigned>(size);
  part.type = DataPer;
  part.status = static_cast<DataStatus>(status);
  part.desc = nodes.head();
  const wrapperCallback callback = TryCallback();
  if (callback == nullptr) return -1;
  // Who gives the GIL away for a moment waits for it, where other threads want it, too.
  if (size < kWorthRelease) return callback(tag.c_str(), &part, 0);
  const py::gil_scoped_release release;
  return callback(tag.c_str(), &part, 0);
}

// Ends a call with an error of the engine; `fault`: an exception, or a text.
int Fail(const std::string& tag, const py::object& fault) {
  ClearError();
  int code = 0;
  if (PyExceptionInstance_Check(fault.ptr())) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(fault.ptr())), fault.ptr());
    code = SetPythonError(kUserExecError, "");
  } else {
    code = SetError(kUserExecError, py::str(fault));
  }
  const wrapperCallback callback = TryCallback();
  const py::gil_scoped_release release;
  return callback == nullptr ? -1 : callback(tag.c_str(), nullptr, code);
}

int Took(const std::string& tag, uint64_t bytes) {
  const wrapperDoorTook took = g_took.load();
  const py::gil_scoped_release release;
  return took == nullptr ? 0 : took(tag.c_str(), bytes);
}

}  // namespace

void SetDoorTook(wrapperDoorTook function) { g_took = function; }

int BeginDoorCall(const char* tag, const DataList* part) {
  if (!TakeForThreads(tag, part)) Inbox::Get().Add(MakeEvent(kBegin, tag, part));
  return 0;
}

int TellDoor(const char* tag, int event, const DataList* part) {
  const Kind kind = event == WDoorPart ? kPart : event == WDoorRoom ? kRoom : kGone;
  Inbox::Get().Add(MakeEvent(kind, tag, part));
  return 0;
}

void BindDoors(py::module_& m) {
  m.def("_doors_fd", [] { return Inbox::Get().fd(); });
  m.def("_doors_take", &TakeEvents);
  m.def("_doors_send", &Send);
  m.def("_doors_fail", &Fail);
  m.def("_doors_took", &Took);
  BindDoorThreads(m);
}

}  // namespace aiges::shim
