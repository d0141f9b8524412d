// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What goes to the host's side (wrapper/java/wire.h has the layout): into the buffer that it lent,
 * or, where that is too small, into an array. Large payloads stay where they are, and go along.
 * Belongs to one thread.
 */
final class Writer {
  private static final int INLINE = -1;
  private static final int MOST_INLINE = 64 * 1024;
  private static final int HEAD = 4; // The length of all.

  private final ByteBuffer lent; // Null: an array from the start.
  private ByteBuffer out;
  private final List<Object> bodies = new ArrayList<>(0);

  Writer(ByteBuffer lent) {
    this.lent = lent == null ? null : lent.duplicate().order(ByteOrder.nativeOrder());
    reset();
  }

  /** Nothing was written. */
  void reset() {
    out = lent == null ? ByteBuffer.allocate(512).order(ByteOrder.nativeOrder()) : lent;
    out.clear().position(HEAD);
    bodies.clear();
  }

  void number(int value) {
    room(4).putInt(value);
  }

  void longNumber(long value) {
    room(8).putLong(value);
  }

  /** Text that becomes a C string: NUL would end it, and is shown instead. */
  void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (text.indexOf('\0') >= 0) {
      bytes = text.replace("\0", "\\x00").getBytes(StandardCharsets.UTF_8);
    }
    room(4 + bytes.length + 1).putInt(bytes.length).put(bytes).put((byte) 0);
  }

  void pairs(Map<String, String> pairs) {
    number(pairs.size());
    for (Map.Entry<String, String> pair : pairs.entrySet()) {
      text(Objects.requireNonNull(pair.getKey(), "expected text as a key, got null"));
      text(Objects.requireNonNull(pair.getValue(), "expected text as a value, got null"));
    }
  }

  void payloads(List<Payload> payloads) {
    number(payloads.size());
    for (Payload payload : payloads) {
      text(payload.key());
      number(payload.type().ordinal());
      number(payload.status().ordinal());
      pairs(payload.attributes());
      data(payload.data().raw());
    }
  }

  private void data(ByteBuffer bytes) {
    int size = bytes.limit();
    if (size < MOST_INLINE) {
      room(8 + size).putInt(INLINE).putInt(size).put(bytes.duplicate());
      return;
    }
    Object body = bytes;
    int offset = 0;
    if (bytes.hasArray()) {
      body = bytes.array();
      offset = bytes.arrayOffset();
    } else if (!bytes.isDirect()) { // A read-only one on the heap hides its array.
      byte[] copy = new byte[size];
      bytes.duplicate().get(copy);
      body = copy;
    }
    room(12).putInt(bodies.size()).putInt(offset).putInt(size);
    bodies.add(body);
  }

  /** Null: all lies in the lent buffer. Else the array, null where it is not used, and bodies. */
  Object[] done() {
    out.putInt(0, out.position());
    boolean there = out == lent;
    if (there && bodies.isEmpty()) {
      return null;
    }
    Object[] all = new Object[1 + bodies.size()];
    all[0] = there ? null : out.array();
    for (int i = 0; i < bodies.size(); i++) {
      all[i + 1] = bodies.get(i);
    }
    return all;
  }

  private ByteBuffer room(int bytes) {
    if (out.remaining() >= bytes) {
      return out;
    }
    long wanted = Math.max(2L * out.capacity(), (long) out.position() + bytes);
    if (wanted > Integer.MAX_VALUE - 16) {
      throw new IllegalArgumentException("expected an answer of at most 2 GiB");
    }
    byte[] larger = new byte[(int) wanted];
    int position = out.position();
    out.duplicate().flip().get(larger, 0, position);
    out = ByteBuffer.wrap(larger).order(ByteOrder.nativeOrder()).position(position);
    return out;
  }

  /** The array behind {@link #done}, for a writer without a lent buffer. */
  static byte[] array(Object[] done) {
    return (byte[]) done[0];
  }

  /** The bodies behind {@link #done}. */
  static Object[] bodies(Object[] done) {
    return Arrays.copyOfRange(done, 1, done.length);
  }
}
