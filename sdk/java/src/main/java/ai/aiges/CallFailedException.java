// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/**
 * Another model did not answer, or with an error. A hook that lets it pass has failed itself, by
 * its own fault.
 */
public class CallFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** How to react. The order is the host's. */
  public enum Kind {
    /** The other engine's fault. */
    INTERNAL,
    /** What it was sent cannot be used. */
    INVALID,
    /** What it was asked for is not there, or no such model. */
    NOT_FOUND,
    /** Not now, perhaps later. */
    UNAVAILABLE,
    /** It does not do that. */
    UNSUPPORTED,
    /** What it was to make is there already. */
    EXISTS,
    /** Given up. */
    CANCELLED,
    /** Nobody knows. */
    UNKNOWN,
    /** No room now. */
    OVERLOADED,
    /** The deadline has passed. */
    DEADLINE
  }

  private final String model;
  private final int code;
  private final Kind kind;

  CallFailedException(String model, int code, int errorClass, String text) {
    super("model " + model + ": " + text);
    this.model = model;
    this.code = code;
    Kind[] kinds = Kind.values();
    this.kind = errorClass >= 0 && errorClass < kinds.length ? kinds[errorClass] : Kind.INTERNAL;
  }

  /**
   * The model that was called.
   *
   * @return its name
   */
  public String model() {
    return model;
  }

  /**
   * The code that a client of it would have got.
   *
   * @return the code
   */
  public int code() {
    return code;
  }

  /**
   * How to react.
   *
   * @return the kind
   */
  public Kind kind() {
    return kind;
  }
}
