// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/env.h"

namespace aiges::java {
namespace {

JavaVM* g_jvm = nullptr;  // Set once, before other threads are.

struct ThreadEnv {
  JNIEnv* env = nullptr;
  bool attached = false;

  ~ThreadEnv() {
    if (attached) g_jvm->DetachCurrentThread();
  }
};

thread_local ThreadEnv t_env;

}  // namespace

void SetJvm(JavaVM* jvm) { g_jvm = jvm; }
JavaVM* GetJvm() { return g_jvm; }

JNIEnv* Env() {
  if (t_env.env != nullptr || g_jvm == nullptr) return t_env.env;
  void* env = nullptr;
  if (g_jvm->GetEnv(&env, JNI_VERSION_10) == JNI_OK) {  // The main thread; one of Java's own.
    t_env.env = static_cast<JNIEnv*>(env);
    return t_env.env;
  }
  char name[] = "aiges-hook";
  JavaVMAttachArgs arguments{JNI_VERSION_10, name, nullptr};
  if (g_jvm->AttachCurrentThreadAsDaemon(&env, &arguments) != JNI_OK) return nullptr;
  t_env.env = static_cast<JNIEnv*>(env);
  t_env.attached = true;
  return t_env.env;
}

}  // namespace aiges::java
