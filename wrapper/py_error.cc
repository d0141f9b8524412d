// SPDX-License-Identifier: Apache-2.0
#include "wrapper/py_error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "wrapper/scripts.h"

namespace aiges::shim {
namespace {

std::map<std::string, std::string> g_hook_names;  // Read only, once hooks are called.

struct Last {
  int code = 0;
  std::string text, detail;
  int error_class = 0;  // As wrapperErrorClass.
};

// How much of a long text is kept, of its begin and its end.
struct Room {
  size_t begin, end;
};
constexpr Room kWhole = {3400, 600};    // An error: at most 4 KiB with what is said of the rest.
constexpr Room kMessage = {2600, 600};  // The part of it that an exception says.
constexpr Room kTraceEntry = {2500, 1000};  // A frame of a traceback, or what was raised.
// Of a traceback: its begin says who called, its end what happened.
constexpr Room kTrace = {2000, 6000};

thread_local Last t_last;
thread_local std::deque<Last> t_queue;

// Set once, before user code runs. With a slash at the end.
std::string g_own_folder, g_python_folder;

bool InsideCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string Shortened(std::string text, Room room, const char* before = " ",
                      const char* after = " ") {
  constexpr size_t kNote = 48;
  if (text.size() <= room.begin + room.end + kNote) return text;
  size_t begin = room.begin, end = text.size() - room.end;
  while (begin > 0 && InsideCharacter(text[begin])) --begin;
  while (end < text.size() && InsideCharacter(text[end])) ++end;
  return text.substr(0, begin) + before + "[" + std::to_string(end - begin) + " bytes left out]" +
         after + text.substr(end);
}

// A NUL would end the text where it is read as a C string.
std::string WithoutNul(std::string_view text) {
  std::string out;
  for (size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    out.append(text.substr(0, nul)) += "\\x00";
    text.remove_prefix(nul + 1);
  }
  return out.append(text);
}

// Of a str. Not PyUnicode_AsUTF8: it may hold half a surrogate pair.
std::string Utf8(PyObject* text, Room room, const char* before = " ", const char* after = " ") {
  const Ref bytes = Ref::Steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
  PyErr_Clear();
  if (!bytes) return "";
  const std::string_view view(PyBytes_AS_STRING(bytes.get()),
                              static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  return Shortened(WithoutNul(view), room, before, after);
}

// NULL, without an exception, where there is none.
Ref Attribute(PyObject* object, const char* name) {
  Ref found = Ref::Steal(PyObject_GetAttrString(object, name));
  if (!found) PyErr_Clear();
  return found;
}

bool StartsWith(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

std::string FolderOf(const std::string& file) { return file.substr(0, file.rfind('/') + 1); }

// The name of a file of the user's, below the folder of wrapper.py; "" of any other. A virtual
// environment may lie there, too, or Python itself.
std::string OwnName(const std::string& file) {
  if (g_own_folder.empty() || !StartsWith(file, g_own_folder)) return "";
  const bool python = !g_python_folder.empty() && StartsWith(g_python_folder, g_own_folder) &&
                      StartsWith(file, g_python_folder);
  std::string name = file.substr(g_own_folder.size());
  const bool library = python || name.find("site-packages/") != std::string::npos ||
                       name.find("dist-packages/") != std::string::npos;
  return library ? "" : name;
}

// Where it happened, as " (file, line n)": the innermost line of the user's own, else of anybody
// but the scripts of this library.
std::string Place(PyObject* traceback) {
  std::string own, other;
  Ref at = Ref::Borrow(traceback);
  while (at && at.get() != Py_None) {
    const Ref line = Attribute(at.get(), "tb_lineno"), frame = Attribute(at.get(), "tb_frame");
    const Ref code = frame ? Attribute(frame.get(), "f_code") : Ref();
    const Ref named = code ? Attribute(code.get(), "co_filename") : Ref();
    const std::string file = named ? ShownText(named.get()) : "";
    if (line && !file.empty() && !StartsWith(file, "<libwrapper.so>/")) {
      const std::string mine = OwnName(file);
      std::string& place = mine.empty() ? other : own;
      place = " (" + (mine.empty() ? file.substr(file.rfind('/') + 1) : mine) + ", line " +
              ShownText(line.get()) + ")";
    }
    at = Attribute(at.get(), "tb_next");
  }
  return own.empty() ? other : own;
}

// As Python prints it; empty where that fails.
std::string Traceback(PyObject* type, PyObject* value, PyObject* trace) {
  const Ref module = OwnModule("traceback");
  const Ref lines =
      Ref::Steal(module ? PyObject_CallMethod(module.get(), "format_exception", "OOO", type, value,
                                              trace == nullptr ? Py_None : trace)
                        : nullptr);
  const Ref entries = Ref::Steal(lines ? PySequence_Fast(lines.get(), "") : nullptr);
  PyErr_Clear();
  std::string whole;
  for (Py_ssize_t i = 0; entries && i < PySequence_Fast_GET_SIZE(entries.get()); ++i) {
    PyObject* entry = PySequence_Fast_GET_ITEM(entries.get(), i);
    if (PyUnicode_Check(entry) != 0) whole += Utf8(entry, kTraceEntry, "\n  ", "\n");
  }
  return Shortened(std::move(whole), kTrace, "\n  ", "\n");
}

// Into the log; `shown`: the traceback.
void Print(PyObject* type, PyObject* value, PyObject* trace, const std::string& shown) {
  // A hook of the user's may tell somebody else. PyErr_Print would end the process on SystemExit.
  PyObject* hook = PySys_GetObject("excepthook");
  const bool own = hook != nullptr && hook != PySys_GetObject("__excepthook__");
  const bool exits = PyErr_GivenExceptionMatches(value, PyExc_SystemExit) != 0;
  if (!shown.empty() && (!own || exits)) return PySys_FormatStderr("%s", shown.c_str());
  if (exits) return;
  PyErr_Restore(Ref::Borrow(type).release(), Ref::Borrow(value).release(),
                Ref::Borrow(trace).release());
  PyErr_PrintEx(0);
}

// The current exception, which is taken.
struct Taken {
  Ref type, value, trace;

  Taken() {
    PyObject *raw_type = nullptr, *raw_value = nullptr, *raw_trace = nullptr;
    PyErr_Fetch(&raw_type, &raw_value, &raw_trace);
    if (raw_type != nullptr) PyErr_NormalizeException(&raw_type, &raw_value, &raw_trace);
    type = Ref::Steal(raw_type), value = Ref::Steal(raw_value), trace = Ref::Steal(raw_trace);
  }
  explicit operator bool() const { return type && value; }

  // "ValueError: text".
  std::string Text() const {
    if (!*this) return "unknown error";
    std::string text = reinterpret_cast<PyTypeObject*>(type.get())->tp_name;
    text = text.substr(text.rfind('.') + 1);
    const std::string message = ShownText(value.get());
    return message.empty() ? text : text + ": " + message;
  }
};

// The log has it then.
std::string Tell(const Taken& taken, std::string* detail) {
  if (!taken) return taken.Text();
  std::string text = taken.Text();
  // A SyntaxError names its place itself.
  const bool placed = PyErr_GivenExceptionMatches(taken.value.get(), PyExc_SyntaxError) != 0;
  if (taken.trace && !placed) text += Place(taken.trace.get());
  std::string shown = Traceback(taken.type.get(), taken.value.get(), taken.trace.get());
  Print(taken.type.get(), taken.value.get(), taken.trace.get(), shown);
  if (detail != nullptr) *detail = std::move(shown);
  return text;
}

int SetTaken(const Taken& taken, int code, std::string before, const std::string& after = "") {
  std::string trace;
  before += Tell(taken, &trace) + after;
  SetError(code, std::move(before));
  t_last.detail = std::move(trace);
  return code;
}

// Whoever raises one has imported it.
bool IsCallError(const Taken& taken) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "aiges.errors");
  const Ref kind = module == nullptr ? Ref() : Attribute(module, "CallError");
  return kind && taken && PyErr_GivenExceptionMatches(taken.value.get(), kind.get()) != 0;
}

const char* WithoutText(int error_class) {
  return error_class == 1 ? "the input cannot be used; the engine does not say why"
                          : "the call has failed; the engine does not say why";
}

// An attribute that is to be an int of 32 bits; `missing` where it is none.
int Number(PyObject* fault, const char* name, int missing) {
  const Ref found = Attribute(fault, name);
  const long number = found && PyLong_Check(found.get()) != 0 ? PyLong_AsLong(found.get()) : 0;
  const bool fits = PyErr_Occurred() == nullptr && number != 0 &&
                    number >= std::numeric_limits<int>::min() &&
                    number <= std::numeric_limits<int>::max();
  PyErr_Clear();  // Beyond 64 bits.
  return fits ? static_cast<int>(number) : missing;
}

}  // namespace

std::string ShownText(PyObject* object) {
  const Ref text = Ref::Steal(PyObject_Str(object));
  if (text) return Utf8(text.get(), kMessage);
  PyErr_Clear();
  return "";
}

void SetOwnFolder(const std::string& folder) {
  g_own_folder = folder.empty() || folder.back() == '/' ? folder : folder + "/";
  const Ref os = OwnModule("os");
  const Ref file = os ? Attribute(os.get(), "__file__") : Ref();
  PyErr_Clear();
  if (file) g_python_folder = FolderOf(ShownText(file.get()));
}

int SetError(int code, std::string text) {
  if (text.find('\0') != std::string::npos) text = WithoutNul(text);
  t_last = {code, Shortened(std::move(text), kWhole), "", 0};
  return code;
}

int SetPythonError(int code, std::string before, const std::string& after) {
  return SetTaken(Taken(), code, std::move(before), after);
}

void SetHookNames(PyObject* names) {
  PyObject *hook = nullptr, *name = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(names, &at, &hook, &name) != 0;) {
    g_hook_names[ShownText(hook)] = ShownText(name);
  }
}

std::string HookName(const char* hook) {
  const auto found = g_hook_names.find(hook);
  return found == g_hook_names.end() ? hook : found->second;
}

int Raised(const char* hook) {
  const Taken taken;
  if (!IsCallError(taken)) return SetTaken(taken, kUserExecError, HookName(hook) + " raised ");
  const int error_class = std::max(Number(taken.value.get(), "error_class", 0), 0);
  std::string detail;
  if (error_class == 0) (void)Tell(taken, &detail);
  const std::string text = ShownText(taken.value.get());
  const int code =
      SetError(Number(taken.value.get(), "code", error_class == 0 ? kUserExecError : kBadInput),
               text.empty() ? WithoutText(error_class) : text);
  t_last.error_class = error_class;
  t_last.detail = std::move(detail);
  return code;
}

const char* LastDetail(int code) {
  return t_last.code != code || t_last.detail.empty() ? nullptr : t_last.detail.c_str();
}

int LastClass(int code) { return t_last.code == code ? t_last.error_class : 0; }

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
  t_queue.push_back(t_last.code == code ? std::move(t_last) : Last{code, "", "", 0});
  t_last = {};
}

std::string TakePythonError(std::string* trace) { return Tell(Taken(), trace); }

std::string TakeQuietly(bool only_text) {
  const Taken taken;
  return only_text && taken ? ShownText(taken.value.get()) : taken.Text();
}

}  // namespace aiges::shim
