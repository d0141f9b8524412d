// SPDX-License-Identifier: Apache-2.0
// wrapper/contract.h: how the user's wrapper.py is written, behind one face.
//
// The hooks are the same in all generations of user code; what differs is their arguments and the
// form of their results. Init, Warmup and Fini run on the thread that loaded the plugin; the rest
// may run on several threads at once. All need the GIL.
// Methods that return int: 0, the user's own code, or one of py_error.h (SetError was called).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aiges/wrapper.h"
#include "wrapper/convert.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// A user function and which of the arguments we offer it wants, in which order; found out once,
// when the plugin is loaded (aiges/_signature.py).
class Hook {
 public:
  // `roles`: space separated names of the arguments offered, in the order of the newest signature.
  // Absent, not callable, or a default of WrapperBase: an empty Hook. So is one that nobody can
  // call with these; wrong() says why then.
  static Hook Find(PyObject* owner, const char* name, const char* roles);
  explicit operator bool() const { return static_cast<bool>(function_); }
  const std::string& wrong() const { return wrong_; }
  // `offered` in the order of roles. A new reference; NULL with a Python exception set.
  Ref Call(PyObject* const* offered) const;

  enum class Kind { kPlain, kGenerator, kAsyncGenerator, kCoroutine };
  Kind kind() const { return kind_; }

 private:
  static constexpr size_t kMost = 16;
  Ref function_, names_;  // names_: a tuple of str, NULL where all come by position.
  Kind kind_ = Kind::kPlain;
  size_t count_ = 0, by_position_ = 0;
  size_t order_[kMost] = {};
  std::string wrong_;
};

// The arguments that calls and sessions begin with. Borrowed for the call.
struct CallArgs {
  const char* tag;
  PyObject* params;  // dict[str, str]
  const unsigned* psr_ids = nullptr;
  int psr_count = 0;
};

class Contract {
 public:
  virtual ~Contract() = default;

  int Init(const Ref& config);
  int Warmup(const Ref& config);
  int Fini();
  // What goes in and out, as JSON: what the user's wrapperSchema(), or schema() of a WrapperBase,
  // returns. Empty where nothing is declared, or (said on stderr) where it cannot be told.
  std::string Schema() const;
  // What it wants to answer itself, as JSON: what wrapperDoors() returns. In the same way.
  std::string Doors() const;
  // What it asks for where aiges.toml does not say it: the dict that the user's wrapperWishes()
  // returns. What is no number there is left out, and said on stderr.
  void Wishes(WrapperWishes* out) const;
  // The user's text for his own code; empty when he has none.
  std::string ErrorText(int code);

  // A once call, by whichever hook serves them.
  int Once(const CallArgs& args, const DataList* data, ResultList* out);
  // Lists of the same length in, outcomes out: rets[i] is 0 and out[i] the result, or an error.
  int ExecBatch(const std::vector<CallArgs>& args, const std::vector<const DataList*>& data,
                std::vector<ResultList*>* out, int* rets);
  int ExecAsync(const CallArgs& args, const DataList* data);

  // Sessions by the user's own create, write, read, destroy. `handle` is what create returned.
  virtual int Create(const CallArgs& args, std::string* handle) = 0;
  int Write(PyObject* handle, PyObject* sid, PyObject* input);
  virtual int Read(PyObject* handle, PyObject* sid, ResultList* out) = 0;
  int Destroy(PyObject* handle);

  int LoadRes(const DataList* data, unsigned id);
  int UnloadRes(unsigned id);

  // reqData for user code. NULL with an exception set. `lender`: the call's results, if large data
  // may be seen where they lie until these are freed.
  virtual Ref MakeInput(const DataList* data, ResultList* lender = nullptr) const = 0;
  // Where a function-style hook appends results: a new list; NULL in the class style.
  virtual Ref NewResponse() const { return Ref(); }
  // Calls the generator (or coroutine function) of a session: wrapperStream(params, requests), or
  // wrapperOnceExec(params, reqData) with its whole input. NULL with an exception set.
  Ref CallStream(const CallArgs& args, PyObject* input, PyObject* response) const;
  Ref CallOnce(const CallArgs& args, PyObject* input, PyObject* response) const;
  // What was appended there since the last time. A code, after SetError.
  virtual int TakeAppended(PyObject*, ResultList*) const { return 0; }
  // The whole answer of a wrapperOnceExec that has returned, or been awaited: what it appended,
  // then what it returned. A code: its own, or after SetError.
  virtual int Returned(PyObject* value, PyObject* response, ResultList* out) const = 0;

  // Empty, or why hooks that are there cannot be called.
  std::string Wrong() const;
  bool usable() const { return has_once() || has_create() || doors_; }
  bool has_once() const { return exec_ || stream_ || exec_async_ || batch_; }
  bool has_sessions() const { return has_create() || streams(); }
  bool has_create() const { return create_ && write_; }
  bool has_read() const { return static_cast<bool>(read_); }
  // Sessions that a generator serves, and whether it takes its input piece by piece.
  bool streams() const { return stream_ || (exec_ && exec_.kind() != Hook::Kind::kPlain); }
  bool stream_takes_input() const { return static_cast<bool>(stream_); }
  Hook::Kind stream_kind() const { return stream_ ? stream_.kind() : exec_.kind(); }
  const char* stream_name() const { return stream_ ? "wrapperStream" : "wrapperOnceExec"; }
  Hook::Kind once_kind() const { return exec_.kind(); }
  bool has_exec() const { return static_cast<bool>(exec_); }
  bool has_exec_async() const { return static_cast<bool>(exec_async_); }
  bool has_batch() const { return static_cast<bool>(batch_); }
  bool has_resources() const { return static_cast<bool>(load_res_); }

 protected:
  Contract(PyObject* owner, bool v1);

  // The arguments of a hook in the order of the role strings in contract.cc.
  virtual Ref CallExec(const Hook& hook, const CallArgs& args, PyObject* input,
                       PyObject* response) const = 0;

  int Exec(const CallArgs& args, const DataList* data, ResultList* out);
  // A once call of a generator: everything it yields and appends, as one answer.
  int Collect(PyObject* generator, PyObject* response, ResultList* out) const;

  const Ref owner_;  // The module, or the object of class Wrapper.
  Hook init_, warmup_, exec_, exec_async_, batch_, stream_, create_, write_, read_, destroy_,
      load_res_, unload_res_, error_, fini_, doors_, wishes_;
};

// Looks at the imported module. nullptr after SetError when it is neither generation, or has hooks
// that nobody can call.
std::unique_ptr<Contract> MakeContract(PyObject* module);
// Of either generation, usable or not. nullptr after SetError: Wrapper() raised.
std::unique_ptr<Contract> MakeContractV1(PyObject* module);
std::unique_ptr<Contract> MakeContractV2(PyObject* module);

// --- shared by the generations ---

// The int a hook returned, or kBadReturn after SetError ("wrapperInit returned None, expected
// int").
int ResultCode(const char* hook, const Ref& result);
// params["sid"], or the tag where the client sent none: what user code calls back with must name
// the session. Borrowed from params or `tag`.
PyObject* SidOf(PyObject* params, const Ref& tag);
// tuple of int
Ref PsrIds(const CallArgs& args);
// A handle is text; `wrong` says why this one is of no use. kBadReturn after SetError.
inline bool IsText(PyObject* value) { return PyUnicode_Check(value) || PyBytes_Check(value); }
int BadHandle(const std::string& wrong);

}  // namespace aiges::shim
