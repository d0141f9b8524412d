// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/** What the caller names is not there: HTTP 404, gRPC NOT_FOUND. */
public class NotFoundException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public NotFoundException(String text) {
    super(text, 2, 30007, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public NotFoundException(String text, Throwable cause) {
    super(text, 2, 30007, cause);
  }
}
