#include "wrapper/py_error.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

namespace aiges::shim {
namespace {

struct Last {
  int code = 0;
  std::string text, detail;
};

// Of a traceback: its begin says who called, its end what happened.
constexpr size_t kTraceBegin = 2000, kTraceEnd = 6000;

thread_local Last t_last;
thread_local std::deque<Last> t_queue;

std::string Utf8(PyObject* object) {
  const Ref text = Ref::Steal(object == nullptr ? nullptr : PyObject_Str(object));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (utf8 == nullptr) PyErr_Clear();
  return utf8 == nullptr ? "" : utf8;
}

// Where the innermost frame of the traceback is, as " (file, line n)".
std::string Place(PyObject* traceback) {
  Ref frame = Ref::Borrow(traceback);
  for (;;) {
    Ref next = Ref::Steal(PyObject_GetAttrString(frame.get(), "tb_next"));
    if (!next || next.get() == Py_None) break;
    frame = std::move(next);
  }
  PyErr_Clear();
  const Ref line = Ref::Steal(PyObject_GetAttrString(frame.get(), "tb_lineno"));
  const Ref py_frame = Ref::Steal(PyObject_GetAttrString(frame.get(), "tb_frame"));
  const Ref code = Ref::Steal(py_frame ? PyObject_GetAttrString(py_frame.get(), "f_code") : nullptr);
  const Ref file = Ref::Steal(code ? PyObject_GetAttrString(code.get(), "co_filename") : nullptr);
  PyErr_Clear();
  if (!line || !file) return "";
  std::string name = Utf8(file.get());
  name = name.substr(name.rfind('/') + 1);
  return " (" + name + ", line " + Utf8(line.get()) + ")";
}

bool InsideCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string Shortened(const std::string& text) {
  if (text.size() <= kTraceBegin + kTraceEnd) return text;
  size_t begin = kTraceBegin, end = text.size() - kTraceEnd;
  while (InsideCharacter(text[begin])) --begin;
  while (InsideCharacter(text[end])) ++end;
  return text.substr(0, begin) + "\n  [" + std::to_string(end - begin) + " bytes left out]\n" +
         text.substr(end);
}

// As Python prints it; empty where that fails.
std::string Traceback(PyObject* type, PyObject* value, PyObject* trace) {
  const Ref module = Ref::Steal(PyImport_ImportModule("traceback"));
  const Ref lines = Ref::Steal(
      module ? PyObject_CallMethod(module.get(), "format_exception", "OOO", type, value,
                                   trace == nullptr ? Py_None : trace)
             : nullptr);
  const Ref nothing = Ref::Steal(PyUnicode_FromString(""));
  const Ref whole =
      Ref::Steal(lines && nothing ? PyUnicode_Join(nothing.get(), lines.get()) : nullptr);
  // Not PyUnicode_AsUTF8: a message may hold half a surrogate pair.
  const Ref bytes = Ref::Steal(
      whole ? PyUnicode_AsEncodedString(whole.get(), "utf-8", "backslashreplace") : nullptr);
  PyErr_Clear();
  if (!bytes) return "";
  return Shortened({PyBytes_AS_STRING(bytes.get()),
                    static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))});
}

}  // namespace

int SetError(int code, std::string text) {
  t_last.code = code;
  t_last.text = std::move(text);
  t_last.detail.clear();
  return code;
}

int SetPythonError(int code, std::string before) {
  std::string trace;
  before += TakePythonError(&trace);
  SetError(code, std::move(before));
  t_last.detail = std::move(trace);
  return code;
}

const char* LastDetail(int code) {
  return t_last.code != code || t_last.detail.empty() ? nullptr : t_last.detail.c_str();
}

const char* LastError(int code) {
  const auto queued = std::find_if(t_queue.begin(), t_queue.end(),
                                   [code](const Last& each) { return each.code == code; });
  if (queued != t_queue.end()) {
    t_last = std::move(*queued);
    t_queue.erase(queued);
  }
  // No text of its own in the queue: the user is asked again, whatever came before.
  if (t_last.code != code || t_last.text.empty()) return nullptr;
  return t_last.text.c_str();
}

void ClearError() {
  t_last = {};
  t_queue.clear();
}

void QueueError(int code) {
  t_queue.push_back(t_last.code == code ? std::move(t_last) : Last{code, "", ""});
  t_last = {};
}

std::string TakePythonError(std::string* detail) {
  PyObject *raw_type = nullptr, *raw_value = nullptr, *raw_trace = nullptr;
  PyErr_Fetch(&raw_type, &raw_value, &raw_trace);
  if (raw_type == nullptr) return "unknown error";
  PyErr_NormalizeException(&raw_type, &raw_value, &raw_trace);
  const Ref type = Ref::Steal(raw_type), value = Ref::Steal(raw_value);
  const Ref trace = Ref::Steal(raw_trace);
  std::string text = reinterpret_cast<PyTypeObject*>(type.get())->tp_name;
  text = text.substr(text.rfind('.') + 1);
  const std::string message = Utf8(value.get());
  if (!message.empty()) text += ": " + message;
  // A SyntaxError names its place itself.
  if (trace && std::strstr(message.c_str(), ", line ") == nullptr) text += Place(trace.get());
  if (detail != nullptr) *detail = Traceback(type.get(), value.get(), trace.get());
  PyErr_Restore(Ref::Borrow(type.get()).release(), Ref::Borrow(value.get()).release(),
                trace ? Ref::Borrow(trace.get()).release() : nullptr);
  // PyErr_Print would end the process on SystemExit, so that one is shown by hand.
  if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
    PyErr_Clear();
    std::fprintf(stderr, "wrapper: %s\n", text.c_str());
  } else {
    PyErr_PrintEx(0);
  }
  return text;
}

}  // namespace aiges::shim
