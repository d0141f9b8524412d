// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/upcalls.h"

#include <array>
#include <utility>

#include "wrapper/java/errors.h"

namespace aiges::java {
namespace {

constexpr std::array kNames{"start",     "warmUp",       "schema",         "exec",
                            "execBatch", "create",       "write",          "read",
                            "destroy",   "loadResource", "unloadResource", "close"};
constexpr const char* kShape = "(Ljava/nio/ByteBuffer;[Ljava/lang/Object;)Ljava/lang/Object;";

// Set once by BindBridge, before any other thread asks.
jclass g_bridge = nullptr;
std::array<jmethodID, kNames.size()> g_methods{};

// An exception where none may come: our own side of Java had no memory, or is broken.
int TakeException(JNIEnv* env, const char* name) {
  env->ExceptionDescribe();  // Clears it, and prints it to the log.
  return AddError(kUserExecError, std::string(name) +
                                      " could not be asked, or its answer not be taken (see the "
                                      "log)");
}

}  // namespace

std::string BindBridge(JNIEnv* env) {
  jclass found = env->FindClass("ai/aiges/Bridge");
  if (found == nullptr) {
    env->ExceptionDescribe();
    return "aiges-engine.jar has no ai.aiges.Bridge: install AIGES again";
  }
  g_bridge = static_cast<jclass>(env->NewGlobalRef(found));
  for (size_t i = 0; i < kNames.size(); ++i) {
    g_methods[i] = env->GetStaticMethodID(g_bridge, kNames[i], kShape);
    if (g_methods[i] != nullptr) continue;
    env->ExceptionClear();
    return std::string("aiges-engine.jar is of another version than libwrapper_java.so (no ") +
           kNames[i] + "): install AIGES again";
  }
  if (!BindNatives(env)) {
    return "aiges-engine.jar is of another version than libwrapper_java.so: install AIGES again";
  }
  return "";
}

int Ask(JNIEnv* env, Upcall what, Question* question, std::shared_ptr<Answer>* answer) {
  const auto number = static_cast<size_t>(what);
  jobjectArray objects = question->Objects();
  if (!question->ok() || env->ExceptionCheck()) {
    env->ExceptionClear();
    return AddError(kUserExecError, "the request is too large for Java's memory");
  }
  jobject written =
      env->CallStaticObjectMethod(g_bridge, g_methods[number], question->buffer().object, objects);
  if (env->ExceptionCheck()) return TakeException(env, kNames[number]);
  *answer = std::make_shared<Answer>(env, question->TakeAway(), static_cast<jobjectArray>(written));
  if (env->ExceptionCheck()) return TakeException(env, kNames[number]);
  const int32_t code = (*answer)->Number();
  if (code != 0) return TakeError(code, answer->get());
  return (*answer)->ok() ? 0 : AddError(kUserExecError, "a broken answer of Java's side");
}

int TakeError(int code, Answer* answer) {
  HookError error;
  error.code = code;
  error.error_class = answer->Number();
  error.text = answer->Text();
  error.detail = answer->Text();
  return AddError(std::move(error));
}

}  // namespace aiges::java
