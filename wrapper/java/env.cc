// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/env.h"

namespace aiges::java {
namespace {

JavaVM* g_jvm = nullptr;  // Set once, before other threads are.

// Of a thread that has been attached here.
struct ThreadEnv {
  JNIEnv* env = nullptr;

  ~ThreadEnv() {
    if (env != nullptr) g_jvm->DetachCurrentThread();
  }
};

// A method without arguments; nothing where it cannot be called.
jobject CallStatic(JNIEnv* env, const char* type_name, const char* name, const char* signature) {
  jclass type = env->FindClass(type_name);
  jmethodID method = type == nullptr ? nullptr : env->GetStaticMethodID(type, name, signature);
  jobject found = method == nullptr ? nullptr : env->CallStaticObjectMethod(type, method);
  if (env->ExceptionCheck()) {
    env->ExceptionClear();
    found = nullptr;
  }
  env->DeleteLocalRef(type);
  return found;
}

// Threads that are attached have none of their own, and libraries look there for their resources.
void SetClassLoader(JNIEnv* env) {
  jobject loader =
      CallStatic(env, "java/lang/ClassLoader", "getSystemClassLoader", "()Ljava/lang/ClassLoader;");
  jobject thread = CallStatic(env, "java/lang/Thread", "currentThread", "()Ljava/lang/Thread;");
  if (loader != nullptr && thread != nullptr) {
    jclass type = env->GetObjectClass(thread);
    jmethodID set = env->GetMethodID(type, "setContextClassLoader", "(Ljava/lang/ClassLoader;)V");
    if (set != nullptr) env->CallVoidMethod(thread, set, loader);
    if (env->ExceptionCheck()) env->ExceptionClear();
    env->DeleteLocalRef(type);
  }
  env->DeleteLocalRef(loader);
  env->DeleteLocalRef(thread);
}

thread_local ThreadEnv t_env;

}  // namespace

void SetJvm(JavaVM* jvm) { g_jvm = jvm; }
JavaVM* GetJvm() { return g_jvm; }

JNIEnv* Env() {
  if (t_env.env != nullptr || g_jvm == nullptr) return t_env.env;
  void* env = nullptr;
  // The main thread; one of Java's own; one that others attach, and detach: it is asked each time.
  if (g_jvm->GetEnv(&env, JNI_VERSION_10) == JNI_OK) return static_cast<JNIEnv*>(env);
  char name[] = "aiges-hook";
  JavaVMAttachArgs arguments{JNI_VERSION_10, name, nullptr};
  if (g_jvm->AttachCurrentThreadAsDaemon(&env, &arguments) != JNI_OK) return nullptr;
  t_env.env = static_cast<JNIEnv*>(env);
  SetClassLoader(t_env.env);
  return t_env.env;
}

}  // namespace aiges::java
