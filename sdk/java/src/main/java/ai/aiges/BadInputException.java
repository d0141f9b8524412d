// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/**
 * The caller has sent what cannot be used: HTTP 400, gRPC INVALID_ARGUMENT. So say what was
 * expected and what came.
 */
public class BadInputException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public BadInputException(String text) {
    super(text, 1, 30006, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public BadInputException(String text, Throwable cause) {
    super(text, 1, 30006, cause);
  }
}
