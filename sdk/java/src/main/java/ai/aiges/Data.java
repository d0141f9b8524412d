// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The bytes of a payload.
 *
 * <p><b>Inputs of 64 KiB and more</b> lie in memory that the host shares with this process, and are
 * not copied: {@link #buffer} is a read-only direct buffer over them. They are the host's, and
 * valid until the hook returns that got them. Afterwards this object throws; a buffer that was
 * taken from it before can still be read without harm to the process, but shows whatever the host
 * puts there next. To keep an input, take {@link #keep} or {@link #bytes} while the hook runs.
 * Smaller inputs are copies of their own, which last.
 *
 * <p><b>Results</b> are copied once, into the host's memory: those of a direct buffer, and arrays
 * of 64 KiB and more, straight from where they lie. They must not change while the hook that
 * returned them, or {@link Emitter#emit}, has them.
 *
 * <p><b>Threads.</b> Any thread may ask; the buffers it gives are independent of each other.
 */
public final class Data {
  private static final Data NOTHING = new Data(ByteBuffer.allocate(0), null);

  /** Whether a hook that was lent memory runs still. */
  static final class Lease {
    private volatile boolean over;

    void end() {
      over = true;
    }
  }

  private final ByteBuffer bytes;
  private final Lease lease; // Null: the bytes are this object's own.

  private Data(ByteBuffer bytes, Lease lease) {
    this.bytes = bytes;
    this.lease = lease;
  }

  /** Memory of the host, until the lease ends. */
  static Data lent(ByteBuffer memory, Lease lease) {
    return new Data(memory.asReadOnlyBuffer(), lease);
  }

  /**
   * Bytes, which are not copied: do not change them any more.
   *
   * @param bytes the bytes
   * @return the same as data
   */
  public static Data of(byte[] bytes) {
    return bytes.length == 0 ? NOTHING : new Data(ByteBuffer.wrap(bytes), null);
  }

  /**
   * What lies between position and limit, not copied: do not change it any more.
   *
   * @param buffer heap or direct; its own position stays
   * @return the same as data
   */
  public static Data of(ByteBuffer buffer) {
    return new Data(buffer.slice(), null);
  }

  /**
   * Text as UTF-8.
   *
   * @param text the text
   * @return its bytes
   */
  public static Data of(String text) {
    return of(Objects.requireNonNull(text, "text").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * How many bytes there are.
   *
   * @return their number, also after the end of a lent input
   */
  public int size() {
    return bytes.limit();
  }

  /**
   * The bytes, without a copy.
   *
   * @return a read-only buffer over all of them, with a position of its own
   * @throws IllegalStateException where they were lent by the host and their hook has returned
   */
  public ByteBuffer buffer() {
    check();
    return bytes.asReadOnlyBuffer();
  }

  /**
   * A copy of the bytes.
   *
   * @return the copy, which is the caller's
   * @throws IllegalStateException as {@link #buffer}
   */
  public byte[] bytes() {
    check();
    byte[] copy = new byte[bytes.limit()];
    bytes.duplicate().get(copy);
    return copy;
  }

  /**
   * The bytes as UTF-8 text. What is no UTF-8 becomes U+FFFD.
   *
   * @return the text
   * @throws IllegalStateException as {@link #buffer}
   */
  public String text() {
    check();
    if (bytes.hasArray()) {
      return new String(
          bytes.array(), bytes.arrayOffset(), bytes.limit(), StandardCharsets.UTF_8);
    }
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /**
   * Data that last: the same where they are this object's own, else a copy.
   *
   * @return data that last
   * @throws IllegalStateException as {@link #buffer}
   */
  public Data keep() {
    return lease == null ? this : of(bytes());
  }

  /** For the host's side: may be read there only while the lease holds. */
  ByteBuffer raw() {
    check();
    return bytes;
  }

  private void check() {
    if (lease != null && lease.over) {
      throw new IllegalStateException(
          "expected this input to be used while its hook runs, it has returned: keep() or bytes() "
              + "make a copy that lasts");
    }
  }

  @Override
  public String toString() {
    return size() + " bytes";
  }
}
