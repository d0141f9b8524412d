// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/**
 * What an engine says of a call, as the client is to get it: its text as it is, with the status of
 * its class. One of the class 0 is the engine's fault (500), and its stack is in the log; the
 * subclasses are no faults, and are not logged.
 *
 * <p>Clients of XSF get the host's code for any error of that hook, and {@code ;code=<code>} behind
 * the text.
 */
public class CallException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The code of what an engine did not say itself. */
  public static final int USER_EXEC_ERROR = 30003;

  private final int errorClass;
  private final int code;

  /**
   * The engine's fault, with a code of its own.
   *
   * @param text what the client gets as it is
   * @param code any but 0
   */
  public CallException(String text, int code) {
    this(text, 0, code, null);
  }

  /**
   * All that there is to say.
   *
   * @param text what the client gets as it is
   * @param errorClass as wrapperErrorClass of include/aiges/wrapper.h
   * @param code any but 0
   * @param cause what it comes from, for the log; may be null
   */
  public CallException(String text, int errorClass, int code, Throwable cause) {
    super(text, cause);
    if (code == 0) {
      throw new IllegalArgumentException("code: expected a number that is not 0");
    }
    this.errorClass = errorClass;
    this.code = code;
  }

  /**
   * Whose fault it is.
   *
   * @return as wrapperErrorClass of include/aiges/wrapper.h
   */
  public int errorClass() {
    return errorClass;
  }

  /**
   * Its number.
   *
   * @return what stands behind ";code="
   */
  public int code() {
    return code;
  }
}
