// SPDX-License-Identifier: Apache-2.0
// wrapper/java/upcalls.h: the functions of ai.aiges.Bridge, called.
#pragma once

#include <jni.h>

#include <memory>
#include <string>

#include "wrapper/java/wire.h"

namespace aiges::java {

// In the order of their names in upcalls.cc.
enum class Upcall {
  kStart,
  kWarmUp,
  kSchema,
  kExec,
  kExecBatch,
  kCreate,
  kWrite,
  kRead,
  kDestroy,
  kLoadResource,
  kUnloadResource,
  kClose,
};

// Finds them, and hands our own functions to ai.aiges.Host. Once, on the thread that started the
// JVM. Empty: done; otherwise what is wrong.
std::string BindBridge(JNIEnv* env);

// Asks. Returns 0 and the answer behind its code; or the code of an error, remembered (errors.h).
// The caller has a LocalFrame open.
int Ask(JNIEnv* env, Upcall what, Question* question, std::shared_ptr<Answer>* answer);
// Reads an error behind its code, and remembers it.
int TakeError(int code, Answer* answer);

// natives.cc: the functions of ai.aiges.Host.
bool BindNatives(JNIEnv* env);
void SetCtrl(CtrlType type, void* function);
// That of a session: the host has one for all.
void SetCallback(wrapperCallback callback);
// The time until the process is killed, in ms; where nobody says, some.
int64_t MsLeft();

}  // namespace aiges::java
