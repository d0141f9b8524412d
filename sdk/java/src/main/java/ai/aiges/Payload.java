// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;

/**
 * One payload of a request or an answer.
 *
 * @param key its name: the name of the stream in a session
 * @param data its bytes; {@link Data} says how long those of an input are valid
 * @param type what they are
 * @param status where in its stream it stands; {@link Status#ONCE} in a call
 * @param attributes what else is said of it ("desc"), as text; cannot be changed
 */
public record Payload(
    String key, Data data, Type type, Status status, Map<String, String> attributes) {
  /** What the bytes are. The order is the host's. */
  public enum Type {
    /** Text. */
    TEXT,
    /** Sound. */
    AUDIO,
    /** A picture. */
    IMAGE,
    /** Moving pictures. */
    VIDEO,
    /** Anything else, as tensors and resources are. */
    OTHER
  }

  /** Where in its stream a payload stands. The order is the host's. */
  public enum Status {
    /** The first of several. */
    BEGIN,
    /** Neither the first nor the last. */
    CONTINUE,
    /** The last of several. */
    END,
    /** The only one. */
    ONCE
  }

  /** Checks that nothing is missing. */
  public Payload {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(status, "status");
    Objects.requireNonNull(attributes, "attributes");
  }

  /**
   * Text, whole.
   *
   * @param key its name
   * @param text the text
   * @return the payload
   */
  public static Payload of(String key, String text) {
    return new Payload(key, Data.of(text), Type.TEXT, Status.ONCE, Map.of());
  }

  /**
   * Bytes, whole. They are not copied: do not change them any more.
   *
   * @param key its name
   * @param type what they are
   * @param bytes the bytes
   * @return the payload
   */
  public static Payload of(String key, Type type, byte[] bytes) {
    return new Payload(key, Data.of(bytes), type, Status.ONCE, Map.of());
  }

  /**
   * What lies between position and limit, whole. It is not copied: do not change it any more.
   *
   * @param key its name
   * @param type what it is
   * @param buffer heap or direct
   * @return the payload
   */
  public static Payload of(String key, Type type, ByteBuffer buffer) {
    return new Payload(key, Data.of(buffer), type, Status.ONCE, Map.of());
  }

  /**
   * The same with another status.
   *
   * @param status where in its stream it stands
   * @return the payload
   */
  public Payload with(Status status) {
    return new Payload(key, data, type, status, attributes);
  }

  /**
   * The same with other attributes.
   *
   * @param attributes what else is said of it
   * @return the payload
   */
  public Payload with(Map<String, String> attributes) {
    return new Payload(key, data, type, status, attributes);
  }

  /**
   * The same with another name.
   *
   * @param key its name
   * @return the payload
   */
  public Payload named(String key) {
    return new Payload(key, data, type, status, attributes);
  }

  /**
   * Its bytes as UTF-8 text.
   *
   * @return the text
   */
  public String text() {
    return data.text();
  }

  /**
   * A copy of its bytes.
   *
   * @return the copy, which is the caller's
   */
  public byte[] bytes() {
    return data.bytes();
  }

  /**
   * Its bytes without a copy.
   *
   * @return a read-only buffer over all of them
   */
  public ByteBuffer buffer() {
    return data.buffer();
  }

  /**
   * Whether its stream ends with it.
   *
   * @return true: {@link Status#END} or {@link Status#ONCE}
   */
  public boolean isLast() {
    return status == Status.END || status == Status.ONCE;
  }
}
