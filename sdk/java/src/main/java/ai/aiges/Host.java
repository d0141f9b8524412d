// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/**
 * The host's functions. The library that starts the JVM registers them (wrapper/java/natives.cc);
 * outside a worker they are not there.
 *
 * <p>Threads: all may be called from any thread. Tags are UTF-8 with a NUL behind; the rest is what
 * {@link Writer} makes.
 */
final class Host {
  private Host() {}

  /** 0: taken; -1: nobody waits any more. Waits while the client is slower. */
  static native int deliver(byte[] tag, Object[] written, boolean failed);

  /** Twice the time that is left in ms, -2 without a deadline; plus 1 where nobody waits. */
  static native long state(byte[] tag);

  static native void meter(byte[] tag, byte[] key, int count);

  static native void trace(byte[] tag, byte[] key, byte[] value);

  /** The number of the call; 0: there are no calls of other models here. */
  static native long callModel(byte[] tag, Object[] written, boolean session);

  /** Waits for the next answer: {head, large}. Null: there is none. */
  static native Object[] callNext(long call);

  static native void callEnd(long call);

  /** Ends this process: its memory is used up. Does not return. */
  static native void outOfMemory(byte[] text);
}
