// SPDX-License-Identifier: Apache-2.0
// wrapper/java/env.h: the JNIEnv of each thread, and references that end.
//
// A thread of the worker becomes one of the JVM with its first call, as a daemon, and is one until
// it ends. No hook may leave local references behind: such a thread never returns to Java, which
// would free them.
#pragma once

#include <jni.h>

namespace aiges::java {

// Once, before any thread asks for an Env.
void SetJvm(JavaVM* jvm);
JavaVM* GetJvm();

// This thread's; attaches it. nullptr: there is no JVM, or it takes no more threads.
JNIEnv* Env();

// Local references made in its scope end with it.
class LocalFrame {
 public:
  explicit LocalFrame(JNIEnv* env) : env_(env), open_(env->PushLocalFrame(kRoom) == 0) {
    if (!open_) env_->ExceptionClear();
  }
  ~LocalFrame() { Close(); }
  LocalFrame(const LocalFrame&) = delete;
  LocalFrame& operator=(const LocalFrame&) = delete;
  void Close() {
    if (open_) env_->PopLocalFrame(nullptr);
    open_ = false;
  }

 private:
  static constexpr jint kRoom = 32;  // It may hold more.
  JNIEnv* env_;
  bool open_;
};

}  // namespace aiges::java
