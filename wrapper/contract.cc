// SPDX-License-Identifier: Apache-2.0
#include "wrapper/contract.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

#include "wrapper/items.h"
#include "wrapper/py_error.h"
#include "wrapper/scripts.h"

namespace aiges::shim {
namespace {

// Written by the user, not inherited from the SDK's WrapperBase.
bool IsDefault(PyObject* function) {
  const Ref name = Ref::Steal(PyObject_GetAttrString(function, "__qualname__"));
  const char* text = name && PyUnicode_Check(name.get()) ? PyUnicode_AsUTF8(name.get()) : nullptr;
  PyErr_Clear();
  return text != nullptr && std::strncmp(text, "WrapperBase.", 12) == 0;
}

// NULL, without an exception, where there is none.
Ref Attribute(PyObject* owner, const char* name) {
  Ref found = Ref::Steal(PyObject_GetAttrString(owner, name));
  if (!found) PyErr_Clear();
  return found;
}

// Whether a list or dict of declared fields has something in it.
bool IsTrue(PyObject* found) {
  const int truth = found == nullptr ? 0 : PyObject_IsTrue(found);
  PyErr_Clear();
  return truth == 1;
}

// Whether the user's schema() is to be asked: not that of a WrapperBase, ours or PyPI's, that
// declares nothing, and not something of that name in a module.
bool Declares(PyObject* owner) {
  if (PyModule_Check(owner)) return false;
  const Ref inputs = Attribute(owner, "inputs"), accepts = Attribute(owner, "accepts");
  if (inputs || accepts) return IsTrue(inputs.get()) || IsTrue(accepts.get());
  const Ref kept = Attribute(owner, "__mappings__");  // PyPI's: by kind of field.
  if (!kept || PyDict_Check(kept.get()) == 0) return true;
  return IsTrue(PyDict_GetItemString(kept.get(), "inputs")) ||
         IsTrue(PyDict_GetItemString(kept.get(), "accepts"));
}

}  // namespace

Hook Hook::Find(PyObject* owner, const char* name, const char* roles) {
  Hook hook;
  Ref function = Ref::Steal(PyObject_GetAttrString(owner, name));
  if (!function || PyCallable_Check(function.get()) == 0 || IsDefault(function.get())) {
    PyErr_Clear();
    return hook;
  }
  const Ref look = ScriptFunction(Script::kSignature, "look");
  const Ref found = Ref::Steal(
      look ? PyObject_CallFunction(look.get(), "sOs", name, function.get(), roles) : nullptr);
  int kind = 0;
  PyObject *order = nullptr, *names = nullptr;
  if (!found || PyArg_ParseTuple(found.get(), "iO!O!", &kind, &PyList_Type, &order, &PyList_Type,
                                 &names) == 0) {
    const bool own = PyErr_ExceptionMatches(PyExc_TypeError) != 0;
    hook.wrong_ = std::string(name) + ": " + (own ? TakeQuietly(true) : TakePythonError());
    return hook;
  }
  hook.kind_ = static_cast<Kind>(kind);
  hook.count_ = static_cast<size_t>(PyList_Size(order));
  if (hook.count_ > kMost) {
    hook.wrong_ = std::string(name) + ": expected at most " + std::to_string(kMost) + " parameters";
    return hook;
  }
  for (size_t i = 0; i < hook.count_; ++i) {
    hook.order_[i] = PyLong_AsSize_t(PyList_GetItem(order, static_cast<Py_ssize_t>(i)));
  }
  hook.by_position_ = hook.count_ - static_cast<size_t>(PyList_Size(names));
  if (hook.by_position_ < hook.count_) hook.names_ = Ref::Steal(PyList_AsTuple(names));
  hook.function_ = std::move(function);
  return hook;
}

Ref Hook::Call(PyObject* const* offered) const {
  PyObject* args[kMost];
  for (size_t i = 0; i < count_; ++i) args[i] = offered[order_[i]];
  return Ref::Steal(PyObject_Vectorcall(function_.get(), args, by_position_, names_.get()));
}

std::string Contract::Wrong() const {
  std::string wrong;
  for (const Hook* hook : {&init_, &warmup_, &exec_, &exec_async_, &batch_, &stream_, &create_,
                           &write_, &read_, &destroy_, &load_res_, &unload_res_, &error_, &fini_}) {
    if (!hook->wrong().empty()) wrong += (wrong.empty() ? "" : "; ") + hook->wrong();
  }
  return wrong;
}

int ResultCode(const char* hook, const Ref& result) {
  if (PyLong_Check(result.get()) == 0) {
    return SetError(kBadReturn, std::string(hook) + " returned " + Py_TYPE(result.get())->tp_name +
                                    ", expected int (0 = ok)");
  }
  const long code = PyLong_AsLong(result.get());
  if (PyErr_Occurred() != nullptr || code > std::numeric_limits<int>::max() ||
      code < std::numeric_limits<int>::min()) {
    PyErr_Clear();
    return SetError(kBadReturn, std::string(hook) + " returned an int beyond 32 bits");
  }
  return static_cast<int>(code);
}

int BadHandle(const std::string& wrong) {
  return SetError(kBadReturn, "wrapperCreate returned a handle that cannot be one: " + wrong);
}

PyObject* SidOf(PyObject* params, const Ref& tag) {
  PyObject* sid = PyDict_GetItemString(params, "sid");
  const bool said = sid != nullptr && (PyUnicode_Check(sid) == 0 || PyUnicode_GetLength(sid) > 0);
  return said ? sid : tag.get();
}

Ref PsrIds(const CallArgs& args) {
  Ref ids = Ref::Steal(PyTuple_New(args.psr_count));
  for (int i = 0; i < args.psr_count; ++i) {
    PyTuple_SET_ITEM(ids.get(), i, PyLong_FromUnsignedLong(args.psr_ids[i]));
  }
  return ids;
}

Contract::Contract(PyObject* owner, bool v1)
    : owner_(Ref::Borrow(owner)),
      init_(Hook::Find(owner, "wrapperInit", "config")),
      warmup_(Hook::Find(owner, "wrapperWarmup", "config")),
      exec_(Hook::Find(
          owner, "wrapperOnceExec",
          v1 ? "usrTag params reqData respData psrIds psrCnt" : "params reqData usrTag psrId sid")),
      exec_async_(Hook::Find(
          owner, "wrapperOnceExecAsync",
          v1 ? "usrTag params reqData respData psrIds psrCnt" : "params reqData usrTag psrId sid")),
      batch_(Hook::Find(owner, "wrapperBatchExec", "params reqData usrTags")),
      stream_(Hook::Find(owner, "wrapperStream", "params requests usrTag psrId sid")),
      create_(Hook::Find(owner, "wrapperCreate",
                         v1 ? "usrTag params psrIds psrCnt errNum" : "params sid psrId usrTag")),
      write_(Hook::Find(owner, "wrapperWrite", "handle reqData sid")),
      read_(Hook::Find(owner, "wrapperRead", v1 ? "handle respData" : "handle sid")),
      destroy_(Hook::Find(owner, "wrapperDestroy", "handle")),
      load_res_(Hook::Find(owner, "wrapperLoadRes", "reqData patch_id resId")),
      unload_res_(Hook::Find(owner, "wrapperUnloadRes", "patch_id resId")),
      error_(Hook::Find(owner, "wrapperError", "errNum")),
      fini_(Hook::Find(owner, "wrapperFini", "")),
      doors_(Hook::Find(owner, "wrapperDoors", "")),
      wishes_(Hook::Find(owner, "wrapperWishes", "")) {
  if (v1 && !destroy_ && destroy_.wrong().empty())
    destroy_ = Hook::Find(owner, "wrapperDestory", "handle");  // Sic.
}

int Contract::Init(const Ref& config) {
  if (!init_) return 0;
  PyObject* offered[] = {config.get()};
  const Ref result = init_.Call(offered);
  if (!result) return SetPythonError(kUserInitError, HookName("wrapperInit") + " raised ");
  return ResultCode("wrapperInit", result);
}

int Contract::Warmup(const Ref& config) {
  if (!warmup_) return 0;
  PyObject* offered[] = {config.get()};
  const Ref result = warmup_.Call(offered);
  if (!result) return SetPythonError(kUserInitError, "wrapperWarmup raised ");
  return result.get() == Py_None ? 0 : ResultCode("wrapperWarmup", result);
}

// A text, or what is made JSON of. Empty, and said on stderr, where it cannot be told.
static std::string JsonOf(Ref value, const char* what) {
  if (value && PyUnicode_Check(value.get()) == 0) {
    const Ref json = OwnModule("json");
    value = Ref::Steal(json ? PyObject_CallMethod(json.get(), "dumps", "O", value.get()) : nullptr);
  }
  const char* text = value ? PyUnicode_AsUTF8(value.get()) : nullptr;
  if (text != nullptr) return text;
  std::fprintf(stderr, "wrapper.py: its %s left out: %s\n", what, TakePythonError().c_str());
  return "";
}

std::string Contract::Schema() const {
  Ref function = Attribute(owner_.get(), "wrapperSchema");
  if (!function && Declares(owner_.get())) function = Attribute(owner_.get(), "schema");
  if (!function || PyCallable_Check(function.get()) == 0) return "";
  const bool pypi = static_cast<bool>(Attribute(owner_.get(), "__mappings__"));
  Ref value = Ref::Steal(PyObject_CallObject(function.get(), nullptr));
  if (!value && pypi) {
    // Its SDK makes the other generation without pydantic, which may be newer than it knows.
    PyErr_Clear();
    if (PyObject_SetAttrString(owner_.get(), "legacy", Py_True) == 0) {
      value = Ref::Steal(PyObject_CallObject(function.get(), nullptr));
    }
  }
  return JsonOf(std::move(value), "schema is");
}

std::string Contract::Doors() const {
  return doors_ ? JsonOf(doors_.Call(nullptr), "doors are") : "";
}

void Contract::Wishes(WrapperWishes* out) const {
  if (!wishes_) return;
  const Ref said = wishes_.Call(nullptr);
  if (!said || PyDict_Check(said.get()) == 0) {
    std::fprintf(stderr, "wrapper.py: wrapperWishes left out: %s\n",
                 said ? "expected a dict" : TakePythonError().c_str());
    return;
  }
  const std::pair<const char*, unsigned*> known[] = {{"threads", &out->threads},
                                                     {"batch_size", &out->batch_size},
                                                     {"batch_delay_us", &out->batch_delay_us}};
  for (const auto& [name, number] : known) {
    PyObject* value = PyDict_GetItemString(said.get(), name);
    if (value == nullptr) continue;
    const long wanted = PyLong_Check(value) != 0 ? PyLong_AsLong(value) : -1;
    PyErr_Clear();
    if (wanted >= 0 && wanted <= std::numeric_limits<int>::max()) {
      *number = static_cast<unsigned>(wanted);
    } else {
      std::fprintf(stderr, "wrapper.py: wrapperWishes: %s: expected an int from 0 on\n", name);
    }
  }
}

int Contract::Fini() {
  if (!fini_) return 0;
  const Ref result = fini_.Call(nullptr);
  if (!result) TakePythonError();
  return 0;
}

std::string Contract::ErrorText(int code) {
  if (!error_) return "";
  const Ref number = Ref::Steal(PyLong_FromLong(code));
  PyObject* offered[] = {number.get()};
  const Ref text = error_.Call(offered);
  if (!text) TakePythonError();
  return text && PyUnicode_Check(text.get()) != 0 ? ShownText(text.get()) : "";
}

int Contract::Once(const CallArgs& args, const DataList* data, ResultList* out) {
  if (exec_) return Exec(args, data, out);
  if (!batch_) {
    return SetError(kInitError,
                    "wrapper.py has no wrapperOnceExec: it answers sessions or asynchronous calls "
                    "only (add wrapperOnceExec, or open a session)");
  }
  std::vector<ResultList*> one{out};
  int own = 0;
  const int code = ExecBatch({args}, {data}, &one, &own);
  return code != 0 ? code : own;
}

int Contract::ExecAsync(const CallArgs& args, const DataList* data) {
  const Ref input = MakeInput(data);
  if (!input) return Raised("request");
  const Ref response = Ref::Steal(PyList_New(0));
  const Ref result = CallExec(exec_async_, args, input.get(), response.get());
  return result ? ResultCode("wrapperOnceExecAsync", result) : Raised("wrapperOnceExecAsync");
}

int Contract::Write(PyObject* handle, PyObject* sid, PyObject* input) {
  PyObject* offered[] = {handle, input, sid};
  const Ref result = write_.Call(offered);
  return result ? ResultCode("wrapperWrite", result) : Raised("wrapperWrite");
}

int Contract::Destroy(PyObject* handle) {
  if (!destroy_) return 0;
  PyObject* offered[] = {handle};
  const Ref result = destroy_.Call(offered);
  if (!result) return Raised("wrapperDestroy");
  return result.get() == Py_None ? 0 : ResultCode("wrapperDestroy", result);
}

int Contract::Exec(const CallArgs& args, const DataList* data, ResultList* out) {
  const Ref input = MakeInput(data, out), response = NewResponse();
  if (!input) return SetPythonError(kUserExecError, "request: ");
  const Ref result = CallExec(exec_, args, input.get(), response.get());
  if (!result) return Raised("wrapperOnceExec");
  if (PyGen_Check(result.get()) != 0) return Collect(result.get(), response.get(), out);
  return Returned(result.get(), response.get(), out);
}

Ref Contract::CallOnce(const CallArgs& args, PyObject* input, PyObject* response) const {
  if (!exec_) {
    PyErr_SetString(PyExc_NotImplementedError, "wrapper.py has no wrapperOnceExec");
    return Ref();
  }
  return CallExec(exec_, args, input, response);
}

int Contract::Collect(PyObject* generator, PyObject* response, ResultList* out) const {
  out->TakeSnapshots();
  while (const Ref value = Ref::Steal(PyIter_Next(generator))) {
    int code = TakeAppended(response, out);
    if (code != 0) return code;
    const std::string wrong = ReadAny(value.get(), Statuses::kOnce, out, &code);
    if (!wrong.empty()) return SetError(kBadResult, "yielded item: " + wrong);
    if (code != 0) return code;
  }
  if (PyErr_Occurred() != nullptr) return Raised("wrapperOnceExec");
  if (const int code = TakeAppended(response, out); code != 0) return code;
  out->SetStatus(DataOnce);
  return 0;
}

Ref Contract::CallStream(const CallArgs& args, PyObject* input, PyObject* response) const {
  if (!stream_) return CallOnce(args, input, response);
  const Ref tag = TextToStr(args.tag);
  const Ref psr = Ref::Steal(PyLong_FromLong(args.psr_count > 0 ? args.psr_ids[0] : 0));
  PyObject* offered[] = {args.params, input, tag.get(), psr.get(), SidOf(args.params, tag)};
  return stream_.Call(offered);
}

int Contract::ExecBatch(const std::vector<CallArgs>& args, const std::vector<const DataList*>& data,
                        std::vector<ResultList*>* out, int* rets) {
  const auto count = static_cast<Py_ssize_t>(args.size());
  const Ref params = Ref::Steal(PyList_New(0)), inputs = Ref::Steal(PyList_New(0));
  const Ref tags = Ref::Steal(PyList_New(0));
  for (size_t i = 0; i < args.size(); ++i) {
    const Ref input = MakeInput(data[i], (*out)[i]), tag = TextToStr(args[i].tag);
    if (!input || !tag) return Raised("request");
    PyList_Append(params.get(), args[i].params);
    PyList_Append(inputs.get(), input.get());
    PyList_Append(tags.get(), tag.get());
  }
  PyObject* offered[] = {params.get(), inputs.get(), tags.get()};
  const Ref result = batch_.Call(offered);
  if (!result) return Raised("wrapperBatchExec");
  const bool is_list = PyList_Check(result.get()) != 0 || PyTuple_Check(result.get()) != 0;
  // A copy: what is asked of its items may change a list.
  const Ref items = is_list ? Ref::Steal(PySequence_Tuple(result.get())) : Ref();
  if (!items || PyTuple_GET_SIZE(items.get()) != count) {
    PyErr_Clear();
    return SetError(kBadReturn,
                    std::string("wrapperBatchExec returned ") + Py_TYPE(result.get())->tp_name +
                        (items ? " of " + std::to_string(PyTuple_GET_SIZE(items.get())) : "") +
                        ", expected a list of " + std::to_string(count) +
                        ", one result for each call");
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyTuple_GET_ITEM(items.get(), i);
    int* code = &rets[i];
    if (PyLong_Check(item) != 0) {  // The user's error code.
      *code = ResultCode("wrapperBatchExec", Ref::Borrow(item));
    } else if (PyExceptionInstance_Check(item) != 0) {
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(item)), item);
      *code = Raised("wrapperBatchExec");
    } else {
      const std::string wrong =
          ReadAny(item, Statuses::kOnce, (*out)[static_cast<size_t>(i)], code);
      if (!wrong.empty()) {
        *code = SetError(kBadResult, "result [" + std::to_string(i) + "]: " + wrong);
      }
    }
    if (*code != 0) QueueError(*code);
  }
  return 0;
}

namespace {

// The name by which user code knows a resource: its attribute patch_id, else its key.
std::string PatchId(const DataList* data) {
  for (const ParamList* p = data == nullptr ? nullptr : data->desc; p != nullptr; p = p->next) {
    if (p->key != nullptr && std::strcmp(p->key, "patch_id") == 0) return p->value;
  }
  return data == nullptr || data->key == nullptr ? "" : data->key;
}

std::map<unsigned, std::string>& Patches() {  // Needs the GIL.
  static auto* const patches = new std::map<unsigned, std::string>;
  return *patches;
}

}  // namespace

int Contract::LoadRes(const DataList* data, unsigned id) {
  ClearError();
  if (!load_res_) return 0;
  const Ref input = MakeInput(data);
  const std::string patch = PatchId(data);
  const Ref name = TextToStr(patch.c_str()), number = Ref::Steal(PyLong_FromUnsignedLong(id));
  if (!input || !name || !number) return Raised("resource");
  PyObject* offered[] = {input.get(), name.get(), number.get()};
  const Ref result = load_res_.Call(offered);
  const int code = result ? ResultCode("wrapperLoadRes", result) : Raised("wrapperLoadRes");
  if (code == 0) Patches()[id] = patch;
  return code;
}

int Contract::UnloadRes(unsigned id) {
  ClearError();
  const auto known = Patches().extract(id);
  const std::string patch = known ? known.mapped() : "";
  if (!unload_res_) return 0;
  const Ref name = TextToStr(patch.c_str()), number = Ref::Steal(PyLong_FromUnsignedLong(id));
  PyObject* offered[] = {name.get(), number.get()};
  const Ref result = unload_res_.Call(offered);
  return result ? ResultCode("wrapperUnloadRes", result) : Raised("wrapperUnloadRes");
}

std::unique_ptr<Contract> MakeContract(PyObject* module) {
  const Ref wrapper_class = Ref::Steal(PyObject_GetAttrString(module, "Wrapper"));
  PyErr_Clear();
  const bool is_class = wrapper_class && PyType_Check(wrapper_class.get());
  auto contract = is_class ? MakeContractV2(module) : MakeContractV1(module);
  if (contract == nullptr) return nullptr;
  const std::string wrong = contract->Wrong();
  if (!wrong.empty()) {
    SetError(kInitError, wrong);
    return nullptr;
  }
  if (contract->usable()) return contract;
  SetError(kInitError,
           is_class ? "class Wrapper in wrapper.py has no method wrapperOnceExec, wrapperStream or "
                      "wrapperCreate"
                    : "wrapper.py has neither a class Wrapper nor a function wrapperOnceExec, "
                      "wrapperStream or wrapperCreate");
  return nullptr;
}

}  // namespace aiges::shim
