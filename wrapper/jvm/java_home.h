// SPDX-License-Identifier: Apache-2.0
// wrapper/jvm/java_home.h: which JVM [instances] java means.
//
// Both sides of the plugin wall ask this: the shim, which loads it, and the worker's sandbox, which
// lets its files in. Knows no JNI. Reads files, starts nothing.
#pragma once

#include <string>

namespace aiges {

struct JavaHome {
  std::string home;     // Absolute, links followed: the folder with lib/server/libjvm.so.
  std::string library;  // That file.
  std::string version;  // "17.0.15", as its file `release` says; empty where it says nothing.
};

// AIGES_JAVA names it ([instances] java): its folder, or its bin/java; else JAVA_HOME, else the
// java on PATH. Java 17 at least. Empty: found; otherwise what is wrong, and what to do.
std::string FindJava(JavaHome* out);

}  // namespace aiges
