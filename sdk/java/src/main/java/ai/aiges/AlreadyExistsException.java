// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/** What the caller would make is there already: HTTP 409, gRPC ALREADY_EXISTS. */
public class AlreadyExistsException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public AlreadyExistsException(String text) {
    super(text, 5, 30010, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public AlreadyExistsException(String text, Throwable cause) {
    super(text, 5, 30010, cause);
  }
}
