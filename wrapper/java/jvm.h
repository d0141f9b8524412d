// SPDX-License-Identifier: Apache-2.0
// wrapper/java/jvm.h: starts the JVM in this process, from what the environment says.
//
// It is loaded, not linked: the same libwrapper_java.so serves with every Java from 17 on.
#pragma once

#include <jni.h>

#include <string>

namespace aiges::java {

// The one *.jar of the first folder on PYTHONPATH ([instances] pythonpath, and the folder of the
// model) that has one. Empty: found; otherwise what is wrong, with the names of several.
std::string FindJar(std::string* jar);

// Starts it with our classes and that jar, AIGES_JAVA_HEAP_MB and AIGES_JAVA_OPTIONS; this thread
// becomes its first one. Once. Empty: it runs; otherwise what is wrong.
std::string StartJvm(const std::string& jar);

}  // namespace aiges::java
