// wrapper/contract.h: how the user's wrapper.py is written, behind one face.
//
// Each generation of user code is one implementation. All methods but Exec run on the thread that
// loaded the plugin; Exec may run on several threads at once. All need the GIL.
#pragma once

#include <memory>
#include <string>

#include "aiges/type.h"
#include "wrapper/convert.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

class Contract {
 public:
  virtual ~Contract() = default;
  // 0, the user's own code, or one of py_error.h (SetError was called).
  virtual int Init(const Ref& config) = 0;
  virtual int Exec(const char* usr_tag, const Ref& params, const DataList* data,
                   ResultList* out) = 0;
  virtual int Fini() = 0;
  // The user's text for his own code; empty when he has none.
  virtual std::string ErrorText(int code) = 0;
};

// Looks at the imported module. nullptr after SetError when it is neither generation.
std::unique_ptr<Contract> MakeContract(PyObject* module);
std::unique_ptr<Contract> MakeContractV1(PyObject* module);
std::unique_ptr<Contract> MakeContractV2(PyObject* module);

// --- shared by the generations ---

// A user function and which of the arguments we offer it wants, in which order; found out once,
// when the plugin is loaded (aiges/_signature.py).
class Hook {
 public:
  // `roles`: space separated names of the arguments offered, in the order of the newest signature.
  // Absent or not callable: an empty Hook.
  static Hook Find(PyObject* owner, const char* name, const char* roles);
  explicit operator bool() const { return static_cast<bool>(function_); }
  // `offered` in the order of roles. A new reference; NULL with a Python exception set.
  Ref Call(PyObject* const* offered) const;

 private:
  static constexpr size_t kMost = 8;
  Ref function_;
  size_t count_ = 0;
  size_t order_[kMost] = {};
};

// The int a hook returned, or kBadReturn after SetError ("wrapperInit returned None, expected int").
int ResultCode(const char* hook, const Ref& result);
// wrapperInit's outcome from what it returned (or raised).
int InitCode(const Ref& result);
std::string ErrorTextFrom(const Hook& hook, int code);

}  // namespace aiges::shim
