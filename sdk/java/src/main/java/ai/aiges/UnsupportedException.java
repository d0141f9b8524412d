// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/** This engine does not do that: HTTP 501, gRPC UNIMPLEMENTED. */
public class UnsupportedException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public UnsupportedException(String text) {
    super(text, 4, 30009, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public UnsupportedException(String text, Throwable cause) {
    super(text, 4, 30009, cause);
  }
}
