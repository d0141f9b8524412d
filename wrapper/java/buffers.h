// SPDX-License-Identifier: Apache-2.0
// wrapper/java/buffers.h: memory that both sides see: C++ by its address, Java as a direct
// ByteBuffer, so that a call crosses with one jump and no strings of JNI.
//
// Ownership: a buffer belongs to whoever took it until it goes back. As many as calls ran at once
// stay for later ones. Threads: Take and the end of a BufferPtr are thread-safe.
#pragma once

#include <jni.h>

#include <cstddef>
#include <memory>

namespace aiges::java {

struct Buffer {
  static constexpr size_t kUsual = 128 * 1024;  // Its pages cost nothing until they are used.

  char* data = nullptr;
  size_t size = 0;
  jobject object = nullptr;  // A global reference to the ByteBuffer.
};

struct GiveBack {
  void operator()(Buffer* buffer) const;
};
using BufferPtr = std::unique_ptr<Buffer, GiveBack>;

// One of at least so many bytes. nullptr: there is no memory, or Java has none.
BufferPtr TakeBuffer(JNIEnv* env, size_t bytes = Buffer::kUsual);

}  // namespace aiges::java
