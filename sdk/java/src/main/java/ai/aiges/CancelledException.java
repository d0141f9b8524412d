// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/** It was given up before it was done: HTTP 499, gRPC CANCELLED. */
public class CancelledException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public CancelledException(String text) {
    super(text, 6, 30011, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public CancelledException(String text, Throwable cause) {
    super(text, 6, 30011, cause);
  }
}
