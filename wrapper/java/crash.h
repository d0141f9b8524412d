// SPDX-License-Identifier: Apache-2.0
// wrapper/java/crash.h: how a process with a JVM ends before its time.
//
// The JVM uses SIGSEGV and others for its own purposes (null checks, safepoints, the end of a
// stack), and tells a real crash by aborting. The host says of a worker what signal killed it: so a
// handler in front of the JVM's notes which one came, and the abort that follows becomes that.
#pragma once

#include <jni.h>

#include <string>
#include <vector>

namespace aiges::java {

// The hooks of JNI_CreateJavaVM: "exit" ends the process without destructors, "abort" by the signal
// that was the cause.
void AddEndHooks(std::vector<JavaVMOption>* options);

// Once, after the JVM was made: the notes above; SIGTERM, SIGINT and SIGHUP do what they did before
// (SIGQUIT prints the stacks of all threads); memory that is used up ends the process.
void WatchForTheEnd(JavaVM* jvm);

// Says why on stderr, and ends the process with WExitOutOfMemory.
[[noreturn]] void EndOutOfMemory(const std::string& why);

}  // namespace aiges::java
