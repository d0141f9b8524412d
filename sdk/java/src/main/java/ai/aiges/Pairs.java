// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Texts by name as they came: read when the first of them is asked for, as most engines look at few
 * or none. Cannot be changed. Thread-safe: two threads may read the same twice.
 */
final class Pairs extends AbstractMap<String, String> {
  private final byte[] raw;
  private final int count;
  private volatile Map<String, String> read;

  Pairs(byte[] raw, int count) {
    this.raw = raw;
    this.count = count;
  }

  private Map<String, String> all() {
    Map<String, String> known = read;
    if (known != null) {
      return known;
    }
    ByteBuffer in = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
    Map<String, String> made = new LinkedHashMap<>(count * 2);
    for (int i = 0; i < count; i++) {
      String key = text(in);
      made.put(key, text(in));
    }
    read = Collections.unmodifiableMap(made);
    return read;
  }

  private static String text(ByteBuffer in) {
    int size = in.getInt();
    String text = new String(in.array(), in.position(), size, StandardCharsets.UTF_8);
    in.position(in.position() + size);
    return text;
  }

  @Override
  public String get(Object key) {
    return all().get(key);
  }

  @Override
  public boolean containsKey(Object key) {
    return all().containsKey(key);
  }

  @Override
  public Set<Entry<String, String>> entrySet() {
    return all().entrySet();
  }
}
