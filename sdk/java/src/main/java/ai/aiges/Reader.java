// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * What the host's side has written (wrapper/java/wire.h has the layout). Belongs to one thread.
 * Copies everything but the memory of large payloads, so that the buffer may be written over.
 */
final class Reader {
  private static final int INLINE = -1;
  private static final Payload.Type[] TYPES = Payload.Type.values();
  private static final Payload.Status[] STATUSES = Payload.Status.values();

  private final ByteBuffer in;
  private final Object[] large; // Payloads that do not lie in the buffer: byte[] or direct.
  private final Data.Lease lease;

  Reader(ByteBuffer in, Object[] large, Data.Lease lease) {
    this.in = in.duplicate().order(ByteOrder.nativeOrder());
    this.in.clear();
    this.large = large;
    this.lease = lease;
  }

  int number() {
    return in.getInt();
  }

  long longNumber() {
    return in.getLong();
  }

  String text() {
    return new String(raw(), StandardCharsets.UTF_8);
  }

  byte[] raw() {
    byte[] bytes = new byte[in.getInt()];
    in.get(bytes);
    return bytes;
  }

  Map<String, String> pairs() {
    int count = in.getInt();
    if (count == 0) {
      return Map.of();
    }
    return new Pairs(raw(), count);
  }

  /** A text as a C string. */
  byte[] name() {
    int size = in.getInt();
    byte[] bytes = new byte[size + 1];
    in.get(bytes, 0, size);
    return bytes;
  }

  List<Integer> numbers() {
    int count = in.getInt();
    if (count == 0) {
      return List.of();
    }
    List<Integer> numbers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      numbers.add(in.getInt());
    }
    return Collections.unmodifiableList(numbers);
  }

  List<Payload> payloads() {
    int count = in.getInt();
    if (count == 0) {
      return List.of();
    }
    List<Payload> payloads = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      String key = text();
      Payload.Type type = TYPES[in.getInt()];
      Payload.Status status = STATUSES[in.getInt()];
      Map<String, String> attributes = pairs();
      payloads.add(new Payload(key, data(), type, status, attributes));
    }
    return Collections.unmodifiableList(payloads);
  }

  private Data data() {
    int place = in.getInt();
    if (place == INLINE) {
      return Data.of(raw());
    }
    Object found = large[place];
    return found instanceof byte[] bytes ? Data.of(bytes) : Data.lent((ByteBuffer) found, lease);
  }
}
